import test from 'ava';
import { golden } from '../../support/golden.js';
import { type NodePlan, World } from '../../support/path-world.js';

const TWO: NodePlan = {
  uplinks: [
    { name: 'isp1', address: '198.51.100.1', cost: 10 },
    { name: 'isp2', address: '203.0.113.1', cost: 20 },
  ],
  knows: ['192.0.2.1'],
};
const HUB: NodePlan = {
  uplinks: [{ name: 'aws', address: '192.0.2.1' }],
  knows: ['198.51.100.1', '203.0.113.1'],
};
const NATTED: NodePlan = { uplinks: [{ name: 'dmz', address: '198.51.100.7' }], knows: ['192.0.2.1'] };
const LISTENER: NodePlan = { uplinks: [{ name: 'aws', address: '192.0.2.1' }], knows: [] };
const SECOND = 1_000;

test('two uplinks: the cheaper one is used, is lost in silence, and wins back', (t) => {
  const world = new World(1, TWO, HUB);
  world.runFor(20 * SECOND);
  world.act('isp1 swallows everything', () => world.loss.set('198.51.100.1', 1));
  world.runFor(20 * SECOND);
  world.act('isp1 works again', () => world.loss.clear());
  world.runFor(30 * SECOND);
  golden(t, 'paths-silence.txt', world.text('A black hole of 20 s on the preferred ISP of a'));
});

test('carrier lost: we leave at once, and tell the peer by the other path', (t) => {
  const world = new World(2, TWO, HUB);
  world.runFor(5 * SECOND);
  world.act('a loses the carrier of isp1', () => {
    world.a.manager.handleUplink(0, 'no carrier', world.now);
    world.loss.set('198.51.100.1', 1);
  });
  const cutAtMs = world.now;
  world.runFor(10 * SECOND);
  t.is(world.a.uses[0], cutAtMs);
  t.is(world.b.uses[0], cutAtMs + world.delayMs, 'one way and no detection time');
  world.act('the carrier is back', () => {
    world.loss.clear();
    world.a.manager.handleUplink(0, '', world.now);
  });
  world.runFor(20 * SECOND);
  golden(t, 'paths-carrier.txt', world.text('isp1 of a has no carrier for 10 s'));
});

test('a node behind NAT is learned, and followed when its firewall moves to another ISP', (t) => {
  const world = new World(3, NATTED, LISTENER);
  world.a.outside.set(0, { address: '198.51.100.7', port: 40_001 });
  world.runFor(5 * SECOND);
  world.act('the firewall moves to its second ISP', () =>
    world.a.outside.set(0, { address: '203.0.113.9', port: 40_002 }),
  );
  world.runFor(5 * SECOND);
  world.act('a restarts, behind a new port', () => {
    world.a.outside.set(0, { address: '203.0.113.9', port: 40_003 });
    world.a.start();
  });
  world.runFor(5 * SECOND);
  world.act('a is switched off', () => world.a.outside.clear());
  world.runFor(400 * SECOND);
  t.deepEqual(world.b.manager.paths, [], 'forgotten in the end');
  golden(t, 'paths-nat.txt', world.text('a stands behind NAT; b knows nothing of where it is'));
});

test('a dead path is dialled anew, from a new port each time, and its name is resolved again', (t) => {
  const names = { ...NATTED, knows: [{ name: 'hub.example.net', address: '192.0.2.1' }] };
  const world = new World(4, names, LISTENER);
  world.runFor(2 * SECOND);
  world.act('the flow of port 51820 is pinned to a dead ISP', () => world.loss.set('198.51.100.7', 1));
  world.runFor(200 * SECOND);
  world.act('a gets a new socket, whose flow goes by another ISP', () => {
    world.a.outside.set(7, { address: '203.0.113.9', port: 50_123 });
    world.a.manager.handleRedialled(0, 7, world.now);
  });
  world.runFor(20 * SECOND);
  golden(t, 'paths-redial.txt', world.text('hub.example.net is b; a dials it for 200 s in vain'));
});

