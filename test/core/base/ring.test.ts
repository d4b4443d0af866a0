import test from 'ava';
import fc from 'fast-check';
import { Ring } from '../../../src/core/base/ring.js';

test('a ring behaves like a bounded queue under random use', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ push: fc.boolean(), length: fc.integer({ min: 0, max: 90 }), type: fc.nat(9) }), {
        maxLength: 400,
      }),
      (steps) => {
        const ring = Ring.create(256);
        const twin: { type: number; argument: number; bytes: number[] }[] = [];
        let serial = 0;
        for (const step of steps) {
          if (step.push) {
            serial += 1;
            const bytes = Uint8Array.from({ length: step.length + 4 }, (_, i) => serial + i);
            const prefix = Uint8Array.of(1, 2, 3, 4, 5);
            if (ring.push(step.type, serial, -serial, bytes, 4, step.length, prefix, 1, 3)) {
              twin.push({ type: step.type, argument: serial, bytes: [2, 3, 4, ...bytes.subarray(4)] });
            } else if (twin.length === 0) {
              return false;
            }
          } else {
            const want = twin.shift();
            if (ring.next() !== (want !== undefined)) return false;
            if (want === undefined) continue;
            if (
              ring.type !== want.type ||
              ring.argument !== want.argument ||
              ring.argument2 !== -want.argument
            ) {
              return false;
            }
            if (ring.payload.join() !== want.bytes.join()) return false;
            ring.release();
          }
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

test('a full ring refuses and recovers', (t) => {
  const ring = Ring.create(64);
  const bytes = new Uint8Array(100);
  t.false(ring.push(1, 0, 0, bytes, 0, 49));
  t.true(ring.push(1, 0, 0, bytes, 0, 48));
  t.false(ring.push(2, 0, 0, bytes, 0, 0));
  t.true(ring.next());
  ring.release();
  t.true(ring.push(3, 7, 8, bytes, 0, 0));
  t.true(ring.next());
  t.is(ring.type, 3);
});
