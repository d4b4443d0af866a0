/**
 * The figure of merit: how long sites cannot talk, for each event of the budget table, over many seeds. A sample is the
 * sum of the moments, in steps of 2 ms, at which the site and some other site do not reach each other both ways.
 */
import { enumerated, type Fault, operations } from './faults.js';
import { talk } from './forwarding.js';
import { PLACEMENTS, SMALL } from './layout.js';
import { WARM_UP_MS } from './run.js';
import { World } from './world.js';

const STEP_MS = 2;
const WATCH_MS = 4_000;

export interface Measurement {
  readonly event: string;
  /** ms without connectivity: ordered. */
  readonly outages: readonly number[];
  /** ms until the role moved; those that did not move are missing. Ordered. */
  readonly takeovers: readonly number[];
  readonly dualMsMax: number;
}

interface Scenario {
  readonly event: string;
  readonly fault: string;
  /** What is watched is its end, after it has lasted. */
  readonly recovery?: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { event: 'planned hand-over', fault: 'failover at a' },
  { event: 'drain', fault: 'a drained' },
  { event: 'failback', fault: 'a killed', recovery: true },
  { event: 'kill -9 or power loss of the active', fault: 'a killed' },
  { event: 'active frozen', fault: 'a frozen' },
  { event: "active's WAN dead", fault: 'a WAN cut' },
  { event: "active's LAN carrier dead", fault: 'a LAN carrier lost' },
  { event: "active's LAN silent", fault: 'a LAN silent' },
  { event: 'data plane of the active fails', fault: 'a data plane failed' },
  { event: 'standby killed', fault: 'b killed' },
  { event: 'Redis dead', fault: 'Redis of site dead' },
  { event: 'partner link cut', fault: 'a – b cut' },
];

function sample(
  scenario: Scenario,
  seed: number,
): { outage: number; takeover: number | undefined; dual: number } {
  const placement = PLACEMENTS[seed % PLACEMENTS.length];
  const world = new World({ seed, placement, clusters: SMALL });
  const [site, hub] = SMALL;
  const fault = [...enumerated(site, hub), ...operations('a')].find(
    ({ name }) => name === scenario.fault,
  ) as Fault;
  world.startAll();
  world.run(WARM_UP_MS + world.random.fraction() * 1_000);
  let watchMs = WATCH_MS;
  if (scenario.recovery) {
    fault.begin(world);
    world.run(5_000);
    fault.end(world);
    watchMs = 20_000;
  } else {
    fault.begin(world);
  }
  const sinceMs = world.clock.now;
  const others = SMALL.filter((other) => other !== site);
  let outage = 0;
  while (world.clock.now - sinceMs < watchMs) {
    world.run(STEP_MS);
    if (!others.every((other) => talk(world, site, other))) outage += STEP_MS;
  }
  const moved = (world.checks.moves.get(site.name) ?? []).find((atMs) => atMs >= sinceMs);
  return {
    outage,
    takeover: moved === undefined ? undefined : moved - sinceMs,
    dual: world.checks.dualMsMax,
  };
}

/** Measures every event of the table over `seeds` seeds. */
export function measure(seeds: number): Measurement[] {
  const ordered = (values: number[]): number[] => values.sort((a, b) => a - b);
  return SCENARIOS.map((scenario) => {
    const samples = Array.from({ length: seeds }, (_, seed) => sample(scenario, seed + 1));
    return {
      event: scenario.event,
      outages: ordered(samples.map(({ outage }) => outage)),
      takeovers: ordered(samples.flatMap(({ takeover }) => (takeover === undefined ? [] : [takeover]))),
      dualMsMax: Math.max(...samples.map(({ dual }) => dual)),
    };
  });
}

/** The measurements as a table: p50 / max in ms. */
export function tableOf(measurements: readonly Measurement[]): string {
  const pair = (values: readonly number[]): string =>
    values.length === 0
      ? '–'
      : `${Math.round(values[values.length >> 1])} / ${Math.round(values[values.length - 1])}`;
  const lines = measurements.map(
    ({ event, outages, takeovers, dualMsMax }) =>
      `| ${event} | ${pair(outages)} | ${pair(takeovers)} | ${Math.round(dualMsMax)} |`,
  );
  return [
    '| Event | outage p50 / max | role moved after p50 / max | two actives max |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n');
}
