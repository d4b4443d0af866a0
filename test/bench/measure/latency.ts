/** Round trips between `ha` and `hb` of a lane, by ping, with nothing else going on and beside a TCP stream. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../lane.js';
import { collect } from '../shell.js';
import { quantile } from '../statistics.js';
import { runIperf } from './iperf.js';

const INTERVAL_SECONDS = 0.005;
/** TCP has found its speed by then, and still has it when the last echo returns. */
const LEAD_SECONDS = 0.5;

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** Quantiles in ms of what ping printed. An echo that never came back counts as longer than all others. */
export function parseLatency(text: string): Latency {
  const times = [...text.matchAll(/ time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  if (times.length === 0) throw new Error('ping got no answer');
  const sent = Number(/(\d+) packets transmitted/.exec(text)?.[1] ?? times.length);
  const lost = Array.from({ length: Math.max(0, sent - times.length) }, () => Number.POSITIVE_INFINITY);
  const all = [...times, ...lost];
  return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) };
}

/** An echo each 5 ms for `seconds`, of at least 200. */
export async function measureIdleLatency(lane: Lane, seconds: number): Promise<Latency> {
  const count = Math.max(200, Math.round(seconds / INTERVAL_SECONDS));
  const argv = [
    'ping',
    '-n',
    '-c',
    String(count),
    '-i',
    String(INTERVAL_SECONDS),
    '-W',
    '1',
    lane.peer.target,
  ];
  return parseLatency(await collect(lane.on('ha', ...argv), 30_000, lane.signal));
}

/** The same beside one TCP stream that takes all it can get. */
export async function measureLoadedLatency(lane: Lane, seconds: number): Promise<Latency> {
  const load = runIperf(lane, seconds + 2 * LEAD_SECONDS, []);
  // The failure of the load is reported below; it must not be unhandled while ping runs.
  load.catch(() => {});
  await sleep(LEAD_SECONDS * 1000, undefined, { signal: lane.signal });
  const latency = await measureIdleLatency(lane, seconds);
  await load;
  return latency;
}
