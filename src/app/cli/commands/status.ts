/** `twinspan status`: what the daemon is and does, on one screen. */
import type { PauseReport, PeerReport, StatusReport, WorkerReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { formatBytes, formatCount, formatDuration } from '../units.js';

export const statusCommand = command({
  usage: 'status',
  summary: 'Print peers, devices, offloads and drops of the running daemon',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'status', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatStatus(report));
    return EXIT_OK;
  },
});

/** A status as text. */
export function formatStatus(report: StatusReport): string {
  const sections = [
    formatHead(report),
    `Peers\n${formatPeers(report.peers)}`,
    `Devices\n${formatDevices(report)}`,
    `Offloads\n${formatOffloads(report)}`,
    `Pauses\n${formatPauses(report.pauses)}`,
  ];
  if (report.workers.length > 1 || report.workers.some(({ state }) => state !== 'running')) {
    sections.push(`Workers\n${formatWorkers(report.workers)}`);
  }
  sections.push(`Drops\n${formatDrops(report)}`);
  return sections.join('\n\n');
}

function formatHead(report: StatusReport): string {
  const drained = report.drained ? ' (drained)' : '';
  const epoch = report.epoch === undefined ? '' : `, epoch ${report.epoch.n}.${report.epoch.memberIndex}`;
  const { rssBytes, heapUsedBytes } = report.memory;
  const { realtime, reason } = report.scheduling;
  return table(
    ['', ''],
    [
      ['Node', `${report.node} of ${report.cluster}, ${report.role}${drained}${epoch}`],
      ['Network', report.network],
      ['Running', `${formatDuration(report.uptimeMs)}, version ${report.version}, ${report.configFile}`],
      ['Listens', `UDP ${report.listenPort}, public key ${report.publicKey}`],
      ['Memory', `${formatBytes(rssBytes)} resident, ${formatBytes(heapUsedBytes)} heap`],
      ...(realtime ? [['Scheduling', 'realtime']] : []),
      ...(reason !== undefined ? [['Scheduling', `normal: ${reason}`]] : []),
    ],
  );
}

function formatWorkers(workers: readonly WorkerReport[]): string {
  const headings = ['>', 'STATE', '>SEALED', '>OPENED', '>STRAYS', ''];
  const rows = workers.map(({ index, state, sealed, opened, strays, reason = '' }) => {
    return [String(index), state, ...[sealed, opened, strays].map(formatCount), reason];
  });
  return table(headings, rows, '  ');
}

function formatPeers(peers: readonly PeerReport[]): string {
  if (peers.length === 0) return '  none';
  const headings = [
    'NAME',
    'CLUSTER',
    'STATE',
    'HANDSHAKE',
    '>RTT',
    '>RECEIVED',
    '>SENT',
    'ENDPOINT',
    'PATH',
  ];
  const rows = peers.map((peer) => [
    peer.name,
    peer.cluster,
    peer.state,
    peer.lastHandshakeAgeMs === undefined ? 'never' : `${formatDuration(peer.lastHandshakeAgeMs)} ago`,
    peer.rttMs === undefined ? '-' : `${peer.rttMs.toFixed(1)} ms`,
    formatBytes(peer.rxBytes),
    formatBytes(peer.txBytes),
    peer.endpoint ?? '-',
    peer.path ?? '-',
  ]);
  return table(headings, rows, '  ');
}

function formatDevices(report: StatusReport): string {
  const headings = ['NAME', 'ROLE', 'STATE', '>MTU', '>RECEIVED', '>SENT'];
  const rows = report.devices.map((device) => [
    device.name,
    device.role,
    device.state,
    device.mtu === undefined ? '-' : String(device.mtu),
    traffic(device.rxPackets, device.rxBytes),
    traffic(device.txPackets, device.txBytes),
  ]);
  return rows.length === 0 ? '  none' : table(headings, rows, '  ');
}

function traffic(packets: number | undefined, bytes: number | undefined): string {
  const parts = [
    packets === undefined ? undefined : `${formatCount(packets)} packets`,
    bytes === undefined ? undefined : formatBytes(bytes),
  ];
  return parts.filter((part) => part !== undefined).join(', ') || '-';
}

function formatOffloads(report: StatusReport): string {
  const rows = report.offloads.map(({ name, on, reason }) => [name, on ? 'on' : 'off', reason ?? '']);
  return rows.length === 0 ? '  none' : table(['', '', ''], rows, '  ');
}

function formatPauses(pauses: readonly PauseReport[]): string {
  if (pauses.length === 0) return '  none';
  const headings = ['THREAD', '>TURNS', '>P50', '>P99', '>P99.9', '>LONGEST', '>TOO LONG'];
  const rows = pauses.map((one) => [
    one.thread,
    formatCount(one.turns),
    ...[one.p50Ms, one.p99Ms, one.p999Ms, one.maxMs].map((ms) => `${ms.toFixed(2)} ms`),
    `${formatCount(one.over)} over ${one.limitMs} ms`,
  ]);
  return table(headings, rows, '  ');
}

function formatDrops(report: StatusReport): string {
  const packets = Object.entries(report.drops).map(([reason, count]) => [
    reason,
    formatCount(count),
    'packets',
  ]);
  const handshakes = Object.entries(report.handshakeDrops);
  const rows = [
    ...packets,
    ...handshakes.map(([reason, count]) => [reason, formatCount(count), 'handshakes']),
  ];
  return rows.length === 0 ? '  none' : table(['', '>', ''], rows, '  ');
}
