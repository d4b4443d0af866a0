import test from 'ava';
import fc from 'fast-check';
import { covers, type Prefix, prefixOf, samePrefix } from '../../../src/core/base/prefix.js';
import { OrderedPrefixes } from '../../../src/core/lpm/order.js';
import { randomEntries } from '../../bench/random-routes.js';

/** The order as it is said: by address, then by length, equal ones as they came. */
function slowOrder(prefixes: readonly Prefix[]): number[] {
  return prefixes
    .map((_, index) => index)
    .sort((a, b) => {
      const [x, y] = [prefixes[a], prefixes[b]];
      return Buffer.compare(x.bytes, y.bytes) || x.length - y.length || a - b;
    });
}

const anyPrefixes = (family: 4 | 6): fc.Arbitrary<Prefix[]> => {
  const bytes = family === 4 ? 4 : 16;
  // Few values a byte, so that prefixes are equal and lie inside each other.
  const address = fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: bytes, maxLength: bytes });
  const one = fc
    .tuple(address, fc.nat(bytes * 8))
    .map(([value, length]) => prefixOf(Uint8Array.from(value), length));
  return fc.array(one, { maxLength: 60 });
};

for (const family of [4, 6] as const) {
  test(`prefixes of family ${family} come in order, and covering is what it says`, (t) => {
    fc.assert(
      fc.property(anyPrefixes(family), (prefixes) => {
        const ordered = new OrderedPrefixes(family, prefixes);
        t.deepEqual([...ordered.order], slowOrder(prefixes));
        for (let a = 0; a < ordered.count; a++) {
          for (let b = 0; b < ordered.count; b++) {
            const [x, y] = [prefixes[ordered.order[a]], prefixes[ordered.order[b]]];
            t.is(ordered.covers(a, b), x.length <= y.length && covers(x, y.bytes));
            t.is(ordered.same(a, b), samePrefix(x, y));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test(`thousands of family ${family}, sorted by wide digits, come in the same order`, (t) => {
    const prefixes = randomEntries(family, 10_000).map((entry) => entry.prefix);
    t.deepEqual([...new OrderedPrefixes(family, prefixes).order], slowOrder(prefixes));
  });
}
