/** What a node costs while nothing happens, and how soon after its start it forwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../lane.js';
import { median } from '../statistics.js';
import { processSeconds, residentMegabytes } from './proc.js';

export interface IdleFigures {
  /** Of the larger of the two nodes. */
  readonly idleRssMb: number;
  /** Percent of one core, of the busier of the two. */
  readonly idleCpuPercent: number;
}

export interface NodeFigures extends IdleFigures {
  /** From the start of both programs to the first echo back through them, the median of the starts. */
  readonly firstPacketMs: number;
  /** The most memory that the larger of the two ever had, all traffic included. */
  readonly peakRssMb: number;
}

/** Starts the peer `starts` times and leaves it running. Returns the median time to the first packet in ms. */
export async function measureStarts(lane: Lane, starts: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < starts; i++) {
    lane.stop();
    times.push(await lane.start());
  }
  return median(times);
}

/** Watches all lanes at once for `seconds`, while nothing runs. */
export async function measureIdle(lanes: readonly Lane[], seconds: number): Promise<Map<Lane, IdleFigures>> {
  const before = lanes.map((lane) => lane.daemons.map(processSeconds));
  const startedAt = performance.now();
  await sleep(seconds * 1000, undefined, { signal: lanes[0]?.signal });
  const elapsed = (performance.now() - startedAt) / 1000;
  const figures = lanes.map((lane, i): [Lane, IdleFigures] => {
    lane.checkAlive();
    const busy = lane.daemons.map((pid, j) => processSeconds(pid) - before[i][j]);
    const idleRssMb = Math.max(0, ...lane.daemons.map((pid) => residentMegabytes(pid).now));
    return [lane, { idleRssMb, idleCpuPercent: (Math.max(0, ...busy) / elapsed) * 100 }];
  });
  return new Map(figures);
}

/** The most memory that a program of the lane ever had, in MB. */
export function peakMegabytes(lane: Lane): number {
  return Math.max(0, ...lane.daemons.map((pid) => residentMegabytes(pid).peak));
}
