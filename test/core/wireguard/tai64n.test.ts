import test from 'ava';
import fc from 'fast-check';
import {
  compareTai64n,
  encodeTai64n,
  MemoryTimestampStore,
  parseTai64n,
  TimestampSource,
} from '../../../src/core/wireguard/tai64n.js';
import { fromHex, toHex } from '../../support/hex.js';

const HOUR_MS = 3_600_000;

test('labels as other implementations write them', (t) => {
  t.is(toHex(encodeTai64n(0n)), '400000000000000a00000000');
  t.is(toHex(encodeTai64n(1_767_225_600_999_999_999n)), '400000006955b90a3b9ac9ff');
});

test('labels parse back, and order as their times do', (t) => {
  const unixNs = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  fc.assert(
    fc.property(unixNs, unixNs, (a, b) => {
      t.is(parseTai64n(encodeTai64n(a)), a);
      t.is(Math.sign(compareTai64n(encodeTai64n(a), encodeTai64n(b))), a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test('what is no label does not parse', (t) => {
  for (const wrong of [
    '',
    '40',
    '400000000000000a0000000000',
    '000000000000000a00000000',
    '400000000000000900000000',
    '400000000000000a3b9aca00',
    'ffffffffffffffff00000000',
    '400000060000000a00000000',
  ]) {
    t.is(parseTai64n(fromHex(wrong)), undefined, wrong);
  }
});

test('labels increase whatever the clock does, across crashes and orderly restarts', (t) => {
  const step = fc.record({
    clockMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constantFrom(-HOUR_MS, HOUR_MS, -1, 30_000)),
    restart: fc.constantFrom('no', 'no', 'no', 'crash', 'orderly'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const store = new MemoryTimestampStore();
      let source = new TimestampSource(store);
      let unixMs = 1.8e12;
      let last: Uint8Array = new Uint8Array(12);
      for (const { clockMs, restart } of steps) {
        if (restart === 'orderly') source.close();
        if (restart !== 'no') source = new TimestampSource(store);
        unixMs += clockMs;
        const label = source.next(unixMs);
        t.true(compareTai64n(label, last) > 0);
        last = label;
      }
    }),
  );
});

test('a label does not tell the time finer than 16.8 ms', (t) => {
  const source = new TimestampSource(new MemoryTimestampStore());
  for (let ms = 0; ms < 1_000; ms += 100) t.is(parseTai64n(source.next(1.8e12 + ms))! % (1n << 24n), 0n);
});

test('one write covers the handshakes of ten seconds; an orderly end stores what was used', (t) => {
  let saves = 0;
  let stored: Uint8Array | undefined;
  const source = new TimestampSource({
    load: () => undefined,
    save: (label) => {
      saves++;
      stored = new Uint8Array(label);
    },
  });
  let last: Uint8Array = new Uint8Array(12);
  for (let ms = 0; ms < 9_900; ms += 100) last = source.next(1.8e12 + ms);
  t.is(saves, 1);
  t.true(compareTai64n(stored!, last) > 0);
  source.next(1.8e12 + 10_100);
  t.is(saves, 2);
  last = source.next(1.8e12 + 10_200);
  source.close();
  t.deepEqual(stored, last);
});

test('what the store holds is known; damaged content means the wall clock', (t) => {
  const of = (label: Uint8Array | undefined): TimestampSource =>
    new TimestampSource({ load: () => label, save: () => {} });
  t.is(of(undefined).stored, 'nothing');
  t.is(of(encodeTai64n(5n)).stored, 'label');
  const damaged = of(fromHex('400000000000000a3b9aca00'));
  t.is(damaged.stored, 'damaged');
  t.is(parseTai64n(damaged.next(1.8e12))! / 1_000_000_000n, 1_799_999_999n);
});

test('a store that fails does not stop labels, and is tried again', (t) => {
  let broken = true;
  const source = new TimestampSource({
    load: () => undefined,
    save: () => {
      if (broken) throw new Error('disk full');
    },
  });
  const first = source.next(1.8e12);
  t.truthy(source.storeError);
  broken = false;
  t.true(compareTai64n(source.next(1.8e12), first) > 0);
  t.is(source.storeError, undefined);
});
