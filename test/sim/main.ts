/**
 * The simulator's command line (npm run sim -- …):
 *   --seed N [--steps M]      one random run, with its trace
 *   --seeds N [--steps M] [--from F]   many, with progress; stops at the first failure and prints its seed
 *   --pairs | --singles [--placement P]   enumerates steady faults
 *   --faults 'NAME + NAME' [--placement P]   one set of steady faults, with its trace
 *   --measure N               the table of outages, over N seeds an event
 *   --flapping                one side of the active comes and goes
 *   --returning N             the standby loses everybody and finds one channel again, over N seeds
 *   --without RULE            leaves a safety rule out
 */
import { parseArgs } from 'node:util';
import { SAFETY_RULES, type SafetyRule } from '../../src/core/cluster/settings.js';
import { enumerated } from './faults.js';
import { PLACEMENTS, SMALL } from './layout.js';
import { measure, tableOf } from './measure.js';
import { type Outcome, runRandom, runSteady } from './run.js';
import { runFlapping, runReturning } from './traps.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '12' },
    singles: { type: 'boolean', default: false },
    pairs: { type: 'boolean', default: false },
    every: { type: 'string', default: '1' },
    placement: { type: 'string' },
    without: { type: 'string' },
    all: { type: 'boolean', default: false },
    faults: { type: 'string' },
    measure: { type: 'string' },
    flapping: { type: 'boolean', default: false },
    returning: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`npm run sim -- …
  --seed N [--steps M]                  one random run, with its trace
  --seeds N [--steps M] [--from F]      many; stops at the first failure unless --all
  --singles | --pairs [--every K] [--placement P]   steady faults, enumerated
  --faults 'NAME + NAME' [--placement P]            one set of them, with its trace
  --measure N                           the table of outages, over N seeds an event
  --flapping, --returning N             runs that set one trap each
  --without RULE                        leaves out one of ${Object.keys(SAFETY_RULES).join(', ')}`);
  process.exit();
}
const without = values.without as SafetyRule | undefined;
if (without !== undefined && !(without in SAFETY_RULES)) {
  console.error(`There is no rule '${without}'; there are: ${Object.keys(SAFETY_RULES).join(', ')}`);
  process.exit(2);
}
const steps = Number(values.steps);
let failures = 0;
let done = 0;
let simulatedMs = 0;
const startedAtMs = performance.now();
let saidAtMs = startedAtMs;

function progress(total: number, force = false): void {
  const now = performance.now();
  if (!force && now - saidAtMs < 5_000) return;
  saidAtMs = now;
  const seconds = (now - startedAtMs) / 1000;
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  console.log(
    `${done} of ${total} runs, ${failures} failed, ${(done / seconds).toFixed(1)} runs/s, ${hours} h simulated`,
  );
}

function take(label: string, result: Outcome): boolean {
  done++;
  simulatedMs += result.simulatedMs;
  if (result.violation === undefined) return true;
  failures++;
  console.log(`FAILED ${label}: ${result.violation}`);
  return false;
}

if (values.measure !== undefined) {
  console.log(tableOf(measure(Number(values.measure))));
} else if (values.flapping) {
  for (let seed = 1; seed <= 24; seed++) {
    const [onMs, offMs] = [2_000 + ((seed * 1_300) % 20_000), 500 + ((seed * 700) % 5_000)];
    const result = runFlapping(seed, onMs, offMs, without);
    if (!take(`flapping ${seed}: on ${onMs} ms, off ${offMs} ms`, result))
      console.log(result.trace.join('\n'));
  }
} else if (values.returning !== undefined) {
  for (let seed = 1; seed <= Number(values.returning); seed++) {
    for (const channel of ['peers', 'redis'] as const) {
      const result = runReturning(seed, channel, without);
      if (!take(`returning ${channel} ${seed}`, result)) console.log(result.trace.slice(-12).join('\n'));
    }
  }
} else if (values.seed !== undefined) {
  const result = runRandom(Number(values.seed), steps, without);
  take(`seed ${values.seed}`, result);
  console.log(result.trace.join('\n'));
} else if (values.seeds !== undefined) {
  const first = Number(values.from);
  const count = Number(values.seeds);
  for (let seed = first; seed < first + count; seed++) {
    const result = runRandom(seed, steps, without);
    if (!take(`--seed ${seed} --steps ${steps}`, result) && !values.all) {
      console.log(result.trace.join('\n'));
      break;
    }
    progress(count);
  }
  progress(count, true);
} else {
  const faults = enumerated(SMALL[0], SMALL[1]);
  const wanted = values.faults?.split(' + ');
  const sets = wanted
    ? [faults.filter(({ name }) => wanted.includes(name))]
    : values.pairs
      ? faults.flatMap((one, index) => faults.slice(index + 1).map((other) => [one, other]))
      : faults.map((fault) => [fault]);
  const placements = values.placement === undefined ? PLACEMENTS : [PLACEMENTS[Number(values.placement)]];
  const runs = placements.flatMap((placement) => sets.map((set) => ({ placement, set })));
  const every = Number(values.every);
  for (const [index, { placement, set }] of runs.entries()) {
    if (index % every !== 0) continue;
    const names = set.map(({ name }) => name).join(' + ');
    const label = `${PLACEMENTS.indexOf(placement)} (${placement.mesh}, Redis ${placement.redis}): ${names}`;
    const result = runSteady(index + 1, placement, set, without);
    const kept = take(label, result);
    if (wanted || (!kept && !values.all)) console.log(result.trace.join('\n'));
    if (!kept && !values.all) break;
    progress(Math.ceil(runs.length / every));
  }
  progress(Math.ceil(runs.length / every), true);
}
process.exitCode = failures > 0 ? 1 : 0;
