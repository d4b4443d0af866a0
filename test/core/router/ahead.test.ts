/** What is read ahead never changes a decision: a batch with it is decided as each of its packets alone without it. */
import test from 'ava';
import fc from 'fast-check';
import { LiveRoutes } from '../../../src/core/route/live.js';
import { AHEAD_REST } from '../../../src/core/router/ahead.js';
import { ip, prefix, udp } from '../../support/packets.js';
import {
  AWS,
  AWS_A,
  BATCH_ROWS,
  OTHER,
  OURS,
  ROUTES,
  RouterBench,
  STRANGER,
  snapshot,
} from '../../support/router.js';

/** Addresses by family: of known routes, of routes that come and go, and of none. */
const ENDS = [
  ['172.16.10.15', '172.16.10.40', '10.100.100.15', '10.100.30.7', '10.100.10.15', '10.100.66.1', '8.8.8.8'],
  ['fd00:10::15', 'fd10:a::15', 'fd10:100::15', 'fd10:100::16', 'fd20::1', 'fd30::1'],
] as const;
/** Routes that a reload adds or removes. */
const FRESH = [
  { prefix: prefix('10.100.100.8/29'), metric: 5, target: OTHER, blackhole: false },
  { prefix: prefix('10.100.30.7/32'), metric: 5, target: AWS, blackhole: false },
  { prefix: prefix('10.100.10.0/24'), metric: 5, target: AWS, blackhole: true },
  { prefix: prefix('fd10:100::10/124'), metric: 5, target: OTHER, blackhole: false },
  { prefix: prefix('fd20::/16'), metric: 5, target: AWS, blackhole: false },
  { prefix: prefix('fd20::/32'), metric: 5, target: OURS, blackhole: false },
];

const anyPacket = fc.tuple(fc.nat(1), fc.nat(99), fc.nat(99), fc.nat(20)).map(([family, from, to, cut]) => {
  const ends = ENDS[family];
  const packet = ip({
    source: ends[from % ends.length],
    destination: ends[to % ends.length],
    protocol: 17,
    payload: udp(1, 2, new Uint8Array(4)),
  });
  return cut === 0 ? packet.subarray(0, from) : packet;
});
const anyStep = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ cluster: fc.constantFrom(AWS, OTHER), serve: fc.integer({ min: -1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ fresh: fc.subarray(FRESH) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      from: fc.constantFrom(-1, AWS_A, STRANGER),
      packets: fc.array(anyPacket, { minLength: 1, maxLength: BATCH_ROWS, size: 'max' }),
    }),
  },
);

/** A router that holds its table for one that no cache holds. */
function enlarge(bench: RouterBench): RouterBench {
  Object.defineProperty(bench.router.context.snapshot.routes, 'isLarge', { value: true });
  return bench;
}

test('a batch that is read ahead is decided as its packets one by one, while routes and peers change', (t) => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 12 }), (steps) => {
      const live = new LiveRoutes(ROUTES);
      const bench = enlarge(new RouterBench({ routes: live.buffer }));
      let routes = ROUTES;
      let counter = 0;
      for (const step of steps) {
        if ('serve' in step) {
          bench.serve(step.cluster, step.serve);
          continue;
        }
        if ('fresh' in step) {
          routes = [...ROUTES, ...step.fresh];
          live.update(routes);
          bench.router.useSnapshot({ ...snapshot(), routes: live.buffer });
          enlarge(bench);
          continue;
        }
        const twin = new RouterBench({ routes: new LiveRoutes(routes).buffer });
        twin.tables.available.set(bench.tables.available);
        const outcomes = bench.batch(step.from, step.packets, counter);
        step.packets.forEach((packet, index) => {
          const alone =
            step.from < 0 ? twin.fromLan(packet) : twin.fromPeer(step.from, packet, counter + index);
          t.deepEqual(outcomes[index], { ...alone, replies: [] });
        });
        counter += step.packets.length;
      }
    }),
    { numRuns: 60 },
  );
});

test('after packets that ask for nothing new nothing is read ahead for a while', (t) => {
  const bench = enlarge(new RouterBench());
  const { routes } = bench.router.context.snapshot;
  let asked = 0;
  const resolveMany = routes.resolveMany4.bind(routes);
  Object.defineProperty(routes, 'resolveMany4', {
    value: (...all: Parameters<typeof resolveMany>) => {
      asked++;
      resolveMany(...all);
    },
  });
  const to = (...hosts: number[]): Uint8Array[] =>
    hosts.map((host) =>
      ip({
        source: '172.16.10.15',
        destination: `10.100.100.${host}`,
        protocol: 17,
        payload: udp(1, 2, new Uint8Array(4)),
      }),
    );
  bench.batch(-1, to(1, 2), 0);
  t.is(asked, 1);
  bench.batch(-1, to(1, 2), 0);
  for (let batch = 0; batch < AHEAD_REST; batch++) bench.batch(-1, to(2 * batch + 10, 2 * batch + 11), 0);
  t.is(asked, 1);
  bench.batch(-1, to(40, 41), 0);
  t.is(asked, 2);
});

for (const family of [4, 6] as const) {
  test(`what was read ahead for IPv${family} is what the packets use`, (t) => {
    const bench = enlarge(new RouterBench());
    const [here, there] = family === 4 ? ENDS[0] : [ENDS[1][0], ENDS[1][2]];
    const far = family === 4 ? ENDS[0][2] : there;
    const one = ip({ source: here, destination: far, protocol: 17, payload: udp(1, 2, new Uint8Array(4)) });
    const two = ip({
      source: here,
      destination: family === 4 ? '10.100.30.7' : 'fd10:100::16',
      protocol: 17,
      payload: udp(1, 2, new Uint8Array(4)),
    });
    const { routes } = bench.router.context.snapshot;
    let asked = 0;
    const name = family === 4 ? 'resolve4' : 'resolve6';
    const resolve = routes[name].bind(routes) as (...words: never[]) => number;
    Object.defineProperty(routes, name, {
      value: (...words: never[]) => {
        asked++;
        return resolve(...words);
      },
    });
    bench.batch(-1, [one, two, one, two], 0);
    t.is(asked, 0);
    bench.batch(-1, [one], 0);
    t.is(asked, 0);
    bench.serve(AWS, AWS_A);
    bench.batch(-1, [one], 0);
    t.is(asked, 1);
  });
}
