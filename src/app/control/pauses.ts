/**
 * How long the threads keep away from their work. A worker times each breath; the control thread's event loop is timed by
 * the addon, turn by turn, without a timer of its own: an idle node is not woken for it.
 */
import { Histogram } from '../../core/base/histogram.js';
import type { Native } from '../../edge/native.js';
import type { HistogramReport, MetricsReport, PauseReport, StatusReport } from '../observe/report.js';

/** What lasts longer than this delays packets, and what delays handshakes and probes. */
const WORKER_LIMIT_MS = 5;
const CONTROL_LIMIT_MS = 20;

interface Thread {
  readonly name: string;
  readonly turns: Histogram;
  readonly limitMs: number;
}

export class Pauses {
  readonly #threads: readonly Thread[];

  /** Begins to time this thread; `workers`: what the workers count. */
  constructor(native: Pick<Native, 'turnsWatch'>, workers: readonly Histogram[]) {
    const control = new Histogram();
    native.turnsWatch(control.words);
    this.#threads = [
      ...workers.map((turns, index) => ({ name: `worker ${index}`, turns, limitMs: WORKER_LIMIT_MS })),
      { name: 'control', turns: control, limitMs: CONTROL_LIMIT_MS },
    ];
  }

  /** Since the start. */
  reports(): PauseReport[] {
    return this.#threads.map(({ name, turns, limitMs }) => ({
      thread: name,
      turns: turns.count,
      p50Ms: turns.quantileMs(0.5),
      p99Ms: turns.quantileMs(0.99),
      p999Ms: turns.quantileMs(0.999),
      maxMs: turns.maxMs,
      limitMs,
      over: turns.over(limitMs),
    }));
  }

  /** The same in full. */
  histograms(): HistogramReport[] {
    return this.#threads.map(({ name, turns }) => ({
      thread: name,
      count: turns.count,
      sumMs: turns.sumMs,
      maxMs: turns.maxMs,
      buckets: turns.buckets(),
    }));
  }
}

/** `metrics`, from a status of the same moment. */
export function metricsReport(status: StatusReport, pauses: Pauses): MetricsReport {
  return {
    node: status.node,
    uptimeMs: status.uptimeMs,
    pauses: pauses.histograms(),
    drops: status.drops,
    offloads: status.offloads.map(({ name, on, demotions }) => ({
      name,
      on,
      demotions: demotions?.length ?? 0,
    })),
    peers: status.peers.map(({ name, rxBytes, txBytes, rxPackets, txPackets }) => ({
      name,
      rxBytes,
      txBytes,
      rxPackets,
      txPackets,
    })),
  };
}
