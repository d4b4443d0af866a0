import test from 'ava';
import fc from 'fast-check';
import { ANSWERED_MS, HOSTS_MAX, type LanProbe, LanWatch } from '../../../src/core/plan/lan-watch.js';

const host = (last: number): Uint8Array => Uint8Array.of(172, 16, 10, last);
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 15);
const TIMERS = { probeMs: 100, probeSilentMs: 50, deadMs: 600, deadSilentMs: 300 };

function watchOf(hosts: number[], ignored: number[] = [200, 201, 215]): LanWatch {
  const watch = new LanWatch(hosts.map(host), ignored.map(host), 0, TIMERS);
  watch.handleCarrier(true, 0);
  return watch;
}

/** Runs until `endMs`; hosts in `alive` answer at once. */
function run(watch: LanWatch, endMs: number, alive: number[]): LanProbe[] {
  const probes: LanProbe[] = [];
  for (let now = watch.nextDeadline(); now <= endMs; now = watch.nextDeadline()) {
    watch.handleTimeout(now);
    for (let probe = watch.pollProbe(); probe !== undefined; probe = watch.pollProbe()) {
      probes.push(probe);
      if (alive.includes(probe.address[3])) watch.handleNeighbour(probe.address, MAC, true, now);
    }
  }
  return probes;
}

test('carrier decides at once', (t) => {
  const watch = watchOf([15]);
  t.true(watch.usable(0));
  watch.handleCarrier(false, 10);
  t.false(watch.usable(10));
  t.false(watch.usableSince(0, 10));
});

test('a LAN on which nobody ever answered counts as usable', (t) => {
  const watch = watchOf([15]);
  run(watch, 60_000, []);
  t.true(watch.usable(60_000));
  t.is(watch.answeredAtMs, undefined);
});

test('a LAN that answered and fell silent is dead after 600 ms, or 300 while the partner is silent', (t) => {
  const watch = watchOf([15]);
  run(watch, 1_000, [15]);
  t.is(watch.answeredAtMs, 1_000);
  t.true(watch.usable(1_600));
  t.false(watch.usable(1_601));
  watch.handlePartnerSilent(true, 1_200);
  t.true(watch.usable(1_300));
  t.false(watch.usable(1_301));
  run(watch, 2_000, [15]);
  t.true(watch.usable(2_000));
});

