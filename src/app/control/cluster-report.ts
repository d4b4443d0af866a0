/** `cluster`: how this member sees its own cluster, the others, and what became of the role lately. */
import { witnessesOf } from '../../core/cluster/hearing.js';
import { epochText } from '../../core/cluster/outputs.js';
import type { KnownCluster, KnownNode } from '../../core/cluster/roster.js';
import { serving } from '../../core/cluster/serving.js';
import type { ClusterReport, MemberReport, OtherClusterReport, RedisReport } from '../observe/report.js';
import type { Node } from './node.js';
import { activeNow, isHeld } from './role-commands.js';

/** The whole report. */
export function clusterReport(node: Node): ClusterReport {
  const { configuration, cluster: keeper } = node;
  const { member, directory } = keeper.node;
  const now = node.native.now();
  const { own, self, clusters } = directory;
  const active = activeNow(keeper.node);
  const { waiting } = member;
  return {
    network: configuration.network.name,
    node: self.name,
    cluster: own.name,
    role: member.role,
    epoch: epochText(own.epoch),
    drained: member.drained,
    ...(active !== undefined && { active }),
    preferred: own.members[0].name,
    failback: configuration.clusters[configuration.cluster].failback,
    held: isHeld(keeper.node),
    ...(member.role === 'standby' && waiting !== undefined && { waiting: waitingReport(waiting, now) }),
    patience: { factor: member.patience.factor, changes: member.patience.changes },
    redis: redisReport(node, now),
    members: own.members.map((one) => memberReport(node, one, now)),
    clusters: clusters.filter((one) => one !== own).map((one) => otherReport(node, one)),
    failovers: keeper.history.report(),
  };
}

function waitingReport(
  { why, untilMs }: { why: string; untilMs: number | undefined },
  now: number,
): ClusterReport['waiting'] {
  return { why, ...(untilMs !== undefined && { leftMs: Math.max(0, Math.round(untilMs - now)) }) };
}

function redisReport({ cluster }: Node, now: number): RedisReport {
  if (!cluster.hasRegister) return { state: 'not configured' };
  const { answering, answeringSinceMs, answeredAtMs, register } = cluster.node.register;
  if (answering)
    return { state: 'answers', epoch: epochText(register), sinceMs: Math.round(now - answeringSinceMs) };
  return {
    state: 'silent',
    ...(Number.isFinite(answeredAtMs) && { sinceMs: Math.round(now - answeredAtMs) }),
  };
}

function memberReport({ cluster }: Node, one: KnownNode, now: number): MemberReport {
  const { directory, reach, record: own } = cluster.node;
  const here = one === directory.self;
  const record = here ? own : one.record;
  const { direct, throughHub } = here ? reach : one;
  return {
    name: one.name,
    here,
    ...(record !== undefined && {
      record: {
        role: record.role,
        epoch: epochText(record.epoch),
        able: record.able,
        lan: record.lan,
        serve: record.serve,
        held: record.held,
        score: record.score,
        direct: [...direct],
        throughHub: [...throughHub],
        uplinks: { ...record.uplinks },
      },
    }),
    ...(!here && {
      heard: {
        now: one.heard,
        ...ago('lanMs', one.receivedAtMs, now),
        ...ago('redisMs', one.beatAtMs, now),
        witnesses: witnessesOf(one, directory).map(({ name }) => name),
      },
    }),
  };
}

function ago<K extends string>(key: K, atMs: number, now: number): Partial<Record<K, number>> {
  return Number.isFinite(atMs) ? ({ [key]: Math.round(now - atMs) } as Record<K, number>) : {};
}

function otherReport({ cluster }: Node, other: KnownCluster): OtherClusterReport {
  const { directory } = cluster.node;
  const through = serving(directory, other);
  const direct = through?.cluster === other;
  const way = direct ? 'direct' : through?.cluster === directory.own ? 'partner' : 'hub';
  return {
    name: other.name,
    gateway: other.gateway,
    epoch: epochText(other.epoch),
    members: other.members.map(({ name, up, record }) => {
      return { name, up, ...(record !== undefined && { role: record.role }) };
    }),
    ...(through === undefined ? { way: 'none' as const } : { way, through: through.name }),
  };
}
