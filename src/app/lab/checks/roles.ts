/** Who is active, asked of the nodes themselves over their control sockets. */
import { isActing } from '../../../core/cluster/record.js';
import { controlSocketPath } from '../../../core/config/configuration.js';
import { callDaemon } from '../../../edge/socket/client.js';
import type { PathReport, PathsReport } from '../../observe/path-reports.js';
import type { ControlMethod, StatusReport } from '../../observe/report.js';
import { hostPath } from '../layout.js';
import type { Cluster } from '../scenario.js';
import type { Lab } from './check.js';
import { pause } from './outage.js';

const ASK_MS = 1_000;
const POLL_MS = 100;

async function ask(lab: Lab, node: string, method: ControlMethod): Promise<unknown> {
  lab.throwIfStopped();
  const socket = controlSocketPath(hostPath(lab.layout, node, 'run', 'twinspan'), node);
  try {
    return await callDaemon(socket, method, {}, ASK_MS);
  } catch {
    return undefined;
  }
}

/** A node's report of itself; undefined where it does not answer. */
export async function statusOf(lab: Lab, node: string): Promise<StatusReport | undefined> {
  return (await ask(lab, node, 'status')) as StatusReport | undefined;
}

/** The path by which `node` sends to `peer`; undefined where it has none, or does not answer. */
export async function pathInUse(lab: Lab, node: string, peer: string): Promise<PathReport | undefined> {
  const report = (await ask(lab, node, 'paths')) as PathsReport | undefined;
  return report?.peers.find(({ name }) => name === peer)?.paths.find(({ inUse }) => inUse);
}

/** The members of a cluster that act now. */
export async function actingOf(lab: Lab, cluster: Cluster): Promise<string[]> {
  const reports = await Promise.all(cluster.members.map((member) => statusOf(lab, member)));
  return cluster.members.filter((_, index) => {
    const report = reports[index];
    return report !== undefined && isActing(report.role);
  });
}

/** The other member of a pair. */
export function partnerOf(cluster: Cluster, member: string): string {
  return cluster.members.find((one) => one !== member)!;
}

/** Repeats `look` until it says yes; whether it did within `withinMs`. */
export async function eventually(withinMs: number, look: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await look()) return true;
    if (performance.now() > end) return false;
    await pause(POLL_MS);
  }
}

/** Waits until `member` is the one that acts in its cluster. */
export function becomesActive(
  lab: Lab,
  cluster: Cluster,
  member: string,
  withinMs: number,
): Promise<boolean> {
  return eventually(withinMs, async () => (await actingOf(lab, cluster)).join() === member);
}

/** Epoch of each cluster as its active member has it, n of the ballot. */
export async function epochsOf(lab: Lab): Promise<Map<string, number>> {
  const { clusters } = lab.scenario.overlay;
  const found = await Promise.all(
    clusters.map(async (cluster) => {
      const reports = await Promise.all(cluster.members.map((member) => statusOf(lab, member)));
      return Math.max(0, ...reports.map((report) => report?.epoch?.n ?? 0));
    }),
  );
  return new Map(clusters.map((cluster, index) => [cluster.name, found[index]]));
}
