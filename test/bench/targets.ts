/**
 * What a node must hold, measured here and not in timed tests. A missed target is said aloud and kept in the JSON;
 * it is no failure of the benchmark.
 */
import { OURS, type Report } from './report.js';
import { significant } from './statistics.js';

export interface Target {
  readonly title: string;
  /** Where the figure stands in the report. */
  readonly path: readonly string[];
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly goal?: number;
}

export interface CheckedTarget extends Target {
  readonly value: number;
  readonly held: boolean;
}

export const TARGETS: readonly Target[] = [
  { title: 'TCP, 1 stream ÷ wireguard-go', path: ['ratios', 'tcp1/wireguard-go'], atLeast: 2 },
  { title: 'TCP, 4 streams ÷ wireguard-go', path: ['ratios', 'tcp4/wireguard-go'], atLeast: 2 },
  { title: 'TCP, 1 stream ÷ kernel', path: ['ratios', 'tcp1/kernel'], atLeast: 0.3, goal: 0.5 },
  { title: 'TCP, 4 streams ÷ kernel', path: ['ratios', 'tcp4/kernel'], atLeast: 0.3, goal: 0.5 },
  { title: 'UDP, 64 B ÷ wireguard-go', path: ['ratios', 'udp64/wireguard-go'], atLeast: 3 },
  { title: 'UDP, 1372 B ÷ wireguard-go', path: ['ratios', 'udp1372/wireguard-go'], atLeast: 2.5 },
  { title: 'round trip, idle, p50 ÷ wireguard-go', path: ['ratios', 'latencyP50/wireguard-go'], atMost: 1 },
  { title: 'round trip, idle, p99 ÷ wireguard-go', path: ['ratios', 'latencyP99/wireguard-go'], atMost: 1 },
  {
    title: 'round trip, loaded, p50 ÷ wireguard-go',
    path: ['ratios', 'loadedLatencyP50/wireguard-go'],
    atMost: 1,
  },
  {
    title: 'round trip, loaded, p99 ÷ wireguard-go',
    path: ['ratios', 'loadedLatencyP99/wireguard-go'],
    atMost: 1,
  },
  { title: 'CPU per gigabit ÷ wireguard-go', path: ['ratios', 'cpuPerGigabit/wireguard-go'], atMost: 0.5 },
  { title: 'start to first packet (ms)', path: ['nodes', OURS, 'firstPacketMs'], atMost: 1500 },
  { title: 'idle memory (MB)', path: ['nodes', OURS, 'idleRssMb'], atMost: 130 },
  { title: 'idle CPU (% of a core)', path: ['nodes', OURS, 'idleCpuPercent'], atMost: 1 },
  {
    title: 'TypeScript part, from the LAN (ns a packet)',
    path: ['core', 'router', 'fromLan', 'ns'],
    atMost: 150,
  },
  {
    title: 'TypeScript part, from a peer (ns a packet)',
    path: ['core', 'router', 'fromPeer', 'ns'],
    atMost: 150,
  },
  {
    title: 'bytes allocated a packet, from the LAN',
    path: ['core', 'router', 'fromLan', 'bytes'],
    atMost: 0.5,
  },
  {
    title: 'bytes allocated a packet, from a peer',
    path: ['core', 'router', 'fromPeer', 'bytes'],
    atMost: 0.5,
  },
  { title: 'route lookup, 100,000 routes (ns)', path: ['core', 'lookup', 'ipv4', 'ns'], atMost: 100 },
  { title: 'route lookup, 100,000 IPv6 routes (ns)', path: ['core', 'lookup', 'ipv6', 'ns'], atMost: 100 },
  { title: 'route, 1,000,000 routes (ns)', path: ['atScale', 'routes.lookup@1000000'], atMost: 120 },
  { title: 'table, 1,000,000 routes (MB)', path: ['atScale', 'routes.memory@1000000'], atMost: 64 },
  {
    title: 'one route changed, 1,000,000 routes (ms)',
    path: ['atScale', 'routes.update@1000000'],
    atMost: 10,
  },
  { title: 'memory a peer, 5,000 peers (KB)', path: ['atScale', 'peers.memory@5000'], atMost: 16 },
  {
    title: 'handshakes a second on one core, 5,000 peers',
    path: ['atScale', 'peers.handshakes@5000'],
    atLeast: 1000,
  },
  { title: '2,000 peers are back after a restart (s)', path: ['atScale', 'peers.back@2000'], atMost: 5 },
  {
    title: 'longest pause of a worker under full load, realtime (ms)',
    path: ['pauses', 'realtime', 'longestMs', 'worker'],
    atMost: 5,
  },
  {
    title: 'longest pause of a control thread under full load, realtime (ms)',
    path: ['pauses', 'realtime', 'longestMs', 'control'],
    atMost: 20,
  },
  { title: 'CPU a packet, 5,000 peers ÷ one', path: ['atScale', 'peers.packetRatio@5000'], atMost: 1.2 },
];

function lookUp(report: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], report);
}

/** The targets whose figure is in the report, each with its figure. */
export function checkTargets(report: Report, targets: readonly Target[] = TARGETS): CheckedTarget[] {
  return targets.flatMap((target) => {
    const value = lookUp(report, target.path);
    if (typeof value !== 'number' || Number.isNaN(value)) return [];
    const held =
      value >= (target.atLeast ?? Number.NEGATIVE_INFINITY) &&
      value <= (target.atMost ?? Number.POSITIVE_INFINITY);
    return [{ ...target, value, held }];
  });
}

/** One line for a person. */
export function describeTarget({ title, value, held, atLeast, atMost, goal }: CheckedTarget): string {
  const limit = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  const aim = goal === undefined ? '' : `, goal ${goal}`;
  return `${held ? 'held  ' : 'MISSED'}  ${title}: ${significant(value, 3)} (${limit}${aim})`;
}
