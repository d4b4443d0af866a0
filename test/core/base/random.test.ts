import test from 'ava';
import { SeededRandom } from '../../../src/core/base/random.js';

test('a seed repeats its run, another seed is another run', (t) => {
  t.deepEqual(new SeededRandom(7).bytes(64), new SeededRandom(7).bytes(64));
  t.notDeepEqual(new SeededRandom(7).bytes(64), new SeededRandom(8).bytes(64));
  t.notDeepEqual(new SeededRandom(7).bytes(64), new SeededRandom(7 + 2 ** 32).bytes(64));
});

test('numbers spread evenly over their range', (t) => {
  const random = new SeededRandom(1);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]++;
  for (const count of counts) t.true(Math.abs(count - 10_000) < 500, `${counts}`);
  let chances = 0;
  for (let i = 0; i < 100_000; i++) if (random.chance(0.25)) chances++;
  t.true(Math.abs(chances - 25_000) < 1_000);
});
