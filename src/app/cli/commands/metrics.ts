/** `twinspan metrics`: counters and pauses in Prometheus' text format (exposition format 0.0.4). */
import type { HistogramReport, MetricsReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';

/** Upper bounds of the printed buckets, ms: fixed, so that series of one name can be added up. */
const BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export const metricsCommand = command({
  usage: 'metrics',
  summary: 'Print counters and pauses of the running daemon for Prometheus',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'metrics', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatMetrics(report));
    return EXIT_OK;
  },
});

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [suffix: string, labels: Labels, value: number];

/** Metrics as text. */
export function formatMetrics(report: MetricsReport): string {
  const { node, peers, drops, offloads, pauses } = report;
  const family = (name: string, type: string, help: string, samples: readonly Sample[]): string[] => [
    `# HELP twinspan_${name} ${help}`,
    `# TYPE twinspan_${name} ${type}`,
    ...samples.map(
      ([suffix, labels, value]) => `twinspan_${name}${suffix}${braces({ node, ...labels })} ${value}`,
    ),
  ];
  const counter = (name: string, help: string, samples: readonly Sample[]) =>
    samples.length === 0 ? [] : family(name, 'counter', help, samples);
  const ofPeers = (key: 'rxBytes' | 'txBytes' | 'rxPackets' | 'txPackets'): Sample[] =>
    peers.map((peer) => ['', { peer: peer.name }, peer[key]]);
  return [
    ...family('uptime_seconds', 'gauge', 'Time since the start.', [['', {}, report.uptimeMs / 1000]]),
    ...family(
      'pause_seconds',
      'histogram',
      'How long a thread kept away from its work.',
      pauses.flatMap(samplesOf),
    ),
    ...family(
      'pause_longest_seconds',
      'gauge',
      'The longest pause since the start.',
      pauses.map(({ thread, maxMs }): Sample => ['', { thread }, maxMs / 1000]),
    ),
    ...counter(
      'dropped_packets_total',
      'Packets refused by the data path.',
      Object.entries(drops).map(([reason, count]): Sample => ['', { reason }, count]),
    ),
    ...family(
      'offload_on',
      'gauge',
      'Whether an offload is used.',
      offloads.map(({ name, on }): Sample => ['', { offload: name }, on ? 1 : 0]),
    ),
    ...counter(
      'offload_demotions_total',
      'Refusals of an offload by the kernel at run time.',
      offloads.map(({ name, demotions }): Sample => ['', { offload: name }, demotions]),
    ),
    ...counter('received_bytes_total', 'Bytes received from a peer.', ofPeers('rxBytes')),
    ...counter('sent_bytes_total', 'Bytes sent to a peer.', ofPeers('txBytes')),
    ...counter('received_packets_total', 'Packets received from a peer.', ofPeers('rxPackets')),
    ...counter('sent_packets_total', 'Packets sent to a peer.', ofPeers('txPackets')),
  ].join('\n');
}

/** A histogram's buckets hold what is not longer than their bound. */
function samplesOf({ thread, count, sumMs, buckets }: HistogramReport): Sample[] {
  const within = (boundMs: number): number =>
    buckets.reduce((sum, [ms, many]) => (ms <= boundMs ? sum + many : sum), 0);
  return [
    ...BOUNDS_MS.map((ms): Sample => ['_bucket', { thread, le: String(ms / 1000) }, within(ms)]),
    ['_bucket', { thread, le: '+Inf' }, count],
    ['_sum', { thread }, sumMs / 1000],
    ['_count', { thread }, count],
  ];
}

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&')}"`);
  return `{${pairs.join(',')}}`;
}
