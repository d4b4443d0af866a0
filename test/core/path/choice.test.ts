import test from 'ava';
import { type Candidate, PathChoice } from '../../../src/core/path/choice.js';
import { PathHealth } from '../../../src/core/path/health.js';
import {
  IDLE_AFTER_MS,
  PACE_DEFAULT,
  planEchoMs,
  planPace,
  planSlowdown,
} from '../../../src/core/path/pacing.js';
import { Quality } from '../../../src/core/path/quality.js';
import { Redial } from '../../../src/core/path/redial.js';

interface Sketch {
  cost?: number;
  state?: 'up' | 'degraded' | 'down';
  lossClass?: 0 | 1 | 2;
  rttMs?: number;
  heldUntilMs?: number;
}

function candidates(...sketches: Sketch[]): Candidate[] {
  return sketches.map(({ cost = 10, rttMs = 20, ...rest }, id) => {
    const quality = new Quality();
    quality.rttMs = rttMs;
    const health = Object.assign(
      new PathHealth(0),
      { state: 'up', reason: 'the reason', heldUntilMs: 0 },
      rest,
    );
    return { id, cost, health, quality, name: `p${id}` };
  });
}

/** A choice that has path 0 in use. */
function on0(): PathChoice {
  const choice = new PathChoice();
  choice.decide(candidates({}), 0);
  return choice;
}

test('the first choice, and the one after a death: sound, then proven, cheap, clean, near', (t) => {
  const down: Sketch = { state: 'down' };
  const orders: [Sketch[], number | undefined][] = [
    [[down, down], undefined],
    [[down, { lossClass: 2, cost: 1 }, { heldUntilMs: 9, cost: 99 }], 2],
    [[down, { heldUntilMs: 9, cost: 1 }, { cost: 99 }], 2],
    [[down, { cost: 11, rttMs: 1 }, { cost: 10, lossClass: 1 }], 2],
    [[down, { lossClass: 1, rttMs: 1 }, { rttMs: 300 }], 2],
    [[down, { rttMs: 21 }, { rttMs: 20 }], 2],
    [[down, {}, {}], 1],
  ];
  for (const [sketches, wanted] of orders) {
    t.is(new PathChoice().decide(candidates(...sketches), 5)?.to, wanted);
    t.deepEqual(on0().decide(candidates(...sketches), 5), { from: 0, to: wanted, why: 'p0: the reason' });
  }
});

test('a cheaper path wins back after its hold, no sooner', (t) => {
  const choice = on0();
  const paths = candidates({ cost: 20 }, { heldUntilMs: 10_000 });
  t.is(choice.decide(paths, 9_999), undefined);
  t.is(choice.nextDeadline(), 10_000);
  t.is(choice.decide(paths, 10_000)?.to, 1);
  t.is(choice.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('better quality alone must last for a minute without a break', (t) => {
  for (const [here, there] of [
    [{ lossClass: 1 }, {}],
    [{ rttMs: 100 }, { rttMs: 70 }],
  ] as Sketch[][]) {
    const choice = on0();
    t.is(choice.decide(candidates(here, there), 1_000), undefined);
    t.is(choice.nextDeadline(), 61_000);
    t.is(choice.decide(candidates({}, {}), 30_000), undefined, 'a break');
    t.is(choice.decide(candidates(here, there), 31_000), undefined);
    t.is(choice.decide(candidates(here, there), 90_999), undefined);
    t.is(choice.decide(candidates(here, there), 91_000)?.to, 1);
  }
  const choice = on0();
  for (let now = 0; now < 300_000; now += 1_000) {
    t.is(choice.decide(candidates({ rttMs: 100 }, { rttMs: 85 }), now), undefined, 'not clearly nearer');
    t.is(choice.decide(candidates({ rttMs: 10 }, { rttMs: 6 }), now), undefined, 'not by much');
    t.is(choice.decide(candidates({}, { cost: 11, rttMs: 1 }), now), undefined, 'dearer');
  }
});

test('a brown-out is left for a path that has passed its hold, however dear, and for no other', (t) => {
  const choice = on0();
  t.is(
    choice.decide(candidates({ lossClass: 2, state: 'degraded' }, { cost: 99, heldUntilMs: 5_000 }), 1_000),
    undefined,
  );
  t.is(choice.nextDeadline(), 5_000);
  t.is(choice.decide(candidates({ lossClass: 2 }, { cost: 1, lossClass: 2 }), 1_000), undefined);
  t.is(choice.decide(candidates({ lossClass: 2 }, { cost: 99 }), 1_000)?.to, 1);
});

test('a path that is gone, and the end of all', (t) => {
  const choice = on0();
  t.deepEqual(choice.decide([], 5), { from: 0, to: undefined, why: 'p0 is gone' });
  t.is(choice.decide([], 6), undefined);
});

test('dials: after 3 s, then twice as long each time up to a minute, each varied by a tenth', (t) => {
  for (const [random, factor] of [
    [0, 0.9],
    [0.5, 1],
  ]) {
    const redial = new Redial(() => random);
    t.false(redial.take(1e9));
    redial.handleDown(0);
    const waits: number[] = [];
    for (let now = 0, i = 0; i < 7; i++) {
      const nextMs = redial.nextDeadline();
      t.false(redial.take(nextMs - 1));
      t.true(redial.take(nextMs));
      waits.push((nextMs - now) / factor / 1_000);
      now = nextMs;
    }
    t.deepEqual(waits.map(Math.round), [3, 6, 12, 24, 48, 60, 60]);
    t.is(redial.attempts, 7);
    redial.handleUp();
    t.is(redial.nextDeadline(), Number.POSITIVE_INFINITY);
  }
});

test('pacing: full pace for dozens of paths, slower for many, in steps that do not toggle', (t) => {
  t.is(planSlowdown(10, 75, 1), 1);
  t.is(planSlowdown(75, 75, 1), 1);
  t.is(planSlowdown(76, 75, 1), 2);
  t.is(planSlowdown(70, 75, 2), 2, 'not back at once');
  t.is(planSlowdown(56, 75, 2), 1);
  t.is(planSlowdown(1_000, 75, 1), 16);
  t.is(planSlowdown(100_000, 75, 1), 32, 'no slower than 2.4 s');
  t.is(planEchoMs(10), 200);
  t.is(planEchoMs(600), 2_000);
  const idle = { paths: 10, urgent: false, idleMs: IDLE_AFTER_MS };
  t.is(planPace(PACE_DEFAULT, 1, { ...idle, urgent: true }), PACE_DEFAULT);
  t.is(planPace(PACE_DEFAULT, 1, { ...idle, idleMs: 0 }), PACE_DEFAULT);
  t.deepEqual(planPace(PACE_DEFAULT, 1, idle), { desiredMinTxMs: 600, requiredMinRxMs: 600, multiplier: 4 });
  t.deepEqual(planPace(PACE_DEFAULT, 32, { ...idle, urgent: true }).desiredMinTxMs, 2_400);
  const slow = { desiredMinTxMs: 5_000, requiredMinRxMs: 75, multiplier: 3 };
  t.deepEqual(planPace(slow, 4, idle), { desiredMinTxMs: 5_000, requiredMinRxMs: 600, multiplier: 3 });
});
