import test from 'ava';
import fc from 'fast-check';
import { covers, prefixOf } from '../../../src/core/base/prefix.js';
import {
  BLACKHOLE,
  compileRoutes,
  NO_ROUTE,
  type Route,
  RouteView,
  UNAVAILABLE,
} from '../../../src/core/route/table.js';
import { address, prefix } from '../../support/packets.js';
import { agree, resolve, slowResolve, via } from './slow-routes.js';

const anyAddress = fc
  .tuple(fc.constantFrom('10.100.0.0', '10.100.10.0', 'fd00::', 'fd00:0:0:10::'), fc.nat(255))
  .map(([text, low]) => {
    const bytes = address(text);
    bytes[bytes.length - 1] = low;
    return bytes;
  });
const anyRoute: fc.Arbitrary<Route> = fc
  .record({
    at: anyAddress,
    length: fc.oneof(fc.nat(128), fc.constantFrom(8, 16, 24)),
    metric: fc.nat(3),
    target: fc.integer({ min: -1, max: 3 }),
    blackhole: fc.boolean(),
  })
  .map(({ at, length, ...rest }) => ({ ...rest, prefix: prefixOf(at, Math.min(length, at.length * 8)) }));

test('resolve equals the naive rule under any availability, and blame names a route of the packet', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyRoute, { maxLength: 25 }),
      fc.array(anyAddress, { maxLength: 20 }),
      fc.array(fc.constantFrom(-1, 0, 5), { minLength: 4, maxLength: 4 }),
      (routes, addresses, up) => {
        const view = new RouteView(compileRoutes(routes));
        const listed = routes.map((route, number) => ({ route, number }));
        const available = Int32Array.from(up);
        for (const bytes of [...addresses, ...routes.map((route) => route.prefix.bytes)]) {
          const answer = resolve(view, bytes, available);
          t.is(answer, slowResolve(listed, bytes, available));
          if (answer === BLACKHOLE || answer === UNAVAILABLE)
            t.true(covers(routes[view.blamed].prefix, bytes));
          else t.is(view.blamed, -1);
          for (let target = 0; target < 4; target++) {
            const route = via(view, bytes, target);
            const exists = routes.some((r) => r.target === target && covers(r.prefix, bytes));
            t.is(route >= 0, exists);
            if (route >= 0) t.true(routes[route].target === target && covers(routes[route].prefix, bytes));
          }
        }
        t.true(agree(view, [...addresses, ...routes.map((route) => route.prefix.bytes)], available));
        routes.forEach((route, index) => {
          t.is(view.targetOf(index), route.target);
          t.is(view.metricOf(index), route.metric);
          t.is(view.isBlackhole(index), route.blackhole);
          t.is(view.prefixLengthOf(index), route.prefix.length);
        });
      },
    ),
    { numRuns: 500 },
  );
});

test('a longer route that is down gives way to a shorter one, unless it is a blackhole', (t) => {
  const site = (blackhole: boolean): Route[] => [
    { prefix: prefix('10.100.0.0/16'), metric: 10, target: 0, blackhole: false },
    { prefix: prefix('10.100.10.0/24'), metric: 10, target: 1, blackhole },
    { prefix: prefix('10.100.10.0/24'), metric: 20, target: 2, blackhole: false },
  ];
  const to = address('10.100.10.15');
  const view = new RouteView(compileRoutes(site(false)));
  const available = Int32Array.from([0, 0, 0]);
  t.is(resolve(view, to, available), 1);
  available[1] = -1;
  t.is(resolve(view, to, available), 2);
  available[2] = -1;
  t.is(resolve(view, to, available), 0);
  available[0] = -1;
  t.is(resolve(view, to, available), UNAVAILABLE);
  t.is(view.blamed, 1);
  t.is(resolve(view, address('10.101.0.1'), available), NO_ROUTE);
  const strict = new RouteView(compileRoutes(site(true)));
  available[0] = 0;
  t.is(resolve(strict, to, available), BLACKHOLE);
  t.is(strict.blamed, 1);
});

test('a discard route drops at its own metric', (t) => {
  const discard = { prefix: prefix('10.0.0.0/8'), metric: 10, target: -1, blackhole: true };
  const real = { prefix: prefix('10.0.0.0/8'), metric: 20, target: 0, blackhole: false };
  const up = Int32Array.from([0]);
  t.is(resolve(new RouteView(compileRoutes([real, discard])), address('10.1.1.1'), up), BLACKHOLE);
  t.is(resolve(new RouteView(compileRoutes([{ ...real, metric: 5 }, discard])), address('10.1.1.1'), up), 0);
});
