import test from 'ava';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/base/random.js';
import { Slots, workerOf } from '../../../src/core/wireguard/slots.js';
import { SLOT_MASK } from '../../../src/core/wireguard/tables.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';

const seeded = (seed: number) => {
  const random = new SeededRandom(seed);
  return createCrypto((length) => random.bytes(length));
};

test('a freed slot rests a second, and the one free longest comes first', (t) => {
  const slots = new Slots(seeded(1), 2);
  const a = slots.allocate(5, 0);
  const b = slots.allocate(6, 0);
  t.is(slots.allocate(7, 0), -1);
  slots.release(b, 100);
  slots.release(a, 200);
  t.is(slots.allocate(7, 1_099), -1);
  t.is(slots.allocate(7, 1_100), b);
  t.is(slots.allocate(7, 1_200), a);
});

test('owners, indices and slots agree with a plain map under any use, whatever the number of workers', (t) => {
  const step = fc.record({ take: fc.boolean(), which: fc.nat(20), wait: fc.nat(700) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.nat(),
      fc.integer({ min: 1, max: 16 }),
      (steps, seed, workers) => {
        const slots = new Slots(seeded(seed), 6 * workers, workers);
        const taken: { slot: number; index: number; owner: number }[] = [];
        const gone: number[] = [];
        let now = 0;
        for (const { take, which, wait } of steps) {
          now += wait;
          if (take) {
            const slot = slots.allocate(which, now);
            if (slot < 0) continue;
            t.is(workerOf(slot, workers), workerOf(which, workers), 'a message finds the worker of its peer');
            t.false(taken.some((one) => one.slot === slot));
            taken.push({ slot, index: slots.indexOf(slot), owner: which });
          } else if (taken.length > 0) {
            const [one] = taken.splice(which % taken.length, 1);
            slots.release(one.slot, now);
            gone.push(one.index);
          }
          for (const { slot, index, owner } of taken) {
            t.is(index & SLOT_MASK, slot);
            t.not(index, 0);
            t.is(slots.ownerOf(index), owner);
          }
          const last = gone.at(-1);
          if (last !== undefined && !taken.some(({ index }) => index === last)) t.is(slots.ownerOf(last), -1);
        }
        t.is(slots.ownerOf(0), -1);
        t.is(slots.ownerOf(0xffff_ffff), -1);
      },
    ),
  );
});

test('each worker has a whole share of the slots, whatever their number', (t) => {
  for (let workers = 1; workers <= 16; workers++) {
    for (const capacity of [1, workers, 6 * workers, 97]) {
      const slots = new Slots(seeded(1), capacity, workers);
      const all = new Set<number>();
      for (let peer = 0; peer < workers; peer++) {
        for (let slot = slots.allocate(peer, 0); slot >= 0; slot = slots.allocate(peer, 0)) all.add(slot);
      }
      t.deepEqual(
        [...all].sort((a, b) => a - b),
        Array.from({ length: capacity }, (_, slot) => slot),
      );
    }
  }
});

test('a renewed slot has another index', (t) => {
  const slots = new Slots(seeded(3), 1);
  const slot = slots.allocate(0, 0);
  const before = slots.indexOf(slot);
  slots.renew(slot);
  t.not(slots.indexOf(slot), before);
  t.is(slots.ownerOf(before), -1);
});

test('releasing a free slot is a bug', (t) => {
  t.throws(() => new Slots(seeded(1), 2).release(0, 0));
});
