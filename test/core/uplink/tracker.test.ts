/** The uplinks of a node together, in virtual time: what dies, what breakout takes, when it returns, and how seldom. */
import test from 'ava';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/base/random.js';
import type { LinkFacts, PathState } from '../../../src/core/uplink/evidence.js';
import { GATEWAY_PROBE_MS, GATEWAY_SILENT_MS } from '../../../src/core/uplink/gateway-watch.js';
import { SETTLING_TIMES } from '../../../src/core/uplink/settling.js';
import { type UplinkEvent, UplinkTracker, WIN_BACK_MS } from '../../../src/core/uplink/tracker.js';

function link(net: number, change: Partial<LinkFacts> = {}): LinkFacts {
  const addresses = [`198.51.${net}.2/24`];
  return { present: true, up: true, carrier: true, addresses, gateways: [`198.51.${net}.1`], ...change };
}

/** Two uplinks, isp1 cheaper than isp2, and a clock. */
class Bench {
  now = 0;
  readonly events: string[] = [];
  readonly tracker: UplinkTracker;
  /** Whether gateways answer. */
  readonly answers = [true, true];

  constructor(start = true, costs = [10, 20]) {
    const uplinks = costs.map((cost, place) => {
      return { name: `isp${place + 1}`, device: `eth${place}`, cost, weight: 1, probes: ['ping'] };
    });
    this.tracker = new UplinkTracker({ uplinks, now: 0 });
    if (!start) return;
    this.link(0, link(1));
    this.link(1, link(2));
    for (const place of [0, 1]) for (const peer of ['aws-a', 'aws-b']) this.path(place, peer, 'up');
    this.run(1);
    this.events.length = 0;
  }

  link(place: number, facts: LinkFacts): void {
    this.tracker.handleLink(place, facts, true, this.now);
    this.drain();
  }

  path(place: number, peer: string, state: PathState | undefined): void {
    this.tracker.handlePath(place, peer, '203.0.113.1:51820', state, this.now);
    this.drain();
  }

  paths(place: number, state: PathState): void {
    for (const peer of ['aws-a', 'aws-b']) this.path(place, peer, state);
  }

  /** Lets time pass, from deadline to deadline. */
  run(ms: number): void {
    const untilMs = this.now + ms;
    for (;;) {
      const deadlineMs = this.tracker.nextDeadline(this.now);
      if (deadlineMs > untilMs) break;
      this.now = Math.max(this.now, deadlineMs);
      this.tracker.handleTimeout(this.now);
      this.drain();
    }
    this.now = untilMs;
  }

  drain(): void {
    const { tracker } = this;
    for (let place = tracker.pollGatewayProbe(); place !== undefined; place = tracker.pollGatewayProbe()) {
      if (this.answers[place]) tracker.handleGateway(place, this.now);
    }
    for (let event = tracker.pollEvent(); event !== undefined; event = tracker.pollEvent()) {
      this.events.push(`${this.now} ${describe(event)}`);
    }
  }
}

function describe(event: UplinkEvent): string {
  if (event.event === 'uplink-state') return `${event.uplink} ${event.from} → ${event.to}: ${event.why}`;
  if (event.event === 'breakout-uplink') return `breakout ${event.from} → ${event.to}: ${event.why}`;
  return `${event.uplink} ${event.event} ${event.from.join()} → ${event.to.join()}`;
}

test('a start: nothing is chosen before everything is known', (t) => {
  const bench = new Bench(false);
  t.is(bench.tracker.best, undefined);
  t.deepEqual(bench.tracker.count, { usable: 2, lost: 0 }, 'until it is known better');
  bench.link(1, link(2));
  bench.run(5);
  bench.link(0, link(1));
  bench.run(60_000);
  t.deepEqual(bench.events, [
    '0 isp2 uplink-addresses  → 198.51.2.2/24',
    '0 isp2 uplink-gateways  → 198.51.2.1',
    '0 isp2 down → up: nothing is wrong with it',
    '5 isp1 uplink-addresses  → 198.51.1.2/24',
    '5 isp1 uplink-gateways  → 198.51.1.1',
    '5 isp1 down → up: nothing is wrong with it',
    '5 breakout undefined → isp1: the first that leads anywhere',
  ]);
});

