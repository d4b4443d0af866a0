/**
 * One fault of a WAN or an ISP: traffic between the application server and the site is measured while it happens, and again
 * while it is mended and the preferred way taken back. Either part makes a row's figures: the outage of the first, the
 * packets lost in the second.
 */
import type { Report } from '../../programs/meter.js';
import { type Cluster, hostNamed } from '../../scenario.js';
import { type Check, type Finding, finding, type Lab } from '../check.js';
import { describeFigures } from '../figures.js';
import { describeChange, describeLosses, History, movesRole } from '../history.js';
import {
  describeReport,
  figuresOf,
  isWhole,
  lostPackets,
  measureOutage,
  outageMs,
  pause,
} from '../outage.js';
import { becomesActive, eventually, partnerOf, statusOf } from '../roles.js';
import { settle } from '../settle.js';
import { describeGaps, silentAfterSwitch } from './gaps.js';
import { elsewhere, pathChanges, switches } from './ways.js';

/**
 * How the preferred way is taken back once the fault is mended. A firewall that took another ISP returns by itself, and the
 * public address changes once more.
 */
export type Return =
  /** The preferred member takes the role back by itself. */
  | 'failback'
  /** The operator hands the role back: after several changes the members themselves are in no hurry. */
  | 'hand-over'
  /** Traffic returns to the preferred uplink. */
  | 'uplink'
  /** There is nothing to wait for. */
  | 'none';

export interface WanFault {
  readonly name: string;
  readonly short: boolean;
  /** Failures that together make it. */
  readonly whats: readonly string[];
  /** The preferred member hands its role to the other first. */
  readonly swapped?: boolean;
  /** Whether the role has to move to the partner; otherwise no role may change. */
  readonly moves?: boolean;
  /** What the budget is for: from the fault, or from when the firewall has taken another ISP. */
  readonly budgetMs: number;
  readonly from: 'fault' | 'firewall';
  /** Uplink by which site and hub then send; the role has not moved. */
  readonly uplink?: string;
  /** How long it is looked at, ms, beyond what has to happen. */
  readonly lookMs?: number;
  readonly lookShortMs?: number;
  /** How often, at most, a node may change the path to one peer. */
  readonly changesMax?: number;
  readonly back: Return;
}

const PAIR_OF_HOSTS = { from: 'app', to: 'server', address: '10.100.10.15' };
const MOVE_MS_MAX = 8_000;
const LOOK_MS = 2_000;
/** The firewall waits five seconds before it trusts an ISP again. */
const FIREWALL_MS_MAX = 15_000;
/** The failback delay of 10 s, doubled once, the time to listen and settle, and room for a busy machine. */
const FAILBACK_MS_MAX = 60_000;
/** A path that has died must be good for 10 s, and longer when it dies again. */
const UPLINK_MS_MAX = 75_000;
const REFUSED_MS_MAX = 20_000;

function siteOf(lab: Lab): Cluster {
  return lab.scenario.overlay.clusters.find(({ place }) => place === 'site')!;
}

/** Has the operator give the role to `member`; whether it was accepted, and the member acts. */
async function handOver(lab: Lab, cluster: Cluster, member: string): Promise<boolean> {
  const accepted = await eventually(REFUSED_MS_MAX, async () => {
    const outcome = await lab.exec(member, ['twinspan', 'failover', '--to', member]);
    return outcome.code === 0;
  });
  return accepted && (await becomesActive(lab, cluster, member, MOVE_MS_MAX));
}

/** Waits until nodes and hub send to each other by the nodes' preferred uplinks; says who does not. */
async function preferred(lab: Lab, nodes: readonly string[]): Promise<string[]> {
  const wantedOf = (node: string) => hostNamed(lab.scenario, node)!.node!.uplinks[0].name;
  let wrong: string[] = [];
  await eventually(UPLINK_MS_MAX, async () => {
    const looks = await Promise.all(nodes.map((node) => elsewhere(lab, node, wantedOf(node))));
    wrong = looks.flat();
    return wrong.length === 0;
  });
  return wrong;
}

