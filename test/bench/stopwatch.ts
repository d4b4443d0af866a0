/** Nanoseconds and heap bytes of something small that is done many times. Run node with --expose-gc for the bytes. */

/** Many rounds, shorter than a time slice: on a busy machine some of them run undisturbed. */
const ROUNDS = 600;

export interface Cost {
  readonly ns: number;
  readonly bytes: number;
}

/** Takes the results of what is measured, so that none of it can be optimized away. */
const sink = new Int32Array(1);

/** Nanoseconds of the best round for each of the `each` operations of one call of `body`, of `rounds` of `calls` calls. */
export function bestNs(each: number, calls: number, body: () => number, rounds = ROUNDS): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) sink[0] ^= body();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (calls * each));
  }
  return Math.round(best * 10) / 10;
}

/** The same after a warm-up, with the heap bytes. */
export function measure(each: number, calls: number, body: () => number): Cost {
  for (let i = 0; i < calls * 100; i++) sink[0] ^= body();
  const ns = bestNs(each, calls, body);
  const bytes = (heapGrowth(calls, body) - heapGrowth(calls, () => 0)) / (calls * each);
  return { ns, bytes: Math.max(0, Math.round(bytes * 1000) / 1000) };
}

/** Median growth of the heap over `calls` calls: few enough of them that no collection hides an allocation. */
function heapGrowth(calls: number, body: () => number): number {
  const growth: number[] = [];
  for (let chunk = 0; chunk < 51; chunk++) {
    globalThis.gc?.({ type: 'minor' });
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < calls; i++) sink[0] ^= body();
    growth.push(process.memoryUsage().heapUsed - before);
  }
  return growth.sort((a, b) => a - b)[25];
}
