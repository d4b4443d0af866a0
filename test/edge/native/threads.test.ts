/** Several workers seal on one session at once: their nonces come from one shared counter (native/seal.cc). */
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { SESSIONS } from './rig.js';
import type { SealingOrder } from './sealing-thread.js';

const THREADS = 4;
const BATCHES = 100;

test('threads that seal on one session never use a counter twice, and leave none out', async (t) => {
  const sendCounter = new SharedArrayBuffer(SESSIONS * 8);
  const gate = new SharedArrayBuffer(4);
  new Int32Array(gate)[0] = THREADS;
  const seed = randomInt(2 ** 31);
  t.log(`seed ${seed}`);
  const key = new Uint8Array(randomBytes(32));
  const all = await Promise.all(
    Array.from({ length: THREADS }, async (_, thread) => {
      const workerData: SealingOrder = { sendCounter, gate, key, seed: seed + thread, batches: BATCHES };
      const worker = new Worker(new URL('./sealing-thread.js', import.meta.url), { workerData });
      const [counters] = (await once(worker, 'message')) as [number[]];
      return counters;
    }),
  );
  for (const counters of all) {
    t.true(
      counters.every((counter, i) => i === 0 || counter > counters[i - 1]),
      'each thread gets them in order',
    );
  }
  const sorted = all.flat().sort((a, b) => a - b);
  t.true(sorted.length > THREADS * BATCHES * 256);
  t.is(Number(new BigUint64Array(sendCounter)[0]), sorted.length);
  t.true(sorted.every((counter, i) => counter === i));
  const mixed = all.some((counters) => counters.some((counter, i) => i > 0 && counter > counters[i - 1] + 1));
  t.true(mixed, 'they sealed at the same time');
});