test('carrier: the other uplink at the same moment; back when it has held', (t) => {
  const bench = new Bench();
  bench.link(0, link(1, { carrier: false }));
  bench.run(10);
  bench.link(0, link(1));
  bench.run(60_000);
  t.deepEqual(bench.events, [
    '1 isp1 up → down: eth0 has no carrier',
    '1 breakout isp1 → isp2: isp1 is down: eth0 has no carrier',
    '1011 isp1 down → up: nothing is wrong with it',
    '11011 breakout isp2 → isp1: it is preferred to isp2, and well again',
  ]);
  t.deepEqual(bench.tracker.count, { usable: 2, lost: 0 });
});

test('a silent black hole: paths say so, and the gateway that still answers does not help it', (t) => {
  const bench = new Bench();
  bench.run(100_000);
  bench.paths(0, 'down');
  bench.run(1_000);
  t.deepEqual(bench.events, [
    '100101 isp1 up → down: aws-a, aws-b cannot be reached by it, though aws-a is by isp2; its gateway answers: the fault is beyond it',
    '100101 breakout isp1 → isp2: isp1 is down: aws-a, aws-b cannot be reached by it, though aws-a is by isp2; its gateway answers: the fault is beyond it',
  ]);
});

test('a silent black hole that begins with the gateway is not beyond it', (t) => {
  const bench = new Bench();
  bench.run(100_000);
  bench.answers[0] = false;
  bench.paths(0, 'down');
  bench.run(1_000);
  t.regex(
    bench.events.join(),
    /isp1 up → down: aws-a, aws-b cannot be reached by it, though aws-a is by isp2,/,
  );
});

test('a peer that dies takes its paths one after the other, and no uplink with it', (t) => {
  const bench = new Bench();
  bench.path(0, 'aws-a', 'down');
  bench.run(SETTLING_TIMES.degradedMs - 1);
  bench.path(1, 'aws-a', 'down');
  bench.run(60_000);
  t.deepEqual(bench.events, []);
  bench.path(0, 'aws-b', 'down');
  bench.run(SETTLING_TIMES.downMs - 1);
  bench.path(1, 'aws-b', 'down');
  bench.run(1);
  t.is(bench.tracker.uplinks[0].state, 'down', 'both peers silent: it may be everything');
  t.is(bench.tracker.best, 0, 'breakout stays: the internet is larger than the overlay');
  bench.path(0, 'aws-b', undefined);
  bench.path(0, 'aws-a', undefined);
  bench.run(SETTLING_TIMES.recoverMs);
  t.is(bench.tracker.uplinks[0].state, 'up', 'without peers nothing is held against it');
});

test('a gateway that is silent, and one that answers again', (t) => {
  const bench = new Bench();
  for (const place of [0, 1]) for (const peer of ['aws-a', 'aws-b']) bench.path(place, peer, undefined);
  bench.answers[0] = false;
  bench.run(2 * GATEWAY_SILENT_MS);
  t.regex(bench.events.join(), /isp1 up → down: the gateway 198\.51\.1\.1 does not answer/);
  t.is(bench.tracker.best, 1);
  bench.answers[0] = true;
  bench.run(GATEWAY_PROBE_MS + SETTLING_TIMES.recoverMs + WIN_BACK_MS);
  t.is(bench.tracker.best, 0);
});

test('DHCP: another address and gateway are told, and change no state', (t) => {
  const bench = new Bench();
  bench.link(0, link(1, { addresses: ['198.51.1.77/24'] }));
  bench.link(0, link(1, { addresses: ['198.51.1.77/24'], gateways: ['198.51.1.254'] }));
  bench.run(60_000);
  t.deepEqual(bench.events, [
    '1 isp1 uplink-addresses 198.51.1.2/24 → 198.51.1.77/24',
    '1 isp1 uplink-gateways 198.51.1.1 → 198.51.1.254',
  ]);
});

test('the device vanishes and comes back, without a gateway first', (t) => {
  const bench = new Bench();
  bench.link(0, link(1, { present: false, up: false, carrier: false, addresses: [], gateways: [] }));
  t.is(bench.tracker.best, 1);
  bench.run(5_000);
  bench.link(0, link(1, { gateways: [] }));
  bench.run(30_000);
  t.is(bench.tracker.uplinks[0].state, 'degraded');
  t.is(bench.tracker.best, 1, 'without a gateway it leads nowhere');
  bench.link(0, link(1));
  bench.run(WIN_BACK_MS + 3_000);
  t.is(bench.tracker.best, 0);
});

