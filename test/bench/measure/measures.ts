/**
 * What is measured between `ha` and `hb` of a lane. To add a measure, add an entry to MEASURES: it gives its figures
 * their keys and units, and a run returns their values. Where it says how many gigabits it brought across, the CPU time
 * of the whole machine meanwhile gives a figure more (rounds.ts).
 */
import type { Lane } from '../lane.js';
import { measureDatagrams } from './datagrams.js';
import { runIperf } from './iperf.js';
import { measureIdleLatency, measureLoadedLatency } from './latency.js';

export interface Figure {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

export interface Taken {
  /** One value for each figure. */
  readonly values: readonly number[];
  readonly gigabits?: number;
}

export interface Measure {
  readonly key: string;
  readonly figures: readonly Figure[];
  /** CPU seconds of the whole machine for each gigabit: for measures that count them. */
  readonly cpu?: Figure;
  run(lane: Lane, seconds: number): Promise<Taken>;
}

function tcp(key: string, title: string, options: readonly string[], cpu?: Figure): Measure {
  return {
    key,
    figures: [{ key, title, unit: 'Gb/s', better: 'higher' }],
    ...(cpu && { cpu }),
    async run(lane, seconds) {
      const { gigabitsPerSecond, gigabits } = await runIperf(lane, seconds, options);
      return { values: [gigabitsPerSecond], gigabits };
    },
  };
}

function udp(bytes: number): Measure {
  const key = `udp${bytes}`;
  return {
    key,
    figures: [{ key, title: `UDP, ${bytes} B, without loss`, unit: 'kpps', better: 'higher' }],
    run: async (lane, seconds) => ({ values: [await measureDatagrams(lane, bytes, seconds)] }),
  };
}

function latency(key: string, title: string, take: typeof measureIdleLatency): Measure {
  const figure = (quantile: string): Figure => ({
    key: `${key}${quantile.toUpperCase()}`,
    title: `${title}, ${quantile}`,
    unit: 'ms',
    better: 'lower',
  });
  return {
    key,
    figures: [figure('p50'), figure('p99')],
    async run(lane, seconds) {
      const { p50, p99 } = await take(lane, Math.min(seconds, 3));
      return { values: [p50, p99] };
    },
  };
}

const CPU_PER_GIGABIT: Figure = {
  key: 'cpuPerGigabit',
  title: 'CPU per gigabit, TCP, 1 stream',
  unit: 's',
  better: 'lower',
};

export const MEASURES: readonly Measure[] = [
  tcp('tcp1', 'TCP, 1 stream', [], CPU_PER_GIGABIT),
  tcp('tcp4', 'TCP, 4 streams', ['-P', '4']),
  tcp('tcp1Reverse', 'TCP, 1 stream, reverse', ['-R']),
  tcp('tcp4Reverse', 'TCP, 4 streams, reverse', ['-P', '4', '-R']),
  udp(64),
  udp(512),
  udp(1372),
  latency('latency', 'round trip, idle', measureIdleLatency),
  latency('loadedLatency', 'round trip beside a TCP stream', measureLoadedLatency),
];

/** The figures that these measures give, in the order of the table. */
export function figuresOf(measures: readonly Measure[]): Figure[] {
  return measures.flatMap(({ figures, cpu }) => [...figures, ...(cpu === undefined ? [] : [cpu])]);
}