test('a brown-out is left within seconds, and the way back takes a minute of good service', (t) => {
  const world = new World(5, TWO, HUB);
  world.runFor(30 * SECOND);
  world.act('isp1 loses 30 %', () => world.loss.set('198.51.100.1', 0.3));
  const fromMs = world.now;
  world.runFor(120 * SECOND);
  t.is(world.a.uses.length, 1);
  t.true(world.a.uses[0] - fromMs < 6 * SECOND);
  world.act('isp1 is whole again', () => world.loss.clear());
  const healedAtMs = world.now;
  world.runFor(100 * SECOND);
  t.is(world.a.uses.length, 2);
  t.true(world.a.uses[1] - healedAtMs > 60 * SECOND);
  t.is(world.a.manager.current?.name, 'isp1 → 192.0.2.1');
});

test('what each path carries is found, and traffic is told when it moves to a narrower one', (t) => {
  const settings = { mtuBytes: () => 1_408 };
  const world = new World(7, { ...TWO, settings }, { ...HUB, settings });
  world.narrow.set('203.0.113.1', 1_300);
  world.runFor(20 * SECOND);
  const carried = (): (number | undefined)[] => world.nodes.map(({ manager }) => manager.current?.mtu.bytes);
  t.deepEqual(carried(), [1_408, 1_408]);
  world.act('isp1 swallows everything', () => world.loss.set('198.51.100.1', 1));
  world.runFor(5 * SECOND);
  t.deepEqual(carried(), [1_296, 1_296]);
  world.act('isp2 swallows all but small packets', () => {
    world.narrow.set('203.0.113.1', 1_000);
    for (const { manager } of world.nodes) manager.handleLarge(manager.current);
  });
  world.runFor(20 * SECOND);
  t.deepEqual(carried(), [992, 992]);
  world.act('a is dialled anew by isp2, which is whole again', () => {
    world.narrow.clear();
    world.a.outside.set(7, { address: '203.0.113.1', port: 50_123 });
    world.a.manager.handleRedialled(1, 7, world.now);
  });
  world.runFor(2 * SECOND);
  t.deepEqual(carried(), [1_408, 1_408], 'both at once: the other end has seen it move');
  golden(t, 'paths-mtu.txt', world.text('isp2 carries 1300 bytes, later 1000, and everything in the end'));
});

/** Times between changes of the path in use, of both nodes, in a world whose isp1 loses at `loss` for `seconds`. */
function changesUnder(seed: number, loss: number, seconds: number): { world: World; gapsMs: number[] } {
  const world = new World(seed, TWO, HUB);
  world.runFor(20 * SECOND);
  world.loss.set('198.51.100.1', loss);
  world.runFor(seconds * SECOND);
  const gapsMs = world.nodes.flatMap(({ uses }) => uses.slice(1).map((atMs, i) => atMs - uses[i]));
  return { world, gapsMs };
}

test('no flapping: under random loss on one path, at most one change in any minute', (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const loss = [0.3, 0.3, 0.3, 0.2, 0.5, 0.8][seed % 6];
    const { world, gapsMs } = changesUnder(seed, loss, 200);
    for (const gapMs of gapsMs) t.true(gapMs >= 60 * SECOND, `seed ${seed}, loss ${loss}: ${gapsMs}`);
    t.is(world.a.manager.current?.name, 'isp2 → 192.0.2.1', `seed ${seed}`);
    t.is(world.a.manager.current?.health.state, 'up');
  }
});

test('no flapping in the long run: an hour of 30 % loss in all, from many seeds', (t) => {
  for (let seed = 100; seed < 124; seed++) {
    const { world, gapsMs } = changesUnder(seed, 0.3, 150);
    for (const gapMs of gapsMs) t.true(gapMs >= 60 * SECOND, `seed ${seed}: ${gapsMs}`);
    for (const { uses } of world.nodes) t.true(uses.length >= 1 && uses.length <= 2, `seed ${seed}: ${uses}`);
  }
});
