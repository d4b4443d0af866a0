/** The outage meter: the longest silence, losses, and silence up to the end. */
import test from 'ava';
import { Meter } from '../../../src/app/lab/programs/meter.js';

test('the longest gap is the longest time between arrivals, and knows when it began', (t) => {
  const meter = new Meter();
  for (const [sequence, now] of [
    [0, 1000],
    [1, 1010],
    [2, 1020],
    [40, 1400],
    [41, 1410],
  ] as const) {
    meter.handleArrival(sequence, now);
  }
  const losses = [{ atMs: Math.round(performance.timeOrigin + 1400), packets: 37 }];
  const gaps = [{ fromMs: Math.round(performance.timeOrigin + 1020), untilMs: losses[0].atMs }];
  t.deepEqual(meter.finish(1420), {
    received: 5,
    lost: 37,
    longestGapMs: 380,
    longestGapAtMs: 20,
    losses,
    gaps,
  });
});

test('silence up to the end counts, silence before the first arrival does not', (t) => {
  const meter = new Meter();
  meter.handleArrival(70, 5000);
  meter.handleArrival(71, 5010);
  t.like(meter.finish(9010), { longestGapMs: 4000, longestGapAtMs: 10 });
});

test('nothing arrived: no gap and nothing received', (t) => {
  t.like(new Meter().finish(99), { received: 0, lost: 0, longestGapMs: 0, longestGapAtMs: 0 });
});
