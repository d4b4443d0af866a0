/**
 * Uplinks and the role. One that is lost moves nothing: the second is there for that. A member that has lost more gives way to
 * one that has more left, one that has lost all to anybody who serves; and nobody takes the role back while it is weaker.
 */
import test from 'ava';
import { compareUplinks, isBare, type MemberRecord, type Uplinks } from '../../../src/core/cluster/record.js';
import { CLUSTER_DEFAULTS } from '../../../src/core/cluster/settings.js';
import { enumerated, type Fault } from '../../sim/faults.js';
import { PLACEMENTS, SMALL } from '../../sim/layout.js';
import { runSteady, WARM_UP_MS } from '../../sim/run.js';
import { World } from '../../sim/world.js';

const { holdDownMs, failbackMs } = CLUSTER_DEFAULTS;
const [SITE, HUB] = SMALL;
const WHOLE: Uplinks = { usable: 3, lost: 0 };

function lost(count: number): Uplinks {
  return { usable: WHOLE.usable - count, lost: count };
}

class Bench {
  readonly world: World;

  constructor(seed = 1) {
    this.world = new World({ seed, placement: { mesh: 'full', redis: 'site' }, clusters: SMALL });
    this.world.startAll();
    this.world.run(WARM_UP_MS);
  }

  set(name: string, uplinks: Uplinks): void {
    const node = this.world.node(name);
    node.uplinks = uplinks;
    node.healthChanged();
  }

  /** Who acts after `forMs`. */
  after(forMs: number): string {
    this.world.run(forMs);
    return ['a', 'b'].filter((name) => this.world.node(name).acting).join();
  }

  get moves(): number {
    return this.world.checks.moves.get(SITE.name)?.length ?? 0;
  }
}

test('one uplink that is lost moves nothing, whatever the partner has', (t) => {
  const bench = new Bench();
  const { moves } = bench;
  bench.set('a', lost(1));
  t.is(bench.after(30_000), 'a');
  bench.set('a', { usable: 1, lost: 1 });
  t.is(bench.after(30_000), 'a', 'nor does the only one but one');
  bench.set('a', WHOLE);
  t.is(bench.after(30_000), 'a');
  t.is(bench.moves, moves);
});

test('more than one lost: the role moves to who has more left, and back when all are', (t) => {
  const bench = new Bench();
  const { moves } = bench;
  bench.set('a', lost(2));
  t.is(bench.after(holdDownMs - 200), 'a');
  t.is(bench.after(1_000), 'b');
  t.regex(String(bench.world.trace.join('\n')), /has lost uplinks that this member has/);
  bench.set('a', lost(1));
  t.is(bench.after(3 * failbackMs), 'b', 'b has still more');
  t.is(bench.world.node('a').core?.member.waiting?.why, 'b is active and serves better');
  bench.set('a', WHOLE);
  t.is(bench.after(failbackMs + 1_000), 'a');
  t.is(bench.moves, moves + 2);
});

test('a fault that both have moves nothing, in either order', (t) => {
  const bench = new Bench();
  const { moves } = bench;
  bench.set('b', lost(2));
  bench.after(100);
  bench.set('a', lost(2));
  t.is(bench.after(30_000), 'a');
  bench.set('b', WHOLE);
  bench.set('a', WHOLE);
  bench.after(1_000);
  bench.set('a', lost(2));
  bench.after(500);
  bench.set('b', lost(2));
  t.is(bench.after(30_000), 'a');
  t.is(bench.moves, moves);
});

test('all lost: who can serve takes over; where nobody can, nothing moves', (t) => {
  const bench = new Bench();
  bench.set('a', lost(3));
  t.is(bench.after(1_500), 'b');
  bench.set('b', lost(3));
  t.is(bench.after(10_000), 'b');
  bench.set('a', lost(1));
  t.is(bench.after(5_000), 'a');
});

test('fewer by configuration is no fault: the preferred member stays, and comes back', (t) => {
  const bench = new Bench();
  bench.set('a', { usable: 1, lost: 0 });
  t.is(bench.after(30_000), 'a');
  bench.world.node('a').kill();
  t.is(bench.after(3_000), 'b');
  bench.world.node('a').uplinks = { usable: 1, lost: 0 };
  bench.world.node('a').start();
  t.is(bench.after(20_000), 'a');
});

test('a member that returns weaker waits until it is whole', (t) => {
  const bench = new Bench();
  bench.world.node('a').kill();
  t.is(bench.after(3_000), 'b');
  bench.world.node('a').uplinks = lost(1);
  bench.world.node('a').start();
  t.is(bench.after(60_000), 'b');
  bench.set('a', WHOLE);
  t.is(bench.after(25_000), 'a');
});

test('uplinks that come and go do not take the role with them', (t) => {
  for (const [down, up] of [
    [1_000, 1_000],
    [4_000, 4_000],
    [5_000, 12_000],
  ]) {
    const bench = new Bench(7);
    const before = bench.moves;
    for (let ms = 0; ms < 180_000; ms += down + up) {
      bench.set('a', lost(2));
      bench.world.run(down);
      bench.set('a', WHOLE);
      bench.world.run(up);
    }
    t.true(bench.moves - before <= 6, `${bench.moves - before} moves in 3 min at ${down}/${up}`);
  }
});

test('the order of two is one: never is each weaker than the other', (t) => {
  const all: Uplinks[] = [];
  for (let usable = 0; usable < 4; usable++)
    for (let gone = 0; gone < 4; gone++) all.push({ usable, lost: gone });
  const record = (uplinks: Uplinks) => ({ uplinks }) as MemberRecord;
  for (const a of all) {
    for (const b of all) {
      t.is(compareUplinks(record(a), record(b)) + compareUplinks(record(b), record(a)), 0);
      t.false(isBare(record(a), record(b)) && isBare(record(b), record(a)));
      if (isBare(record(a), record(b)))
        t.is(compareUplinks(record(a), record(b)), -1, 'who takes it keeps it');
    }
  }
});

test('lost uplinks beside every other fault: the site is served and roles rest', (t) => {
  const uplinkFaults = ['a', 'b'].flatMap((name) =>
    [1, 2].map((count): Fault => {
      const set = (world: World, uplinks: Uplinks): void => {
        world.node(name).uplinks = uplinks;
        world.node(name).healthChanged();
      };
      return {
        name: `${name} has lost ${count} uplinks`,
        begin: (world) => set(world, lost(count)),
        end: (world) => set(world, WHOLE),
      };
    }),
  );
  enumerated(SITE, HUB).forEach((other, index) => {
    const fault = uplinkFaults[index % uplinkFaults.length];
    const placement = PLACEMENTS[index % PLACEMENTS.length];
    const { violation, trace } = runSteady(index, placement, [fault, other]);
    t.is(violation, undefined, `${fault.name} + ${other.name}\n${trace.join('\n')}`);
  });
});