test('one host that answers is enough, wherever it stands in the turn', (t) => {
  for (const alive of [10, 17, 19]) {
    const watch = watchOf([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    run(watch, 2_000, [alive]);
    for (let now = 2_000; now < 10_000; now += 50) {
      run(watch, now, [alive]);
      t.true(watch.usable(now), `host ${alive} at ${now}`);
    }
  }
});

test('the host that answers is asked at its MAC; broadcasts come once a second', (t) => {
  const watch = watchOf([15, 16, 17]);
  run(watch, 1_000, [15]);
  const probes = run(watch, 11_000, [15]);
  t.is(probes.filter((probe) => probe.mac !== undefined && probe.address[3] === 15).length, 100);
  const broadcasts = probes.filter((probe) => probe.mac === undefined);
  t.is(broadcasts.length, 10);
});

test('the partner, the VIP and this node are no LAN hosts', (t) => {
  const watch = watchOf([201]);
  watch.handleNeighbour(host(201), MAC, true, 5);
  watch.handleNeighbour(host(215), MAC, true, 5);
  watch.handleNeighbour(Uint8Array.of(0, 0, 0, 0), MAC, true, 5);
  t.is(watch.answeredAtMs, undefined);
  t.deepEqual(run(watch, 5_000, [201]), []);
});

test('a host that was overheard is asked from then on; what it says unasked proves nothing', (t) => {
  const watch = watchOf([]);
  watch.handleNeighbour(host(77), MAC, false, 5);
  t.is(watch.answeredAtMs, undefined);
  run(watch, 1_000, [77]);
  t.is(watch.answeredAtMs, 1_000);
});

test('hosts are bounded, and configured ones stay', (t) => {
  const watch = watchOf([15]);
  for (let last = 0; last < 200; last++)
    watch.handleNeighbour(Uint8Array.of(172, 16, 9, last), MAC, false, 0);
  const asked = new Set(run(watch, 20_000, []).map((probe) => probe.address.join('.')));
  t.is(asked.size, HOSTS_MAX);
  t.true(asked.has('172.16.10.15'));
});

test('the return of the carrier gives hosts the time to answer', (t) => {
  const watch = watchOf([15]);
  run(watch, 1_000, [15]);
  watch.handleCarrier(false, 1_100);
  watch.handleCarrier(true, 9_000);
  t.true(watch.usable(9_500));
  t.false(watch.usable(9_700));
});

test('for a claim: if a host answered in the last minute, one has answered since the silence began', (t) => {
  const watch = watchOf([15]);
  t.true(watch.usableSince(0, 10), 'nobody ever answered');
  run(watch, 1_000, [15]);
  t.true(watch.usableSince(1_000, 1_050));
  t.false(watch.usableSince(1_001, 1_050));
  t.true(watch.usableSince(1_001, 1_001 + ANSWERED_MS), 'the last answer is too old to expect another');
});

test('property: usable follows from carrier and the last answer, whatever else happens', (t) => {
  const steps = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 400 }),
      fc.constantFrom('up', 'down', 'answer', 'silent', 'heard', 'tick'),
    ),
  );
  fc.assert(
    fc.property(steps, (list) => {
      const watch = watchOf([15]);
      let now = 0;
      let [carrier, answered, heardMs, silent] = [true, false, 0, false];
      for (const [waitMs, what] of list) {
        now += waitMs;
        if (what === 'up') {
          if (!carrier) heardMs = now;
          carrier = true;
        } else if (what === 'down') carrier = false;
        else if (what === 'answer') {
          heardMs = now;
          answered = true;
        } else if (what === 'silent' || what === 'heard') silent = what === 'silent';
        if (what === 'up' || what === 'down') watch.handleCarrier(what === 'up', now);
        else if (what === 'answer') watch.handleNeighbour(host(15), MAC, true, now);
        else if (what === 'tick') watch.handleTimeout(now);
        else watch.handlePartnerSilent(what === 'silent', now);
        const expected = carrier && (!answered || now - heardMs <= (silent ? 300 : 600));
        t.is(watch.usable(now), expected);
      }
    }),
  );
});

test('where only prefixes are known, their addresses are tried in turn until a host answers', (t) => {
  const range = { family: 4 as const, bytes: host(0), length: 24 };
  const watch = new LanWatch([], [host(1), host(200)], 0, TIMERS, [range]);
  watch.handleCarrier(true, 0);
  const probes = run(watch, 100 * 77, [77]);
  const asked = probes.filter(({ mac }) => mac === undefined).map(({ address }) => address[3]);
  t.deepEqual(
    asked.filter((last, index) => asked.indexOf(last) === index),
    Array.from({ length: 78 }, (_, last) => last).filter((last) => last !== 1),
  );
  t.is(watch.answeredAtMs, 7_700);
  const later = run(watch, 20_000, [77]);
  t.deepEqual([...new Set(later.map(({ address }) => address[3]))], [77]);
  run(watch, 20_000 + ANSWERED_MS + 200, []);
  t.true(
    run(watch, 20_000 + ANSWERED_MS + 1_200, []).some(({ address }) => address[3] > 77),
    'and again',
  );
});

test('the partner is known by its MAC too, under whatever address its kernel speaks', (t) => {
  const partner = Uint8Array.of(2, 0, 0, 0, 0, 201);
  const watch = watchOf([]);
  watch.handleNeighbour(host(99), partner, true, 0);
  t.is(watch.answeredAtMs, 0, 'nothing says yet whose address this is');
  watch.handleNeighbour(host(201), partner, false, 10);
  watch.handleNeighbour(host(98), partner, true, 20);
  t.is(watch.answeredAtMs, undefined);
  t.deepEqual(run(watch, 1_000, []), []);
});

test('what is due soon is done early where asked', (t) => {
  const watch = watchOf([15]);
  run(watch, 0, [15]);
  watch.handleTimeout(70);
  t.is(watch.pollProbe(), undefined);
  watch.handleTimeout(70, 40);
  t.deepEqual(watch.pollProbe()?.address, host(15));
});
