/** Waiting until a cluster is calm: one member acts, both have run for a while and reach whom they should. */
import type { Cluster } from '../scenario.js';
import type { Lab } from './check.js';
import { eventually, statusOf } from './roles.js';

/** After it a restarted member has listened, settled its sessions and can serve. */
const CALM_MS = 7_000;
/** After it a preferred member that may take the role back has done so, unless it has done so too often. */
const FAILBACK_MS = 16_000;
const SETTLE_MS_MAX = 60_000;

/** Peers that a node must have a live session with: its partner, and whoever can be dialled. */
function wantedPeers(lab: Lab, cluster: Cluster, member: string): string[] {
  const { hosts, overlay } = lab.scenario;
  const dialled = hosts.filter((host) => (host.node?.endpoints.length ?? 0) > 0).map((host) => host.name);
  const everybody = overlay.clusters.flatMap((one) => one.members);
  const wanted = dialled.includes(member) ? everybody : [...cluster.members, ...dialled];
  return wanted.filter((one) => one !== member);
}

async function lookAt(lab: Lab, cluster: Cluster): Promise<string | undefined> {
  const reports = await Promise.all(cluster.members.map((member) => statusOf(lab, member)));
  const acting: string[] = [];
  for (const [index, report] of reports.entries()) {
    if (report === undefined || report.uptimeMs < CALM_MS) return undefined;
    const member = cluster.members[index];
    const up = new Set(report.peers.filter((peer) => peer.state === 'up').map((peer) => peer.name));
    if (!wantedPeers(lab, cluster, member).every((peer) => up.has(peer))) return undefined;
    if (report.role === 'active') acting.push(member);
    else if (report.role !== 'standby') return undefined;
  }
  return acting.length === 1 ? acting[0] : undefined;
}

/** Waits until `cluster` is calm and says who is active. Throws where it does not calm down. */
export async function settle(lab: Lab, cluster: Cluster): Promise<string> {
  let active: string | undefined;
  const calm = await eventually(SETTLE_MS_MAX, async () => {
    const sinceMs = performance.now() - lab.disturbedAtMs(cluster.name);
    if (sinceMs < CALM_MS) return false;
    active = await lookAt(lab, cluster);
    return active !== undefined && (active === cluster.members[0] || sinceMs > FAILBACK_MS);
  });
  if (calm && active !== undefined) return active;
  throw new Error(`${cluster.name} does not calm down: ${active ?? 'nobody'} is active`);
}