interface Part {
  /** When it was broken or mended, Unix time. */
  readonly sinceMs: number;
  readonly report: Report;
  readonly figureMs: number;
  readonly wrong: readonly string[];
  /** What else is worth a word. */
  readonly told: readonly string[];
}

/** The fault happens. */
async function breakIt(lab: Lab, fault: WanFault, cluster: Cluster, active: string): Promise<Part> {
  const history = new History(lab);
  const wrong: string[] = [];
  let sinceMs = 0;
  const report = await measureOutage(lab, PAIR_OF_HOSTS, async () => {
    sinceMs = Date.now();
    await lab.fail(...fault.whats);
    const taker = partnerOf(cluster, active);
    const moved =
      fault.moves !== true ||
      (await eventually(MOVE_MS_MAX, async () => (await statusOf(lab, taker))?.role === 'active'));
    if (!moved) wrong.push(`${taker} did not take over`);
    if (fault.from === 'firewall') {
      const switched = await eventually(FIREWALL_MS_MAX, async () => switches(history).length > 0);
      if (!switched) wrong.push('the firewall did not take the other ISP');
    }
    await pause((lab.programme.short ? fault.lookShortMs : fault.lookMs) ?? fault.lookMs ?? LOOK_MS);
    if (fault.uplink !== undefined) wrong.push(...(await elsewhere(lab, active, fault.uplink)));
  });
  const moves = history.roleChanges(cluster.members).filter(movesRole).map(describeChange);
  // One member gives the role up, the other takes it.
  if (moves.length > (fault.moves === true ? 2 : 0)) wrong.push(...moves);
  const changes = pathChanges(history.events(), sinceMs);
  if (changes.length > (fault.changesMax ?? Number.POSITIVE_INFINITY)) {
    wrong.push(
      ...changes.map((one) => `${one.node} after ${one.atMs - sinceMs} ms by ${one.path}: ${one.why}`),
    );
  }
  const [change] = switches(history);
  const switchedMs = change?.atMs ?? Number.NaN;
  const figureMs = fault.from === 'firewall' ? silentAfterSwitch(report, switchedMs) : outageMs(report);
  const told = [
    ...(change === undefined ? [] : [`firewall to ${change.way} (${change.why})`]),
    moves.length === 0 ? 'no role moved' : 'the role moved',
    ...(fault.changesMax === undefined ? [] : [`changes of path: ${changes.length}`]),
  ];
  if (!isWhole(report)) wrong.push(`not whole: ${describeReport(report)}`);
  return { sinceMs, report, figureMs, wrong, told };
}

/** What has to happen once the fault is mended; what did not. */
async function awaitReturn(
  lab: Lab,
  fault: WanFault,
  cluster: Cluster,
  active: string,
  history: History,
): Promise<string[]> {
  if (fault.from === 'firewall') {
    const switched = await eventually(FIREWALL_MS_MAX, async () => switches(history).length > 0);
    if (!switched) return ['the firewall did not return to its preferred ISP'];
  }
  switch (fault.back) {
    case 'failback': {
      const returned = await becomesActive(lab, cluster, active, FAILBACK_MS_MAX);
      return returned ? [] : [`${active} did not take the role back`];
    }
    case 'hand-over': {
      const [first] = cluster.members;
      const returned = await handOver(lab, cluster, first);
      return returned ? [] : [`${first} could not be given the role back`];
    }
    case 'uplink':
      return preferred(lab, [active]);
    case 'none':
      return [];
  }
}

