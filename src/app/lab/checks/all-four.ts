/**
 * The active member of every cluster dies at the same instant: every pair of sites, a MariaDB session and an SFTP
 * transfer live through it, the VPC's route follows; and when the dead are back they take the roles back unnoticed.
 */
import type { Report } from '../programs/meter.js';
import type { Cluster } from '../scenario.js';
import { type Check, finding, type Lab, type NamedFinding } from './check.js';
import { firstMoveMs, hasCloud, vpcLeadsTo } from './cloud-state.js';
import { describeLosses, History } from './history.js';
import {
  describeReport,
  figuresOf,
  isWhole,
  lostPackets,
  measureOutages,
  outageMs,
  pause,
} from './outage.js';
import { ALL_PAIRS, databaseAddress } from './pairs.js';
import { becomesActive, eventually, partnerOf } from './roles.js';
import { openDatabaseSession, openTransfer } from './sessions.js';
import { settle } from './settle.js';

const OUTAGE_MS_BUDGET = 800;
/** From the role change to the call that moves the VPC's routes. */
export const CALL_MS_BUDGET = 100;
const MOVE_MS_MAX = 8_000;
const ROUTE_MS_MAX = 10_000;
/** The failback delay of 10 s, the time to listen and settle, and room for a busy machine. */
const FAILBACK_MS_MAX = 45_000;
const VPC_FOLLOWS = 'the VPC route table and its router point at the other member';
const SFTP = '10.100.20.20';

function worst(reports: readonly Report[]): string {
  const all = reports.map((report, index) => ({ report, pair: ALL_PAIRS[index] }));
  const { report, pair } = all.toSorted((a, b) => outageMs(b.report) - outageMs(a.report))[0];
  return `worst ${pair.from}–${pair.to}: ${describeReport(report)}`;
}

function reachable(lab: Lab, reports: readonly Report[], clusters: number): NamedFinding {
  const passed =
    reports.every(isWhole) && Math.max(...reports.map(outageMs)) <= lab.limitOf(OUTAGE_MS_BUDGET);
  return {
    ...finding(passed, `${reports.length} pairs of sites; ${worst(reports)}`),
    name: `active members of ${clusters} clusters killed at the same instant: every site pair reachable again`,
    ...figuresOf(reports),
    budgetMs: OUTAGE_MS_BUDGET,
  };
}

/** When each new member became active, and when the EC2 API was asked. */
async function vpcFinding(lab: Lab, history: History, member: string): Promise<NamedFinding> {
  let leads = { table: '', kernel: '' };
  const moved = await eventually(ROUTE_MS_MAX, async () => {
    leads = await vpcLeadsTo(lab);
    return leads.table === member && leads.kernel === member;
  });
  return {
    ...callFinding(lab, history, member),
    name: VPC_FOLLOWS,
    ...(!moved && finding(false, JSON.stringify(leads))),
  };
}

/** Time from the role change of `member` to the EC2 API call, as a finding. */
export function callFinding(lab: Lab, history: History, member: string): Omit<NamedFinding, 'name'> {
  const change = history.roleChanges([member]).find(({ to }) => to === 'active');
  const calledMs = change === undefined ? undefined : firstMoveMs(lab, member, change.atMs - CALL_MS_BUDGET);
  if (change === undefined || calledMs === undefined) return finding(false, 'no call was seen');
  const afterMs = Math.max(0, Math.round(calledMs - change.atMs));
  const detail = `leads to ${member}; the call reached the API ${afterMs} ms after the role change`;
  return {
    ...finding(afterMs <= lab.limitOf(CALL_MS_BUDGET), detail),
    measuredMs: [afterMs],
    budgetMs: CALL_MS_BUDGET,
  };
}

/** Heals all, waits until the preferred members have the roles again; nobody may miss a packet. */
async function failback(lab: Lab, clusters: readonly Cluster[]): Promise<NamedFinding> {
  const history = new History(lab);
  let late: string[] = [];
  const reports = await measureOutages(lab, ALL_PAIRS, async () => {
    await lab.heal(...clusters.map(({ members }) => `node:${members[0]}`));
    const backs = await Promise.all(
      clusters.map((cluster) => becomesActive(lab, cluster, cluster.members[0], FAILBACK_MS_MAX)),
    );
    late = clusters.filter((_, index) => !backs[index]).map((cluster) => cluster.name);
    await pause(2_000);
  });
  lab.disturb(performance.now(), ...clusters.map((cluster) => cluster.name));
  const lost = reports.reduce((sum, report) => sum + lostPackets(report), 0);
  const sent = reports.reduce((sum, { there, back }) => sum + there.received + back.received, 0);
  const passed = late.length === 0 && reports.every(isWhole) && lost === 0;
  const losses = describeLosses(reports, history);
  const detail =
    late.length > 0
      ? `no failback: ${late.join(' ')}`
      : `of ${sent}; ${worst(reports)}${losses && `; ${losses}`}`;
  return {
    ...finding(passed, detail),
    name: 'all of them healed: they take the roles back by themselves, no packet lost',
    ...figuresOf(reports),
    lost,
  };
}

interface Death {
  readonly reports: readonly Report[];
  readonly history: History;
  /** What did not go as it should, in the sessions or the roles. */
  readonly wrong: readonly string[];
}

/** Kills the first member of each cluster at the same instant, with sessions open, and looks on. */
async function killAll(lab: Lab, clusters: readonly Cluster[]): Promise<Death> {
  const history = new History(lab);
  const sessions = [await openDatabaseSession(lab, databaseAddress(1)), await openTransfer(lab, SFTP)];
  let moved: boolean[] = [];
  const reports = await measureOutages(lab, ALL_PAIRS, async () => {
    await lab.fail(...clusters.map(({ members }) => `node:${members[0]}`));
    const moves = clusters.map((one) => becomesActive(lab, one, partnerOf(one, one.members[0]), MOVE_MS_MAX));
    moved = await Promise.all(moves);
    await pause(2_000);
  });
  const wrong = clusters.filter((_, index) => !moved[index]).map((one) => `${one.name} did not move`);
  for (const session of sessions) wrong.push(...((await session.finish()) ?? []));
  return { reports, history, wrong };
}

export const allFour: Check = {
  name: 'active members of all four clusters killed at the same instant',
  short: true,
  async run(lab): Promise<NamedFinding[]> {
    const { clusters } = lab.scenario.overlay;
    for (const cluster of clusters) await settle(lab, cluster);
    // Where no API moves the VPC's route its member must live.
    const cloud = hasCloud(lab) ? lab.scenario.cloud?.cluster : undefined;
    const victims = clusters.filter(({ name, vip }) => vip !== undefined || name === cloud);
    const { reports, history, wrong } = await killAll(lab, victims);
    const survived = wrong.length === 0 ? 'MariaDB session and SFTP transfer went on' : wrong.join('; ');
    const vpc = clusters.find(({ name }) => name === cloud);
    return [
      reachable(lab, reports, victims.length),
      { ...finding(wrong.length === 0, survived), name: 'sessions opened before survive it' },
      vpc === undefined
        ? { verdict: 'skip', detail: 'needs the moto server (npm run setup -- moto)', name: VPC_FOLLOWS }
        : await vpcFinding(lab, history, partnerOf(vpc, vpc.members[0])),
      await failback(lab, victims),
    ];
  },
};
