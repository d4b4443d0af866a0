import test from 'ava';
import fc from 'fast-check';
import { type Prefix, prefixOf } from '../../../src/core/base/prefix.js';
import { LiveRoutes } from '../../../src/core/route/live.js';
import { compileRoutes, type Route, RouteView } from '../../../src/core/route/table.js';
import { address, prefix } from '../../support/packets.js';
import { resolve } from './slow-routes.js';

const PREFIXES: Prefix[] = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.1.2.0/25',
  'fd00::/16',
  'fd00:1::/32',
].map(prefix);
const ASKED = [
  '10.1.2.3',
  '10.1.2.200',
  '10.1.9.9',
  '10.9.9.9',
  '9.9.9.9',
  'fd00:1::1',
  'fd00:2::1',
  '::1',
].map(address);
const anyRoute: fc.Arbitrary<Route> = fc
  .record({
    at: fc.nat(PREFIXES.length - 1),
    metric: fc.nat(1),
    target: fc.integer({ min: -1, max: 2 }),
    blackhole: fc.boolean(),
  })
  .map(({ at, ...rest }) => ({ ...rest, prefix: PREFIXES[at] }));
/** What becomes of a list: routes taken out, put in, moved to another place. */
const anyStep = fc.record({
  from: fc.nat(50),
  count: fc.nat(3),
  to: fc.nat(50),
  added: fc.array(anyRoute, { maxLength: 3 }),
});

function stepped(
  routes: readonly Route[],
  { from, count, to, added }: { from: number; count: number; to: number; added: Route[] },
) {
  const next = routes.map((route) => ({
    ...route,
    prefix: prefixOf(route.prefix.bytes, route.prefix.length),
  }));
  const moved = next.splice(from % (next.length + 1), count);
  // Some are lost on the way.
  next.splice(to % (next.length + 1), 0, ...moved.slice(0, 2), ...added);
  return next;
}

test('after each list the table answers by places of that list, as one compiled from it does', (t) => {
  let inPlace = 0;
  fc.assert(
    fc.property(
      fc.array(anyRoute, { maxLength: 12 }),
      fc.array(anyStep, { maxLength: 8 }),
      fc.array(fc.constantFrom(-1, 0), { minLength: 3, maxLength: 3 }),
      (first, steps, up) => {
        const available = Int32Array.from(up);
        const live = new LiveRoutes(first);
        let routes: readonly Route[] = first;
        for (const step of steps) {
          routes = stepped(routes, step);
          const before = live.buffer;
          const edited = live.update(routes);
          t.is(live.buffer === before, edited);
          if (edited) inPlace++;
          const view = new RouteView(live.buffer);
          const fresh = new RouteView(compileRoutes(routes));
          for (const bytes of ASKED) {
            const number = resolve(view, bytes, available);
            t.is(number < 0 ? number : live.placeOf(number), resolve(fresh, bytes, available), String(bytes));
            t.is(live.placeOf(view.blamed), fresh.blamed);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  t.true(inPlace > 300, `${inPlace} lists in place`);
});

test('a list that has become another one is compiled, and so is any where that is asked for', (t) => {
  const routes = Array.from({ length: 1000 }, (_, i) => ({
    prefix: prefixOf(Uint8Array.of(10, i >> 8, i & 255, 0), 24),
    metric: 10,
    target: 0,
    blackhole: false,
  }));
  const live = new LiveRoutes(routes);
  t.true(live.update(routes.map((route, i) => ({ ...route, target: i % 100 === 0 ? 1 : 0 }))));
  t.false(live.update(routes.map((route) => ({ ...route, target: 2 }))));
  t.is(new RouteView(live.buffer).targetOf(999), 2);
  t.false(live.update(routes, false));
  t.true(live.update([...routes]));
  t.is(live.placeOf(-1), -1);
  t.is(live.placeOf(5_000), -1);
});
