/**
 * One member fails, its partner takes over: the cheap rows, repeated as often as is asked, on one cluster after the other. Each
 * measures one pair of hosts whose traffic needs the cluster, and reads the logs for who was active when.
 */
import type { Report } from '../programs/meter.js';
import type { Cluster } from '../scenario.js';
import { type Check, type Finding, finding, type Lab } from './check.js';
import { hasCloud } from './cloud-state.js';
import { describeFigures } from './figures.js';
import { describeChange, History, type Known, longestDualMs } from './history.js';
import {
  describeReport,
  describeWorst,
  figuresOf,
  isWhole,
  measureOutage,
  outageMs,
  pause,
} from './outage.js';
import { pairFor } from './pairs.js';
import { eventually, partnerOf, statusOf } from './roles.js';
import { calmest, settle } from './settle.js';

/** Time for the partner to take the role in, and for a TCP connection to try again. */
const MOVE_MS_MAX = 5_000;
const AFTER_MOVE_MS = 1_500;
/** After mending: long enough to see two members that both think they are active. */
const AFTER_HEAL_MS = 1_500;
/** The design's bound on two actives while any path joins them. */
export const DUAL_MS_BUDGET = 600;

export interface Fault {
  readonly name: string;
  readonly budgetMs: number;
  /** Clusters that it is tried on, the calmest first. */
  readonly on: (cluster: Cluster) => boolean;
  /** Failures that together make the fault, given the active member. */
  readonly whats: (cluster: Cluster, active: string) => readonly string[];
  /** Whether the active member goes on believing until it learns better. */
  readonly frozen?: boolean;
}

interface Sample {
  readonly report: Report;
  readonly dualMs: number;
  /** What went wrong, where something did. */
  readonly wrong: readonly string[];
}

/** Breaks the active member of a cluster, looks on, mends it. */
export async function takeOver(lab: Lab, cluster: Cluster, fault: Fault): Promise<Sample> {
  const active = await settle(lab, cluster);
  const partner = partnerOf(cluster, active);
  const whats = fault.whats(cluster, active);
  const history = new History(lab);
  const known: Known[] = [];
  const wrong: string[] = [];
  let moved = false;
  let failedAtMs = 0;
  const report = await measureOutage(lab, pairFor(cluster), async () => {
    if ((await statusOf(lab, active))?.role !== 'active') wrong.push(`${active} was not active any more`);
    failedAtMs = Date.now();
    await lab.fail(...whats);
    const isGone = fault.frozen || whats.includes(`node:${active}`);
    if (isGone) known.push({ atMs: Date.now(), node: active, active: false });
    moved = await eventually(MOVE_MS_MAX, async () => (await statusOf(lab, partner))?.role === 'active');
    await pause(AFTER_MOVE_MS);
  });
  if (fault.frozen) known.push({ atMs: Date.now(), node: active, active: true });
  await lab.heal(...whats);
  await pause(AFTER_HEAL_MS);
  lab.disturb(performance.now(), cluster.name);
  const changes = history.roleChanges(cluster.members);
  const dualMs = longestDualMs(cluster, [active], changes, known);
  lab.dualsMs.push(dualMs);
  const sample = { report, dualMs, wrong };
  const told =
    changes.map((one) => `${one.atMs - failedAtMs} ms: ${describeChange(one)}`).join('; ') || 'no role moved';
  if (outageMs(report) > fault.budgetMs) lab.progress(`${cluster.name}, ${describeReport(report)}: ${told}`);
  if (!moved) wrong.push(`${partner} did not take over from ${active}: ${told}`);
  return sample;
}

/** Samples as one finding. */
export function judgeSamples(lab: Lab, samples: readonly Sample[], budgetMs: number): Finding {
  const reports = samples.map(({ report }) => report);
  const figures = figuresOf(reports);
  const dualMs = Math.max(...samples.map((one) => one.dualMs));
  const wrong = samples.flatMap((one) => one.wrong);
  const broken = reports.filter((report) => !isWhole(report)).length;
  const passed =
    wrong.length === 0 &&
    broken === 0 &&
    Math.max(...reports.map(outageMs)) <= lab.limitOf(budgetMs) &&
    dualMs <= lab.limitOf(DUAL_MS_BUDGET);
  const connections = broken === 0 ? 'TCP survived' : `TCP lost ${broken} of ${samples.length} times`;
  const dual = dualMs === 0 ? 'never two actives' : `two actives for at most ${dualMs} ms`;
  const detail = [connections, dual, describeWorst(reports), ...wrong].join('; ');
  return { ...finding(passed, detail), ...figures, budgetMs };
}

/** A fault as a check: `repeat` samples, on whichever cluster is calmest. */
export function takeoverCheck(fault: Fault): Check {
  return {
    name: fault.name,
    async run(lab) {
      const clusters = lab.scenario.overlay.clusters.filter(fault.on);
      if (clusters.some((cluster) => cluster.vip === undefined) && !hasCloud(lab)) {
        return { verdict: 'skip', detail: 'needs the moto server (npm run setup -- moto)' };
      }
      const samples: Sample[] = [];
      for (let index = 0; index < lab.programme.repeat; index++) {
        samples.push(await takeOver(lab, calmest(lab, clusters), fault));
        if (lab.programme.repeat > 1)
          lab.progress(`${fault.name}: ${describeFigures(samples.map(({ report }) => outageMs(report)))}`);
      }
      return judgeSamples(lab, samples, fault.budgetMs);
    },
  };
}

const isEdge = (cluster: Cluster): boolean => cluster.vip !== undefined;

/** The cheap rows with the design's budgets. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'active edge member killed (kill -9)',
    budgetMs: 800,
    on: isEdge,
    whats: (_, active) => [`node:${active}`],
  },
  {
    name: 'active VPC member killed (kill -9): the VPC route follows',
    budgetMs: 800,
    on: (cluster) => !isEdge(cluster),
    whats: (_, active) => [`node:${active}`],
  },
  {
    name: 'active edge member frozen (SIGSTOP), thawed later',
    budgetMs: 800,
    on: isEdge,
    whats: (_, active) => [`node:${active}:freeze`],
    frozen: true,
  },
  {
    name: "active edge member's LAN carrier lost",
    budgetMs: 400,
    on: isEdge,
    whats: (_, active) => [`link:${active}/lan`],
  },
  {
    name: "active edge member's LAN silent",
    budgetMs: 800,
    on: isEdge,
    whats: (_, active) => [`link:${active}/lan:silent`],
  },
  {
    name: "active edge member's WAN carrier lost",
    budgetMs: 600,
    on: isEdge,
    whats: (_, active) => [`link:${active}/wan`],
  },
  {
    name: "active edge member's WAN silent",
    budgetMs: 600,
    on: isEdge,
    whats: (_, active) => [`link:${active}/wan:silent`],
  },
];

/** All takeovers so far: for how long two members of a cluster were active at once. */
export const dualCheck: Check = {
  name: 'two members of a cluster active at once, in all of these',
  async run(lab): Promise<Finding> {
    if (lab.dualsMs.length === 0) return { verdict: 'skip', detail: 'no takeover was tried' };
    const longest = Math.max(...lab.dualsMs);
    const none = lab.dualsMs.filter((one) => one === 0).length;
    return {
      ...finding(
        longest <= lab.limitOf(DUAL_MS_BUDGET),
        `never in ${none} of ${lab.dualsMs.length} takeovers`,
      ),
      measuredMs: lab.dualsMs,
      budgetMs: DUAL_MS_BUDGET,
    };
  },
};
