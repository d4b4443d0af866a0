/** `twinspan cluster`: both members, who serves, why a standby waits, the other clusters, the last failovers. */
import type {
  ClusterReport,
  FailoverReport,
  MemberReport,
  OtherClusterReport,
  RedisReport,
} from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_USAGE } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { countOf, formatDuration } from '../units.js';

/** Failovers that are printed where nothing else is asked. */
const SHOWN = 3;

export const clusterCommand = command({
  usage: 'cluster',
  summary:
    'Print the members, their roles and health, the other clusters and the last failovers, step by step',
  options: (yargs) =>
    daemonOptions(
      yargs.option('last', {
        type: 'number',
        requiresArg: true,
        default: SHOWN,
        describe: 'How many failovers to print',
      }),
    ),
  async run(options, context) {
    if (!Number.isInteger(options.last) || options.last < 0) {
      context.err('--last is a whole number of failovers.');
      return EXIT_USAGE;
    }
    const report = await ask(options, 'cluster', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatCluster(report, options.last));
    return EXIT_OK;
  },
});

/** A cluster as text, with its `last` failovers. */
export function formatCluster(report: ClusterReport, last = SHOWN): string {
  const sections = [
    formatHead(report),
    `Members\n${formatMembers(report)}`,
    `Other clusters\n${formatOthers(report.clusters)}`,
    formatFailovers(report.failovers, last),
  ];
  return sections.join('\n\n');
}

function formatHead(report: ClusterReport): string {
  const { active, cluster, drained, epoch, network, node, patience, role, waiting } = report;
  const serves = active === undefined ? 'nobody is active' : `${active} is active`;
  const rows = [
    ['Cluster', `${cluster} of ${network}: ${serves}, epoch ${epoch}`],
    ['Here', `${node}, ${role}${drained ? ' (drained)' : ''}`],
  ];
  if (waiting !== undefined) {
    const left = waiting.leftMs === undefined ? '' : ` (${formatWait(waiting.leftMs)} left)`;
    rows.push(['Waits', `${waiting.why}${left}`]);
  }
  rows.push(['Failback', formatFailback(report)]);
  if (patience.factor > 1) {
    const changes = countOf(patience.changes, 'change');
    rows.push([
      'Hold-down',
      `${patience.factor} times as long as configured, after ${changes} of role in ten minutes`,
    ]);
  }
  rows.push(['Redis', formatRedis(report.redis)]);
  return table(['', ''], rows);
}

function formatWait(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : formatDuration(ms);
}

function formatFailback({ failback, held, preferred }: ClusterReport): string {
  if (failback === 'manual') return `manual; ${preferred} is preferred`;
  const suspended = held ? '; not before the role moves again: the operator put it where it is' : '';
  return `automatic, to ${preferred}${suspended}`;
}

function formatRedis({ state, epoch, sinceMs }: RedisReport): string {
  if (state === 'not configured') return 'not configured: partner and peers alone tell who is alive';
  if (state === 'answers')
    return `answers, for ${formatDuration(sinceMs ?? 0)}; the register holds ${epoch ?? '-'}`;
  const since = sinceMs === undefined ? 'it never did' : `it last did ${formatDuration(sinceMs)} ago`;
  return `does not answer: ${since}; claims stand alone`;
}

function formatMembers({ members }: ClusterReport): string {
  const headings = [
    'NAME',
    'ROLE',
    'EPOCH',
    'ABLE',
    'LAN',
    'SERVES',
    '>UPLINKS',
    '>SCORE',
    'REACHES',
    'HEARD',
  ];
  return table(headings, members.map(memberRow), '  ');
}

function memberRow({ name, heard, record }: MemberReport): string[] {
  const how = heard === undefined ? 'this member' : formatHeard(heard);
  if (record === undefined) return [name, '-', '-', '-', '-', '-', '-', '-', '-', how];
  const { role, epoch, able, lan, serve, held, score, uplinks } = record;
  const reaches = [
    record.direct.join(', '),
    record.throughHub.length > 0 ? `through a hub: ${record.throughHub.join(', ')}` : '',
  ];
  return [
    name,
    held ? `${role}, held` : role,
    epoch,
    yesNo(able),
    yesNo(lan),
    yesNo(serve),
    `${uplinks.usable} of ${uplinks.usable + uplinks.lost}`,
    String(score),
    reaches.filter((text) => text !== '').join('; ') || '-',
    how,
  ];
}

function formatHeard({ now, lanMs, redisMs, witnesses }: NonNullable<MemberReport['heard']>): string {
  const ways = [
    lanMs === undefined ? 'LAN never' : `LAN ${formatDuration(lanMs)}`,
    ...(redisMs === undefined ? [] : [`Redis ${formatDuration(redisMs)}`]),
    witnesses.length === 0 ? 'no witness' : `by ${witnesses.join(', ')}`,
  ];
  return `${now ? 'yes' : 'NO'}: ${ways.join(', ')}`;
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'NO';
}

function formatOthers(clusters: readonly OtherClusterReport[]): string {
  if (clusters.length === 0) return '  none';
  const rows = clusters.map(({ name, gateway, epoch, members, way, through }) => [
    gateway ? `${name} (hub)` : name,
    epoch,
    way === 'none' ? 'NOBODY' : way === 'direct' ? `${through}` : `through ${way} ${through}`,
    members.map((one) => `${one.name} ${one.up ? (one.role ?? 'up') : 'no session'}`).join(', '),
  ]);
  return table(['NAME', 'EPOCH', 'SERVED BY', 'MEMBERS'], rows, '  ');
}

function formatFailovers(failovers: readonly FailoverReport[], last: number): string {
  if (failovers.length === 0) return 'Failovers\n  none since this process started';
  const shown = failovers.slice(0, last);
  const more = failovers.length - shown.length;
  const rest = more > 0 ? [`  ${more} more: --last ${failovers.length}`] : [];
  return ['Failovers, newest first', ...shown.map(formatFailover), ...rest].join('\n');
}

function formatFailover({ at, epoch, evidence, from, steps, to, why }: FailoverReport): string {
  const lines = [
    `  ${at}  ${from} → ${to}, epoch ${epoch}: ${why}`,
    `    known: ${formatEvidence(evidence)}`,
  ];
  const rows = steps.map(({ offsetMs, what }) => [formatOffset(offsetMs), what]);
  return [...lines, table(['>', ''], rows, '    ')].join('\n');
}

function formatOffset(ms: number): string {
  const rounded = Math.round(ms);
  return `${rounded > 0 ? '+' : rounded < 0 ? '−' : ''}${Math.abs(rounded)} ms`;
}

function formatEvidence(evidence: FailoverReport['evidence']): string {
  const { able, lan, partners, register, score, serve } = evidence;
  const own = [
    able ? 'able' : 'NOT able',
    lan ? 'LAN usable' : 'LAN DEAD',
    serve ? 'serves' : 'CANNOT serve',
    `score ${score}`,
    register === 'no answer' ? 'no register' : `register ${register}`,
  ];
  const others = partners.map((partner) => {
    const { lanMs, name, redisMs, role, witnesses } = partner;
    const heard = formatHeard({
      now: partner.heard,
      ...(lanMs !== null && { lanMs }),
      ...(redisMs !== null && { redisMs }),
      witnesses: [...witnesses],
    });
    return `${name} ${role ?? 'unknown'}, score ${partner.score ?? '-'}, heard ${heard}`;
  });
  return [own.join(', '), ...others].join('; ');
}
