import test from 'ava';
import fc from 'fast-check';
import { Deadlines } from '../../../src/core/base/deadlines.js';

const SLOTS = 8;

test('agrees with a plain list under any use', (t) => {
  const step = fc.record({ slot: fc.nat(SLOTS - 1), at: fc.option(fc.nat(20)), now: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const deadlines = new Deadlines(SLOTS);
      const twin = new Array<number>(SLOTS).fill(Number.POSITIVE_INFINITY);
      for (const { slot, at, now } of steps) {
        if (at === null) deadlines.stop(slot);
        else deadlines.set(slot, at);
        twin[slot] = at ?? Number.POSITIVE_INFINITY;
        t.is(deadlines.at(slot), twin[slot]);
        t.is(deadlines.next(), Math.min(...twin));
        const due: number[] = [];
        for (let k = deadlines.due(now); k >= 0; k = deadlines.due(now, k + 1)) due.push(k);
        t.deepEqual(
          due,
          twin.flatMap((at, index) => (at <= now ? [index] : [])),
        );
      }
    }),
  );
});
