/** Hysteresis against a slow twin that looks at every past millisecond, and the cases for which it is there. */
import test from 'ava';
import fc from 'fast-check';
import type { UplinkState } from '../../../src/core/uplink/evidence.js';
import { Settling, type SettlingTimes } from '../../../src/core/uplink/settling.js';

const TIMES: SettlingTimes = { downMs: 5, degradedMs: 20, recoverMs: 30, recoverMsMax: 100, relapseMs: 80 };
const STATES: readonly UplinkState[] = ['up', 'degraded', 'down'];

interface Verdict {
  readonly state: UplinkState;
  readonly hard: boolean;
}

/** What the state is after each millisecond, by looking back over all verdicts so far. */
function slow(verdicts: readonly Verdict[]): UplinkState[] {
  const levels = verdicts.map(({ state }) => STATES.indexOf(state));
  let state = levels[0];
  let sinceMs = 0;
  let relapses = 0;
  let recovered = false;
  return levels.map((_, now) => {
    /** For how long, at this millisecond, `holds` has held without a break. */
    const lasted = (holds: (level: number) => boolean): number => {
      let start = now + 1;
      while (start > 0 && holds(levels[start - 1])) start--;
      return now - start;
    };
    const worse = [2, 1].find((next) => {
      if (next <= state) return false;
      const wait = next === 1 ? TIMES.degradedMs : verdicts[now].hard ? 0 : TIMES.downMs;
      return lasted((level) => level >= next) >= wait;
    });
    const recoverMs = Math.min(TIMES.recoverMs * 2 ** relapses, TIMES.recoverMsMax);
    const better = [0, 1].find((next) => next < state && lasted((level) => level <= next) >= recoverMs);
    if (worse !== undefined) {
      if (recovered) relapses = now - sinceMs < TIMES.relapseMs ? relapses + 1 : 0;
      [state, sinceMs, recovered] = [worse, now, false];
    } else if (better !== undefined) [state, sinceMs, recovered] = [better, now, true];
    return STATES[state];
  });
}

/** Verdicts told only when they change, time moved only when a deadline says so. */
function fast(verdicts: readonly Verdict[]): UplinkState[] {
  const settling = new Settling(0, TIMES);
  return verdicts.map(({ state, hard }, now) => {
    const before = verdicts[now - 1];
    if (before?.state !== state || before.hard !== hard) settling.handleVerdict(state, hard, now);
    else if (now >= settling.nextDeadline()) settling.handleTimeout(now);
    return settling.state;
  });
}

const run = fc.record({
  state: fc.constantFrom(...STATES),
  hard: fc.boolean(),
  ms: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 120 })),
});

test('property: the same as the slow twin, whatever comes', (t) => {
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 14 }), (runs) => {
      const verdicts = runs.flatMap(({ state, hard, ms }) =>
        Array.from({ length: ms }, () => ({ state, hard: hard && state === 'down' })),
      );
      t.deepEqual(fast(verdicts), slow(verdicts));
    }),
    { numRuns: 400 },
  );
});

test('a certain fault counts at once, another after a while, and a short one not at all', (t) => {
  const settling = new Settling(0, TIMES);
  settling.handleVerdict('up', false, 0);
  settling.handleVerdict('down', false, 100);
  settling.handleVerdict('up', false, 104);
  t.is(settling.state, 'up');
  settling.handleVerdict('down', false, 110);
  t.is(settling.nextDeadline(), 115);
  settling.handleTimeout(115);
  t.is(settling.state, 'down');
  t.is(settling.sinceMs, 115);
  const certain = new Settling(0, TIMES);
  certain.handleVerdict('up', false, 0);
  certain.handleVerdict('down', true, 7);
  t.is(certain.state, 'down');
});

test('each relapse doubles the time of trial, up to a maximum; good conduct is rewarded', (t) => {
  const settling = new Settling(0, TIMES);
  let now = 0;
  settling.handleVerdict('up', false, now);
  const trial = (): number => {
    settling.handleVerdict('down', true, now + 1);
    now += 2;
    settling.handleVerdict('up', false, now);
    const ms = settling.nextDeadline() - now;
    now += ms;
    settling.handleTimeout(now);
    return ms;
  };
  t.deepEqual([trial(), trial(), trial(), trial(), trial()], [30, 60, 100, 100, 100]);
  now += TIMES.relapseMs;
  t.is(trial(), 30);
});
