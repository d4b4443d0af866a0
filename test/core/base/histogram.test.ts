/** The histogram against a sorted list, in both languages. */
import test from 'ava';
import fc from 'fast-check';
import { HISTOGRAM_WORDS, Histogram } from '../../../src/core/base/histogram.js';
import { native } from '../../../src/edge/native.js';

/** Durations in µs over the whole range, and beyond. */
const micros = fc.oneof(
  fc.nat(40),
  fc.nat(100_000),
  fc.nat(2 ** 31 - 1),
  fc.integer({ min: 0, max: 30 }).map((bit) => 2 ** bit),
  fc.integer({ min: 1, max: 30 }).map((bit) => 2 ** bit - 1),
);
const LAST = 2 ** 26 - 1;

test('counts, quantiles and shares agree with a sorted list', (t) => {
  fc.assert(
    fc.property(
      fc.array(micros, { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, share) => {
        const histogram = new Histogram();
        for (const one of list) histogram.add(one / 1000);
        const sorted = list.map((one) => Math.min(one, LAST)).sort((a, b) => a - b);
        t.is(histogram.count, list.length);
        t.is(histogram.maxMs, sorted[sorted.length - 1] / 1000);
        t.is(
          histogram.buckets().reduce((sum, [, count]) => sum + count, 0),
          list.length,
        );
        const exact = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] / 1000;
        const told = histogram.quantileMs(share);
        t.true(told >= exact && told <= exact * (1 + 1 / 16), `${told} for ${exact}`);
      },
    ),
  );
});

test('the addon counts the same', (t) => {
  fc.assert(
    fc.property(fc.array(micros), (list) => {
      const here = new Histogram();
      const there = new Float64Array(HISTOGRAM_WORDS);
      for (const one of list) {
        here.add(one / 1000);
        native().testing.histogramAdd(there, one);
      }
      t.deepEqual(there, new Float64Array(here.words));
    }),
  );
  t.true(native().testing.histogramAdd(new Float64Array(HISTOGRAM_WORDS - 1), 1) < 0);
});

test('what was too long is counted by buckets, and nothing is no pause', (t) => {
  const histogram = new Histogram();
  t.deepEqual(
    [histogram.count, histogram.quantileMs(0.99), histogram.over(5), histogram.buckets()],
    [0, 0, 0, []],
  );
  for (const ms of [-1, 0, 4.9, 5.5, 30]) histogram.add(ms);
  t.is(histogram.over(5), 2);
  t.is(histogram.over(20), 1);
});