/** It is mended. Where the public address changes once more a gap is allowed, elsewhere no packet may be lost. */
async function mendIt(lab: Lab, fault: WanFault, cluster: Cluster, active: string): Promise<Part> {
  const history = new History(lab);
  const wrong: string[] = [];
  let sinceMs = 0;
  const report = await measureOutage(lab, PAIR_OF_HOSTS, async () => {
    sinceMs = Date.now();
    await lab.heal(...fault.whats);
    wrong.push(...(await awaitReturn(lab, fault, cluster, active, history)));
    await pause(LOOK_MS);
  });
  if (!isWhole(report)) wrong.push(`not whole when it was mended: ${describeReport(report)}`);
  const lost = lostPackets(report);
  if (fault.from === 'firewall') {
    const silentMs = silentAfterSwitch(report, switches(history)[0]?.atMs ?? Number.NaN);
    if (silentMs > lab.limitOf(fault.budgetMs)) {
      wrong.push(`silent for ${silentMs} ms after the firewall's return: ${describeReport(report)}`);
    }
  } else if (lost > 0)
    wrong.push(`${lost} packets lost when it was mended: ${describeLosses([report], history)}`);
  return { sinceMs, report, figureMs: outageMs(report), wrong, told: [] };
}

/** What happened, in a few words. */
function describe({ broken, mended }: Sample): string {
  return [
    ...broken.told,
    isWhole(broken.report) && isWhole(mended.report) ? 'TCP survived' : 'TCP lost',
    `gaps (ms): ${describeGaps(broken.report, broken.sinceMs)}`,
    `mended: ${describeGaps(mended.report, mended.sinceMs)}`,
  ].join('; ');
}

interface Sample {
  readonly broken: Part;
  readonly mended: Part;
}

async function take(lab: Lab, fault: WanFault): Promise<Sample> {
  const cluster = siteOf(lab);
  let active = await settle(lab, cluster);
  if (fault.swapped === true) {
    active = partnerOf(cluster, active);
    if (!(await handOver(lab, cluster, active))) throw new Error(`${active} could not be given the role`);
    await pause(LOOK_MS);
  }
  const before = fault.uplink === undefined ? [] : await preferred(lab, cluster.members);
  if (before.length > 0) throw new Error(before.join('; '));
  const broken = await breakIt(lab, fault, cluster, active);
  const mended = await mendIt(lab, fault, cluster, active);
  if (fault.moves === true) lab.disturb(performance.now(), cluster.name);
  return { broken, mended };
}

function judge(lab: Lab, fault: WanFault, samples: readonly Sample[]): Finding {
  const wrong = samples.flatMap(({ broken, mended }) => [...broken.wrong, ...mended.wrong]);
  const measuredMs = samples.map(({ broken }) => broken.figureMs);
  const passed = wrong.length === 0 && Math.max(...measuredMs) <= lab.limitOf(fault.budgetMs);
  const worst = samples.toSorted((a, b) => b.broken.figureMs - a.broken.figureMs)[0];
  const lost = samples.reduce((sum, { mended }) => sum + lostPackets(mended.report), 0);
  return {
    ...finding(passed, [...wrong, describe(worst)].join('; ')),
    ...figuresOf(samples.map(({ broken }) => broken.report)),
    measuredMs,
    budgetMs: fault.budgetMs,
    ...(fault.from === 'fault' && fault.back !== 'none' && { lost }),
  };
}

/** A fault as a check. */
export function wanCheck(fault: WanFault): Check {
  return {
    name: fault.name,
    short: fault.short,
    async run(lab) {
      const samples: Sample[] = [];
      for (let index = 0; index < lab.programme.repeat; index++) {
        // Members that have changed roles often are in no hurry to do so again.
        const back = index > 0 && fault.back === 'failback' ? 'hand-over' : fault.back;
        samples.push(await take(lab, { ...fault, back }));
        if (lab.programme.repeat > 1) {
          lab.progress(`${fault.name}: ${describeFigures(samples.map(({ broken }) => broken.figureMs))}`);
        }
      }
      return judge(lab, fault, samples);
    },
  };
}
