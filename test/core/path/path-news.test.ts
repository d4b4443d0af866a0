/** What two ends of a path tell each other: round trips, bounds, when it is told, and what follows from it. */
import test from 'ava';
import fc from 'fast-check';
import type { Path } from '../../../src/core/path/path.js';
import {
  encodePathNews,
  isPathNews,
  NewsTeller,
  type PathNews,
  parsePathNews,
} from '../../../src/core/path/path-news.js';
import { address } from '../../support/packets.js';
import { World } from '../../support/path-world.js';

const DATAGRAM_BYTES_MAX = 1_200;
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const place = fc.record({
  address: fc.oneof(bytes(4), bytes(16)),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const path: fc.Arbitrary<PathNews> = fc.record({
  discriminator: uint32,
  cost: uint32,
  uplink: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  seen: fc.option(place, { nil: undefined }),
});
const news = fc.array(path, { maxLength: 8 });

test('news comes back as it was told, in one datagram', (t) => {
  fc.assert(
    fc.property(news, (told) => {
      const datagram = encodePathNews(told);
      t.true(datagram.length <= DATAGRAM_BYTES_MAX && isPathNews(datagram));
      t.deepEqual(parsePathNews(datagram), told);
    }),
  );
});

const ONE: PathNews = {
  discriminator: 7,
  cost: 10,
  uplink: 'isp1',
  seen: { address: address('198.51.100.7'), port: 40_211 },
};

test('anything else is refused', (t) => {
  const whole = encodePathNews([ONE]);
  t.deepEqual(parsePathNews(whole), [ONE]);
  const spoilt: [string, number, number][] = [
    ['another version', 1, 2],
    ['fewer than said', 3, 2],
    ['more than said', 3, 0],
    ['no such family', 4 + 8, 5],
    ['a port without a place', 4 + 8, 0],
    ['a longer name', 4 + 9, 5],
    ['a name that does not print', 4 + 28, 0x1b],
    ['a name with a space', 4 + 28, 0x20],
    ['a name beyond ASCII', 4 + 28, 0xe9],
  ];
  for (const [what, at, value] of spoilt) {
    const copy = whole.slice();
    copy[at] = value;
    t.is(parsePathNews(copy), undefined, what);
  }
  for (let length = 0; length < whole.length; length++) {
    t.is(parsePathNews(whole.subarray(0, length)), undefined, `${length} bytes`);
  }
  const nine = Uint8Array.of(
    ...whole.subarray(0, 4),
    ...Array(9)
      .fill([...whole.subarray(4)])
      .flat(),
  );
  nine[3] = 9;
  t.is(parsePathNews(nine), undefined, 'more paths than a peer has');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (junk) => {
      t.notThrows(() => parsePathNews(Uint8Array.of(0x50, 1, 0, ...junk)));
    }),
  );
});

test('it is told on change, and again ever more rarely', (t) => {
  const one = { knownDiscriminator: 7, ownCost: 10, uplink: { name: 'isp1' }, heardFrom: undefined };
  const paths = (cost: number): Path[] => [{ ...one, ownCost: cost } as unknown as Path];
  const teller = new NewsTeller();
  t.is(teller.poll(paths(10), 0), undefined, 'nobody has said that there is something to tell');
  teller.handleChange(0);
  t.deepEqual(parsePathNews(teller.poll(paths(10), 0)!), [{ ...ONE, seen: undefined }]);
  teller.handleChange(5);
  t.is(teller.poll(paths(10), 5), undefined, 'nothing has changed');
  const told: number[] = [];
  for (let now = 5; now < 300_000; now += 5) {
    if (teller.poll(paths(10), now) !== undefined) told.push(now);
  }
  t.deepEqual(told, [1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000, 243_000]);
  t.is(teller.nextDeadline(), 303_000);
  teller.handleChange(300_000);
  t.is(parsePathNews(teller.poll(paths(20), 300_000)!)?.[0].cost, 20);
  t.is(teller.nextDeadline(), 301_000);
  teller.handleSession(300_500);
  t.truthy(teller.poll(paths(20), 300_500), 'a peer that may have restarted hears it again');
});

/** Each end hears what the other has to tell. */
function exchange({ nodes: [a, b], now }: World): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ]) {
    const teller = new NewsTeller();
    teller.handleChange(now);
    const datagram = teller.poll(from.manager.paths, now);
    to.manager.handleNews(parsePathNews(datagram!)!, now);
    to.drain();
  }
}

test('behind NAT: the far side prefers what is cheap for the node, and the node learns how it looks', (t) => {
  const world = new World(
    1,
    {
      uplinks: [
        { name: 'lte', address: '10.0.1.2', cost: 50 },
        { name: 'fibre', address: '10.0.2.2', cost: 10 },
      ],
      knows: ['203.0.113.1'],
    },
    { uplinks: [{ name: 'wan', address: '203.0.113.1', cost: 5 }], knows: [] },
  );
  world.a.outside.set(0, { address: '198.51.100.1', port: 1_111 });
  world.a.outside.set(1, { address: '192.0.2.1', port: 2_222 });
  world.runFor(5_000);
  const { a, b } = world;
  t.is(a.manager.current?.uplink.name, 'fibre');
  t.deepEqual(
    b.manager.paths.map(({ cost }) => cost),
    [5, 5],
  );
  exchange(world);
  world.runFor(2_000);
  t.is(b.manager.current?.peerUplink, 'fibre');
  t.is(b.manager.current?.cost, 15);
  t.is(a.manager.current?.cost, 15);
  t.deepEqual(
    a.manager.paths.map(({ seen, cost }) => [seen?.address.join('.'), seen?.port, cost]),
    [
      ['198.51.100.1', 1_111, 55],
      ['192.0.2.1', 2_222, 15],
    ],
  );
});

test('whatever uplinks cost at either end, both choose a cheapest pair, and call it the same', (t) => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 2 }),
      fc.boolean(),
      (seed, costsA, costsB, dials) => {
        const uplinks = (costs: readonly number[], net: string) =>
          costs.map((cost, i) => ({ name: `${net}${i}`, address: `${net}.${i}.2`, cost }));
        const [here, there] = [uplinks(costsA, '198.51'), uplinks(costsB, '203.0')];
        const addresses = (all: typeof here): string[] => all.map((uplink) => uplink.address);
        const world = new World(
          seed,
          { uplinks: here, knows: addresses(there) },
          { uplinks: there, knows: dials ? addresses(here) : [] },
        );
        world.runFor(3_000);
        exchange(world);
        world.runFor(12_000);
        const cheapest = Math.min(...costsA) + Math.min(...costsB);
        t.deepEqual(
          world.nodes.map(({ manager }) => manager.current?.cost),
          [cheapest, cheapest],
        );
      },
    ),
    { numRuns: 30 },
  );
});
