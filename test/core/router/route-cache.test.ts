/** The cache never changes an answer: a router that has lived through changes decides as a new one does. */
import test from 'ava';
import fc from 'fast-check';
import { RouteCache, RouteCache6 } from '../../../src/core/router/route-cache.js';
import { ip, udp } from '../../support/packets.js';
import { AWS, AWS_A, OTHER, RouterBench, STRANGER } from '../../support/router.js';

/** Few, so that addresses come again after a change. */
const SOURCES = ['172.16.10.15', '10.100.100.15', '10.100.30.7', '8.8.8.8'];
const DESTINATIONS = ['10.100.100.15', '10.100.30.15', '10.100.10.15', '10.100.66.1'];

test('a router with a past decides as a new one', (t) => {
  const step = fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({ cluster: fc.constantFrom(AWS, OTHER), serve: fc.integer({ min: -1, max: 3 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        from: fc.constantFrom(-1, AWS_A, STRANGER),
        source: fc.constantFrom(...SOURCES),
        destination: fc.constantFrom(...DESTINATIONS),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const old = new RouterBench();
      let counter = 0;
      for (const what of steps) {
        if ('serve' in what) {
          old.serve(what.cluster, what.serve);
          continue;
        }
        const fresh = new RouterBench();
        fresh.tables.available.set(old.tables.available);
        const packet = ip({
          source: what.source,
          destination: what.destination,
          protocol: 17,
          payload: udp(1, 2, new Uint8Array(4)),
        });
        const run = (bench: RouterBench) =>
          what.from < 0 ? bench.fromLan(packet) : bench.fromPeer(what.from, packet, counter);
        const [a, b] = [run(old), run(fresh)];
        counter += 1;
        if (a.verdict !== b.verdict || a.reason !== b.reason || a.peer !== b.peer) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
  t.pass();
});

test('slots hold one address for one peer, until all is forgotten', (t) => {
  const cache = new RouteCache();
  const slot = cache.slotOf(0x0a640a0f, 3);
  t.false(cache.holds(slot, 0x0a640a0f, 3));
  cache.remember(slot, 0x0a640a0f, 3, 7, 8);
  t.true(cache.holds(slot, 0x0a640a0f, 3));
  t.is(cache.route(slot), 7);
  t.is(cache.target(slot), 8);
  t.false(cache.holds(slot, 0x0a640a0f, 4));
  t.false(cache.holds(slot, 0x0a640a10, 3));
  cache.forget();
  t.false(cache.holds(slot, 0x0a640a0f, 3));
});

test('the same with the four words of an IPv6 address', (t) => {
  const cache = new RouteCache6();
  const slot = cache.slotOf(1, 2, 3, 4, 3);
  t.false(cache.holds(slot, 1, 2, 3, 4, 3));
  cache.remember(slot, Int32Array.of(9, 1, 2, 3, 4), 1, 3, 7, 8);
  t.true(cache.holds(slot, 1, 2, 3, 4, 3));
  t.is(cache.route(slot), 7);
  t.is(cache.target(slot), 8);
  t.false(cache.holds(slot, 0, 2, 3, 4, 3));
  t.false(cache.holds(slot, 1, 0, 3, 4, 3));
  t.false(cache.holds(slot, 1, 2, 0, 4, 3));
  t.false(cache.holds(slot, 1, 2, 3, 0, 3));
  t.false(cache.holds(slot, 1, 2, 3, 4, 0));
  cache.forget();
  t.false(cache.holds(slot, 1, 2, 3, 4, 3));
});