test('every uplink is down: nothing is usable, and the one whose link stands carries breakout', (t) => {
  const bench = new Bench();
  bench.link(0, link(1, { carrier: false }));
  bench.paths(1, 'down');
  bench.run(200);
  t.is(bench.tracker.best, 1);
  t.deepEqual(bench.tracker.count, { usable: 0, lost: 2 });
  bench.link(1, link(2, { carrier: false }));
  t.is(bench.tracker.best, undefined);
});

test('tunnels leave an uplink at once when its link is lost, and only then', (t) => {
  const bench = new Bench(false);
  t.deepEqual(bench.tracker.standIns(), [0, 1], 'nothing is known yet');
  bench.link(0, link(1));
  bench.link(1, link(2));
  bench.paths(0, 'down');
  bench.run(60_000);
  t.deepEqual(bench.tracker.standIns(), [0, 1]);
  bench.link(0, link(1, { carrier: false }));
  t.deepEqual(bench.tracker.standIns(), [1, 1]);
  t.deepEqual([bench.tracker.linkFault(0), bench.tracker.linkFault(1)], ['eth0 has no carrier', '']);
  bench.link(1, link(2, { addresses: [] }));
  t.deepEqual(bench.tracker.standIns(), [0, 1], 'nowhere to go');
  bench.link(0, link(1, { gateways: [] }));
  t.deepEqual(bench.tracker.standIns(), [0, 0]);
});

test('internet probes: three failures in a row count, one answer ends them', (t) => {
  const bench = new Bench();
  const probe = (answered: boolean): void => bench.tracker.handleProbe(0, 'ping', answered, bench.now);
  for (const answered of [false, false, true, false, false]) probe(answered);
  bench.run(5_000);
  t.is(bench.tracker.uplinks[0].state, 'up');
  probe(false);
  bench.run(SETTLING_TIMES.degradedMs);
  t.is(bench.tracker.uplinks[0].state, 'degraded');
  t.is(bench.tracker.best, 1);
  probe(true);
  bench.run(5_000);
  t.is(bench.tracker.uplinks[0].state, 'up');
});

test('of uplinks of one cost the heavier is taken, and equals stay where they are', (t) => {
  const equal = new Bench(true, [10, 10]);
  equal.link(0, link(1, { carrier: false }));
  equal.link(0, link(1));
  equal.run(60_000);
  t.is(equal.tracker.best, 1);
});

/** Paths over a link that loses 30 % of all packets: three of three probes lost are a path down, one heard is up. */
test('30 % loss for a minute: breakout moves once at most', (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const bench = new Bench();
    const lost = [0, 0];
    for (let ms = 0; ms < 60_000; ms += 75) {
      for (const peer of [0, 1]) {
        lost[peer] = random.chance(0.3) ? lost[peer] + 1 : 0;
        bench.path(0, ['aws-a', 'aws-b'][peer], lost[peer] >= 4 ? 'down' : 'degraded');
      }
      bench.run(75);
    }
    const moves = bench.events.filter((event) => event.includes('breakout'));
    t.true(moves.length <= 1, `seed ${seed}: ${moves.join('\n')}`);
  }
});

test('property: what is hard down never carries breakout, and a deadline is never in the past for long', (t) => {
  const step = fc.record({
    place: fc.nat(1),
    carrier: fc.boolean(),
    gateway: fc.boolean(),
    peer: fc.constantFrom('aws-a', 'aws-b'),
    path: fc.constantFrom<PathState>('up', 'degraded', 'down'),
    ms: fc.nat(4_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const bench = new Bench();
      for (const { place, carrier, gateway, peer, path, ms } of steps) {
        bench.link(place, link(place + 1, { carrier, ...(!gateway && { gateways: [] }) }));
        bench.path(place, peer, path);
        bench.run(ms);
        const { best, uplinks } = bench.tracker;
        const leading = uplinks.filter(({ leads }) => leads);
        t.is(best === undefined, leading.length === 0);
        if (best !== undefined) t.true(uplinks[best].leads);
        if (best !== undefined && uplinks.some((one) => one.leads && one.state === 'up')) {
          t.is(uplinks[best].state, 'up');
        }
        t.true(bench.tracker.nextDeadline(bench.now) > bench.now);
      }
    }),
  );
});
