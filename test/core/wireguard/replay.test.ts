import test from 'ava';
import fc from 'fast-check';
import { acceptCounter, clearReplayWindow, REPLAY_WINDOW } from '../../../src/core/wireguard/replay.js';
import { SessionTable } from '../../../src/core/wireguard/tables.js';

/** Remembers every counter. */
class SlowWindow {
  readonly #seen = new Set<number>();
  #newest = -1;

  accept(counter: number): boolean {
    if (this.#newest - counter > REPLAY_WINDOW || this.#seen.has(counter)) return false;
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    return true;
  }
}

/** Counters that wander: near the last one, at the window's edges, far ahead. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 3, arbitrary: fc.integer({ min: -REPLAY_WINDOW - 40, max: -REPLAY_WINDOW + 40 }) },
    { weight: 2, arbitrary: fc.integer({ min: 8_100, max: 8_300 }) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 32 + 31, 2 ** 40) },
  ),
  { minLength: 1, maxLength: 300 },
);
const start = fc.oneof(fc.nat(100), fc.constantFrom(2 ** 31 - 5, 2 ** 32 - 5, 2 ** 32 - 8_192, 2 ** 52));

test('agrees with a window that remembers everything', (t) => {
  fc.assert(
    fc.property(start, steps, (start, steps) => {
      const sessions = SessionTable.create(3);
      const slow = new SlowWindow();
      let counter = start;
      for (const step of steps) {
        counter = Math.min(Math.max(0, counter + step), 2 ** 53 - 1);
        t.is(acceptCounter(sessions, 1, counter), slow.accept(counter), `counter ${counter}`);
      }
      for (const slot of [0, 2])
        t.true(sessions.window.subarray(slot * 256, slot * 256 + 256).every((w) => w === 0));
    }),
    { numRuns: 300 },
  );
});

test('the edges of the window', (t) => {
  const sessions = SessionTable.create(1);
  const accept = (counter: number): boolean => acceptCounter(sessions, 0, counter);
  t.true(accept(0));
  t.false(accept(0));
  t.true(accept(REPLAY_WINDOW));
  t.false(accept(0), 'still remembered at the far edge');
  t.true(accept(1));
  t.true(accept(REPLAY_WINDOW + 2));
  t.false(accept(1), 'behind the window');
  t.true(accept(2 ** 53 - 1), 'a jump clears the window');
  t.true(accept(2 ** 53 - 2));
  t.is(sessions.received[0], 2 ** 53);
  clearReplayWindow(sessions, 0);
  t.true(accept(0));
});
