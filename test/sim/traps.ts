/**
 * Runs that set one trap each, for rules that random lives seldom need: a side that flaps, a standby that comes back, a
 * hello lost at the worst moment, members that know of each other only by hearsay.
 */
import type { SafetyRule } from '../../src/core/cluster/settings.js';
import { type Fault, nodeFaults, POWER_FAILURE, pathFaults } from './faults.js';
import { PLACEMENTS, type Placement, SMALL } from './layout.js';
import { begin, end, HEAL_MS, type Outcome, outcome, RESTART_MS, WARM_UP_MS } from './run.js';
import { World } from './world.js';

function worldOf(seed: number, placement: Placement, without: SafetyRule | undefined): World {
  return new World({ seed, placement, clusters: SMALL, ...(without === undefined ? {} : { without }) });
}

/** Such members move the role ever more seldom, by the growing hold-down. */
const HEARSAY_MOVES_MAX = 6;

/** One side of the active comes and goes for five minutes: the role must come to rest, and all is well afterwards. */
export function runFlapping(seed: number, onMs: number, offMs: number, without?: SafetyRule): Outcome {
  const placement = PLACEMENTS[seed % PLACEMENTS.length];
  const world = new World({
    seed,
    placement,
    clusters: SMALL,
    ...(without === undefined ? {} : { without }),
  });
  const fault = nodeFaults('a').find(({ name }) => name === 'a WAN cut') as Fault;
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    const sinceMs = world.clock.now;
    while (world.clock.now - sinceMs < 300_000) {
      fault.begin(world);
      world.run(offMs);
      fault.end(world);
      world.run(onMs);
    }
    world.checks.restful(sinceMs);
    world.run(HEAL_MS);
    world.checks.healthy();
  });
}

/**
 * The standby loses everybody but the hosts of its LAN, and one channel comes back: its peers or its Redis. The active has
 * served all the time, so the role must stay.
 */
export function runReturning(seed: number, channel: 'peers' | 'redis', without?: SafetyRule): Outcome {
  const mesh = seed % 2 === 0 ? 'full' : 'star';
  const placement = { mesh, redis: channel === 'redis' ? 'site' : 'none' } as const;
  const world = new World({
    seed,
    placement,
    clusters: SMALL,
    ...(without === undefined ? {} : { without }),
  });
  const named = (name: string): Fault =>
    [...nodeFaults('b'), ...pathFaults('a', 'b')].find((fault) => fault.name === name) as Fault;
  const cuts = ['a – b cut', 'b WAN cut', 'b cut from Redis'].map(named);
  const returns = named(channel === 'redis' ? 'b cut from Redis' : 'b WAN cut');
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS + world.random.fraction() * 200);
    const sinceMs = world.clock.now;
    for (const fault of cuts) begin(world, fault);
    world.run(300 + world.random.fraction() * 4_000);
    if (channel === 'redis' && seed % 3 === 0) {
      // Counters that begin anew show nobody until they grow.
      world.redisOf(SMALL[0])?.stop();
      world.redisOf(SMALL[0])?.start('empty');
    }
    end(world, returns);
    world.run(4_000);
    for (const fault of cuts) end(world, fault);
    world.run(HEAL_MS);
    world.checks.healthy();
    world.checks.unmoved(SMALL[0], sinceMs);
  });
}

/** The LAN of the active falls silent; when the standby acts, the active misses its news for a moment. */
export function runBlink(seed: number, without?: SafetyRule): Outcome {
  const world = worldOf(seed, { mesh: 'full', redis: 'none' }, without);
  const silent = nodeFaults('a').find(({ name }) => name === 'a LAN silent') as Fault;
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS + world.random.fraction() * 1_000);
    world.onOutput = ({ name }, output) => {
      if (name !== 'b' || output.type !== 'act') return;
      world.links.of('a').wan.in = false;
      world.clock.after(60, () => {
        world.links.of('a').wan.in = true;
      });
    };
    begin(world, silent);
    world.run(5_000);
    end(world, silent);
    world.run(HEAL_MS);
    world.checks.healthy();
  });
}

