/**
 * The operator's commands about the role: hand it over, take this member out of service, bring it back. The rules are
 * the cluster core's; here it is given the command, and the end is awaited, so that whoever asked is told how it ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TwinspanError } from '../../core/base/errors.js';
import type { ClusterNode } from '../../core/cluster/cluster-node.js';
import { activePartner } from '../../core/cluster/hearing.js';
import { epochText } from '../../core/cluster/outputs.js';
import { isActing } from '../../core/cluster/record.js';
import type { RoleReport } from '../observe/report.js';
import type { Node } from './node.js';

/** Moving the role takes milliseconds; the core gives a hand-over up after its isolation time. */
const END_MS_MAX = 3_000;
const LOOK_MS = 5;

/**
 * Hands the role over: to the member named `to`, else away from whoever acts now. Resolves when it is there. Throws
 * TS_ROLE where it cannot be moved or nobody took it.
 */
export async function failover(node: Node, to: string | undefined): Promise<RoleReport> {
  const { cluster } = node;
  const { member, directory } = cluster.node;
  const { self } = directory;
  const target = to === undefined ? undefined : memberNamed(cluster.node, to);
  const startedAtMs = node.native.now();
  const before = activeNow(cluster.node);
  const acted = isActing(member.role);
  const result = cluster.handleCommand({ kind: 'failover', to: target }, startedAtMs);
  if (!result.ok) {
    const taker = to ?? (acted ? 'a partner' : self.name);
    throw new TwinspanError('TS_ROLE', `The role cannot go to ${taker}: ${result.why}.`, HINT);
  }
  const stays = target !== undefined && target !== self.member ? !acted : acted && target === self.member;
  if (!stays) {
    await settled(node, acted);
    if (acted && isActing(member.role)) {
      throw new TwinspanError('TS_ROLE', `No partner took the role: ${self.name} still serves.`, HINT);
    }
    if (!acted && !isActing(member.role)) {
      throw new TwinspanError('TS_ROLE', `${self.name} did not get the role: ${cluster.why}.`, HINT);
    }
  }
  return report(node, before, startedAtMs);
}

const HINT = "See 'twinspan cluster'.";

/** Takes this member out of service. Resolves when a partner serves, or at once where none can. */
export async function drain(node: Node): Promise<RoleReport> {
  const { cluster, native } = node;
  const startedAtMs = native.now();
  const before = activeNow(cluster.node);
  const acted = isActing(cluster.node.member.role);
  cluster.handleCommand({ kind: 'drain' }, startedAtMs);
  const { partners } = cluster.node.directory;
  const taken = partners.some(({ heard, record }) => heard && record?.serve === true);
  if (acted && taken) await settled(node, true);
  return report(node, before, startedAtMs);
}

/** Brings this member back into service. */
export function undrain(node: Node): RoleReport {
  const { cluster, native } = node;
  const startedAtMs = native.now();
  const before = activeNow(cluster.node);
  cluster.handleCommand({ kind: 'undrain' }, startedAtMs);
  return report(node, before, startedAtMs);
}

/** Name of the member that serves, as far as this one knows; undefined: nobody. */
export function activeNow({ member, directory }: ClusterNode): string | undefined {
  // Whoever hands the role over serves until another does.
  const partner = activePartner(directory.partners);
  if (member.role === 'active') return directory.self.name;
  return partner?.name ?? (member.role === 'draining' ? directory.self.name : undefined);
}

/** Whether the operator put the role where it is. */
export function isHeld(node: ClusterNode): boolean {
  if (isActing(node.member.role)) return node.member.held;
  return activePartner(node.directory.partners)?.record?.held === true;
}

/** Waits until this member has given the role up, or has it alone, or has failed to get it; bounded. */
async function settled(node: Node, acted: boolean): Promise<void> {
  const { native, cluster } = node;
  const { member, directory } = cluster.node;
  const under = (): boolean => {
    if (acted) return member.role === 'draining' || activeNow(cluster.node) === undefined;
    const partnerActs = directory.partners.some(
      ({ heard, record }) => heard && record !== undefined && isActing(record.role),
    );
    return member.role === 'claiming' || (member.role === 'active' && partnerActs);
  };
  const untilMs = native.now() + END_MS_MAX;
  while (under() && native.now() < untilMs) await sleep(LOOK_MS);
}

function memberNamed({ directory }: ClusterNode, name: string): number {
  const { members, name: cluster } = directory.own;
  const found = members.find((member) => member.name === name);
  if (found !== undefined) return found.member;
  const names = members.map((member) => member.name).join(', ');
  throw new TwinspanError('TS_ROLE', `${name} is no member of ${cluster}: its members are ${names}.`);
}

function report(node: Node, before: string | undefined, startedAtMs: number): RoleReport {
  const { member, directory } = node.cluster.node;
  const active = activeNow(node.cluster.node);
  return {
    node: directory.self.name,
    cluster: directory.own.name,
    ...(active !== undefined && { active }),
    epoch: epochText(directory.own.epoch),
    moved: active !== before,
    tookMs: Math.round(node.native.now() - startedAtMs),
    drained: member.drained,
    stillServes: isActing(member.role),
    held: isHeld(node.cluster.node),
  };
}
