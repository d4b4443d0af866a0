import test from 'ava';
import { Stillness } from '../../../src/core/base/stillness.js';

test('counts while the counter stands still, from look to look', (t) => {
  const stillness = new Stillness();
  t.is(stillness.look(0, 1_000), 0, 'the first look has nothing to compare');
  t.is(stillness.look(0, 1_100), 100);
  t.is(stillness.look(0, 1_150), 150);
  t.is(stillness.look(7, 1_200), 0);
  t.is(stillness.look(7, 1_300), 100);
  t.is(stillness.look(-7, 1_400), 0, 'any other number is a move: counters wrap');
});

test('a pause of whoever looks counts for little', (t) => {
  const stillness = new Stillness();
  stillness.look(0, 0);
  t.true(stillness.look(0, 3_600_000) < 1_000);
});