/** Members that share no LAN, no Redis and no peer, but whose peers talk: neither is heard by the other. */
export function runHearsay(seed: number, without?: SafetyRule): Outcome {
  const world = worldOf(seed, { mesh: 'full', redis: 'none' }, without);
  const cuts = ['a b', 'a h2', 'a x', 'b h1', 'b h2'].map((pair) => {
    const [one, other] = pair.split(' ');
    return pathFaults(one, other)[0];
  });
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    const sinceMs = world.clock.now;
    for (const cut of cuts) begin(world, cut);
    world.run(60_000);
    world.checks.served();
    const moves = (world.checks.moves.get('site') ?? []).filter((atMs) => atMs >= sinceMs).length;
    if (moves > HEARSAY_MOVES_MAX) world.fail(`the role moved ${moves} times in a minute`);
    for (const cut of cuts) end(world, cut);
    world.run(HEAL_MS);
    world.checks.healthy();
  });
}

/** The role has moved twice when the power of the whole network fails: disks must remember the epoch. */
export function runPowerFailure(seed: number, without?: SafetyRule): Outcome {
  const world = worldOf(seed, { mesh: 'full', redis: 'none' }, without);
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    for (const node of ['a', 'b']) {
      world.node(node).command('failover');
      world.run(5_000);
    }
    begin(world, POWER_FAILURE);
    world.run(WARM_UP_MS);
    world.checks.healthy();
    world.checks.preferred();
  });
}

/** Redis freezes with a claim that its claimer, itself failing, gives up; it thaws much later, and nothing may follow. */
export function runStaleClaim(seed: number, without?: SafetyRule): Outcome {
  const world = worldOf(seed, { mesh: 'full', redis: 'site' }, without);
  const carrier = nodeFaults('a').find(({ name }) => name === 'a LAN carrier lost') as Fault;
  const failed = nodeFaults('b').find(({ name }) => name === 'b data plane failed') as Fault;
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS + world.random.fraction() * 100);
    const sinceMs = world.clock.now;
    world.redisOf(SMALL[0])?.freeze();
    // The claim goes out 100 ms after the partner has said that its LAN is dead.
    begin(world, carrier);
    world.run(130);
    end(world, carrier);
    begin(world, failed);
    world.run(5_000);
    world.redisOf(SMALL[0])?.thaw();
    world.run(HEAL_MS);
    end(world, failed);
    world.checks.healthy();
    world.checks.unmoved(SMALL[0], sinceMs);
  });
}

/** A standby is frozen for less than the isolation time and finds its timers overdue when it wakes. */
export function runShortFreeze(seed: number, without?: SafetyRule): Outcome {
  const world = worldOf(seed, PLACEMENTS[seed % PLACEMENTS.length], without);
  const frozen = nodeFaults('h2').find(({ name }) => name === 'h2 frozen') as Fault;
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    const sinceMs = world.clock.now;
    for (let time = 0; time < 6; time++) {
      begin(world, frozen);
      world.run(350 + world.random.fraction() * 600);
      end(world, frozen);
      world.run(3_000);
    }
    world.checks.healthy();
    world.checks.unmoved(SMALL[1], sinceMs);
  });
}

/** Four cuts: the standby has no LAN and does not hear the active, which serves a peer that the standby does not reach. */
export function runBlindStandby(seed: number, without?: SafetyRule): Outcome {
  const world = worldOf(seed, { mesh: 'full', redis: 'none' }, without);
  const faults = [
    ...nodeFaults('b').filter(({ name }) => name === 'b LAN silent'),
    ...[pathFaults('a', 'h1'), pathFaults('a', 'h2'), pathFaults('b', 'x')].map(([both]) => both),
  ];
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    for (const fault of faults) begin(world, fault);
    world.run(15_000);
    world.checks.served();
    for (const fault of faults) end(world, fault);
    world.run(HEAL_MS);
    world.checks.healthy();
  });
}

/** A cluster of three under two faults at once: whoever takes over, one does, and the others let it. */
export function runTriple(seed: number, without?: SafetyRule): Outcome {
  const [site, ...others] = SMALL;
  const clusters = [{ ...site, members: ['a', 'b', 'c'] }, ...others];
  const placement = PLACEMENTS[seed % PLACEMENTS.length];
  const world = new World({ seed, placement, clusters, ...(without === undefined ? {} : { without }) });
  const faults = ['a', 'b', 'c'].flatMap(nodeFaults);
  const pair = new Set([faults[seed % faults.length], faults[(seed * 7 + 5) % faults.length]]);
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    world.checks.healthy();
    const sinceMs = world.clock.now;
    for (const fault of pair) begin(world, fault);
    world.run(15_000);
    world.checks.served();
    world.checks.restful(sinceMs);
    for (const fault of pair) end(world, fault);
    world.run(HEAL_MS + RESTART_MS);
    world.checks.healthy();
  });
}
