/**
 * Runs: a steady fault (or several at once) from beginning to end, and a random life of faults. Both end whole, and each
 * returns what it saw; a broken promise comes back as text with the trace.
 */
import { SeededRandom } from '../../src/core/base/random.js';
import type { SafetyRule } from '../../src/core/cluster/settings.js';
import {
  type Fault,
  losses,
  nodeFaults,
  operations,
  POWER_FAILURE,
  pathFaults,
  shocks,
  siteFaults,
} from './faults.js';
import { FOUR_PAIRS, PLACEMENTS, type Placement, SMALL } from './layout.js';
import { Violation, World } from './world.js';

/** After this everybody has started, met and settled. */
export const WARM_UP_MS = 7_000;
const STEADY_MS = 14_000;
/** Faults of one set begin at once, or one after the other within this time each. */
const TOGETHER_MS = 1_200;
const REST_MS = 16_000;
/** After faults stop. */
export const HEAL_MS = 2_000;
/** A process that has just started listens first, and its sessions must be made. */
export const RESTART_MS = 2_500;

export interface Outcome {
  readonly violation: string | undefined;
  readonly trace: readonly string[];
  readonly steps: number;
  readonly simulatedMs: number;
  readonly dualMsMax: number;
}

export function outcome(world: World, act: () => void): Outcome {
  let violation: string | undefined;
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    violation = error instanceof Violation ? error.message : `${error.stack}`;
  }
  const { trace, clock, checks } = world;
  return { violation, trace, steps: clock.steps, simulatedMs: clock.now, dualMsMax: checks.dualMsMax };
}

export function begin(world: World, fault: Fault): void {
  world.note(`--- ${fault.name}`);
  fault.begin(world);
}

export function end(world: World, fault: Fault): void {
  world.note(`--- no longer: ${fault.name}`);
  fault.end(world);
}

/** The faults begin at once, last, and end at once. */
export function runSteady(
  seed: number,
  placement: Placement,
  faults: readonly Fault[],
  without?: SafetyRule,
): Outcome {
  const world = new World({
    seed,
    placement,
    clusters: SMALL,
    ...(without === undefined ? {} : { without }),
  });
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS + world.random.fraction() * 200);
    world.checks.healthy();
    world.checks.preferred();
    const sinceMs = world.clock.now;
    const togetherMs = world.random.chance(0.5) ? 0 : world.random.fraction() * TOGETHER_MS;
    for (const fault of faults) {
      begin(world, fault);
      world.run(togetherMs);
    }
    world.run(STEADY_MS);
    world.checks.served();
    world.checks.connected();
    world.run(REST_MS);
    world.checks.served();
    world.checks.connected();
    world.checks.restful(sinceMs);
    for (const fault of faults) end(world, fault);
    world.run(HEAL_MS + (faults.some(({ restarts }) => restarts) ? RESTART_MS : 0));
    world.checks.healthy();
  });
}

/** `steps` random faults and recoveries, at random moments, up to three at a time; now and then all is healed. */
export function runRandom(seed: number, steps: number, without?: SafetyRule): Outcome {
  const random = new SeededRandom(seed * 7919 + 13);
  const placement = PLACEMENTS[random.below(PLACEMENTS.length)];
  const clusters = random.chance(0.25) ? FOUR_PAIRS : SMALL;
  const failback = random.chance(0.8) ? 'automatic' : 'manual';
  const world = new World({
    seed,
    placement,
    clusters,
    failback,
    ...(without === undefined ? {} : { without }),
  });
  world.note(
    `placement ${placement.mesh}, Redis ${placement.redis}, ${clusters.length} clusters, ${failback}`,
  );
  return outcome(world, () => {
    world.startAll();
    world.run(WARM_UP_MS);
    world.checks.healthy();
    world.checks.preferred();
    const life = new RandomLife(world, random);
    for (let step = 0; step < steps; step++) life.step();
    life.heal();
  });
}

class RandomLife {
  readonly #world: World;
  readonly #random: SeededRandom;
  #present: Fault[] = [];
  #restarted = 0;

  constructor(world: World, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
  }

  step(): void {
    const random = this.#random;
    const world = this.#world;
    const dice = random.fraction();
    if (dice < 0.12) this.heal();
    else if (this.#present.length > 0 && (dice < 0.4 || this.#present.length >= 3)) {
      const [fault] = this.#present.splice(random.below(this.#present.length), 1);
      if (fault.restarts) this.#restarted = world.clock.now;
      end(world, fault);
    } else this.#breakSomething();
    if (random.chance(0.25)) this.#steady();
    else world.run(20 + random.fraction() ** 3 * 4_000);
  }

  /** Ends everything and waits: the network must be whole. */
  heal(): void {
    const world = this.#world;
    for (const fault of this.#present) {
      if (fault.restarts) this.#restarted = world.clock.now;
      end(world, fault);
    }
    this.#present = [];
    const restarting = Math.max(0, this.#restarted + RESTART_MS - world.clock.now);
    world.run(HEAL_MS + restarting);
    world.checks.healthy();
  }

  #steady(): void {
    const world = this.#world;
    world.run(STEADY_MS);
    if (world.checks.lossy()) return;
    world.checks.served();
    world.checks.connected();
    const sinceMs = world.clock.now;
    world.run(REST_MS / 2);
    world.checks.served();
    world.checks.connected();
    world.checks.restful(sinceMs);
  }

  #breakSomething(): void {
    const world = this.#world;
    const fault = this.#choose();
    const words = fault.name.split(' ');
    // One fault at a time for each thing, so that its end restores what was.
    if (
      this.#present.some(({ name }) =>
        name.split(' ').some((word) => words.includes(word) && word.length < 6),
      )
    )
      return;
    begin(world, fault);
    if (fault.restarts) this.#restarted = world.clock.now;
    if (fault.end.toString() !== '() => {}') this.#present.push(fault);
  }

  #choose(): Fault {
    const random = this.#random;
    const { clusters } = this.#world;
    const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
    const site = pick(clusters.filter(({ members }) => members.length > 1));
    const node = pick(site.members);
    const other = pick(this.#world.nodes.filter(({ name }) => name !== node)).name;
    const dice = random.fraction();
    if (dice < 0.5) return pick(nodeFaults(node));
    if (dice < 0.62) return pick(siteFaults(site));
    if (dice < 0.74) return pick(pathFaults(node, other));
    if (dice < 0.85) return pick(shocks(site));
    if (dice < 0.86) return POWER_FAILURE;
    if (dice < 0.93) return pick(operations(node));
    return pick(losses(node, 0.05 + random.fraction() * 0.25));
  }
}
