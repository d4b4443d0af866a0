import test from 'ava';
import fc from 'fast-check';
import { covers, type Prefix, prefixOf } from '../../../src/core/base/prefix.js';
import type { RouteConfiguration, RouteTarget } from '../../../src/core/config/configuration.js';
import { contains } from '../../../src/core/config/prefix-order.js';
import { RoutesByPrefix } from '../../../src/core/config/route-cover.js';

const CLUSTER = 1;

const prefix: fc.Arbitrary<Prefix> = fc
  .tuple(fc.nat(255), fc.nat(8))
  .map(([low, bits]) => prefixOf(Uint8Array.of(10, 0, 0, low), 24 + bits));

const target = fc.constantFrom<RouteTarget>(CLUSTER, CLUSTER, 2, 'wan', 'blackhole');
const routes: fc.Arbitrary<RouteConfiguration[]> = fc
  .array(fc.tuple(prefix, target, fc.boolean()), { maxLength: 8 })
  .map((items) =>
    items.map(([at, to, beyond], index) => ({
      index,
      prefix: at,
      metric: index + 1,
      target: to,
      external: to === CLUSTER && beyond ? 0 : undefined,
      description: undefined,
      line: index,
    })),
  );

/** Every address on its own: does its longest prefix lead to the cluster, or into a hole inside `nat`? */
function slowStray(nat: Prefix, all: RouteConfiguration[]): boolean {
  for (let low = 0; low < 256; low++) {
    const address = Uint8Array.of(10, 0, 0, low);
    if (!covers(nat, address)) continue;
    const covering = all.filter((route) => covers(route.prefix, address));
    const longest = Math.max(-1, ...covering.map((route) => route.prefix.length));
    const group = covering.filter((route) => route.prefix.length === longest);
    const hole = longest > nat.length && group.every((route) => route.target === 'blackhole');
    if (
      group.length === 0 ||
      !(hole || group.some((route) => route.target === CLUSTER && route.external === undefined))
    )
      return true;
  }
  return false;
}

test('a stray part is found exactly where an address by address search finds one', (t) => {
  fc.assert(
    fc.property(prefix, routes, (nat, all) => {
      const stray = new RoutesByPrefix(all).stray(nat, CLUSTER);
      t.is(stray !== undefined, slowStray(nat, all));
      if (stray === undefined) return;
      t.true(contains(nat, stray.part));
      if (stray.route !== undefined) t.true(contains(stray.route.prefix, stray.part));
    }),
    { numRuns: 2000 },
  );
});
