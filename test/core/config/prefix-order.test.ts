import test from 'ava';
import fc from 'fast-check';
import { overlap, type Prefix, prefixOf } from '../../../src/core/base/prefix.js';
import { formatPrefix } from '../../../src/core/config/address.js';
import { contains, overlaps, prefixKey } from '../../../src/core/config/prefix-order.js';

/** Prefixes from a small space, so that they meet often. */
const prefix: fc.Arbitrary<Prefix> = fc.tuple(fc.boolean(), fc.nat(255), fc.nat(8)).map(([six, low, bits]) =>
  six
    ? prefixOf(
        Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? low : i)),
        120 + bits,
      )
    : prefixOf(Uint8Array.of(10, 0, 0, low), 24 + bits),
);

test('an item is reported exactly if it overlaps one that stands before it', (t) => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 12 }), (prefixes) => {
      const items = prefixes.map((value, index) => ({ value, index }));
      const pairs = overlaps(items, (item) => item.value);
      for (const [cover, item] of pairs) {
        t.not(cover.index, item.index);
        t.true(contains(cover.value, item.value));
      }
      const apart = items.filter((a) => !items.some((b) => b !== a && overlap(a.value, b.value)));
      const named = new Set(pairs.flat().map((item) => item.index));
      t.deepEqual(
        items.filter((item) => !named.has(item.index)).map((item) => item.index),
        apart.map((item) => item.index),
      );
    }),
    { numRuns: 500 },
  );
});

test('equal prefixes, and only they, have one key', (t) => {
  fc.assert(
    fc.property(prefix, prefix, (a, b) =>
      t.is(prefixKey(a) === prefixKey(b), formatPrefix(a) === formatPrefix(b)),
    ),
  );
});
