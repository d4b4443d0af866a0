/** The simulator as part of the tests: fixed seeds, all single faults and a sample of pairs, and the budgets. */
import test from 'ava';
import { enumerated, type Fault } from './faults.js';
import { PLACEMENTS, SMALL } from './layout.js';
import { measure, tableOf } from './measure.js';
import { type Outcome, runRandom, runSteady } from './run.js';
import { runTriple } from './traps.js';

const SEEDS = 24;
const STEPS = 8;
const PAIRS_EVERY = 149;

function report({ violation, trace }: Outcome): string {
  return violation === undefined ? '' : `${violation}\n${trace.join('\n')}`;
}

test(`${SEEDS} random lives keep every promise`, (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    t.is(report(runRandom(seed, STEPS)), '', `npm run sim -- --seed ${seed} --steps ${STEPS}`);
  }
});

test('a seed repeats exactly', (t) => {
  t.deepEqual(runRandom(3, 2), runRandom(3, 2));
  t.notDeepEqual(runRandom(3, 2).trace, runRandom(5, 2).trace);
});

test('every single fault is survived: the site is served, roles rest, and all is well afterwards', (t) => {
  enumerated(SMALL[0], SMALL[1]).forEach((fault, index) => {
    const placement = PLACEMENTS[index % PLACEMENTS.length];
    const what = `${fault.name} (${placement.mesh}, Redis ${placement.redis})`;
    t.is(report(runSteady(index, placement, [fault])), '', what);
  });
});

test('so is a sample of pairs, in every placement', (t) => {
  const faults = enumerated(SMALL[0], SMALL[1]);
  const pairs = faults.flatMap((one, index) => faults.slice(index + 1).map((other): Fault[] => [one, other]));
  const runs = PLACEMENTS.flatMap((placement) => pairs.map((pair) => ({ placement, pair })));
  runs.forEach(({ placement, pair }, index) => {
    if (index % PAIRS_EVERY !== 0) return;
    const what = `${pair.map(({ name }) => name).join(' + ')} (${placement.mesh}, Redis ${placement.redis})`;
    t.is(report(runSteady(index, placement, pair)), '', what);
  });
});

test('a cluster of three survives pairs of faults', (t) => {
  for (let seed = 1; seed <= 30; seed++) t.is(report(runTriple(seed)), '', `runTriple(${seed})`);
});

/** ms: the budgets of the lab, which the simulation must keep with room to spare. */
const BUDGETS: Readonly<Record<string, number>> = {
  'planned hand-over': 2,
  drain: 2,
  failback: 2,
  'kill -9 or power loss of the active': 500,
  'active frozen': 500,
  "active's WAN dead": 400,
  "active's LAN carrier dead": 200,
  "active's LAN silent": 500,
  'data plane of the active fails': 50,
  'standby killed': 0,
  'Redis dead': 0,
  'partner link cut': 0,
};

test('outages are within their budgets, in simulated time', (t) => {
  const measurements = measure(6);
  t.log(`\n${tableOf(measurements)}`);
  t.deepEqual(measurements.map(({ event }) => event).sort(), Object.keys(BUDGETS).sort());
  for (const { event, outages, dualMsMax } of measurements) {
    t.true((outages.at(-1) as number) <= BUDGETS[event], `${event}: ${outages.join(' ')}`);
    t.true(dualMsMax <= 400, event);
  }
});
