/** How long a turn of the event loop takes, without what it waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { HISTOGRAM_WORDS, Histogram } from '../../../src/core/base/histogram.js';
import { native } from '../../../src/edge/native.js';

const BUSY_MS = 40;

test('a turn that computes is as long as it computes, one that waits is not', async (t) => {
  const turns = new Histogram();
  const startedAt = performance.now();
  t.is(native().turnsWatch(turns.words), 0);
  await sleep(300);
  const waited = turns.sumMs;
  t.true(turns.count > 0);
  t.true(waited < performance.now() - startedAt - 200, `${waited} ms busy`);
  const end = performance.now() + BUSY_MS;
  while (performance.now() < end);
  await sleep(1);
  t.true(turns.maxMs >= BUSY_MS);
  t.true(turns.sumMs - waited >= BUSY_MS);
});

test('an array that is too small is refused', (t) => {
  t.true(native().turnsWatch(new Float64Array(HISTOGRAM_WORDS - 1)) < 0);
});
