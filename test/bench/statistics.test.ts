import test from 'ava';
import fc from 'fast-check';
import { median, pairwiseRatio, quantile, significant, summarise } from './statistics.js';

test('median, minimum and maximum', (t) => {
  t.is(median([3]), 3);
  t.is(median([10, 2, 9]), 9);
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([]), Number.NaN);
  t.deepEqual(summarise([5, 1, 9]), { median: 5, minimum: 1, maximum: 9 });
});

test('a quantile is one of the values', (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  t.deepEqual(
    [0, 0.5, 0.99, 1].map((share) => quantile(hundred, share)),
    [1, 50, 99, 100],
  );
  t.is(quantile([7], 0.99), 7);
  t.is(quantile([], 0.5), Number.NaN);
});

test('the median has as many values above it as below, and the input is not sorted in place', (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (values) => {
      const before = [...values];
      const middle = median(values);
      t.deepEqual(values, before);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      return below <= values.length / 2 && above <= values.length / 2;
    }),
  );
});

test('ratios pair neighbours, so a drift that hits both cancels out', (t) => {
  t.is(pairwiseRatio([2, 4, 8], [1, 2, 4]), 2);
  t.is(pairwiseRatio([2, 4], [1, 2, 4]), 2);
  t.is(pairwiseRatio([], [1]), Number.NaN);
});

test('figures are printed with the digits that they deserve', (t) => {
  t.deepEqual(
    [16.63, 2.549, 174.4, 1743, 0.0312, 0, Number.NaN].map((value) => significant(value, 3)),
    ['16.6', '2.55', '174', '1743', '0.0312', '0.00', '–'],
  );
});
