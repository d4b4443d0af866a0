/** Waiting until a cluster is calm: one member acts, both have run for a while and reach whom they should. */
import type { Cluster } from '../scenario.js';
import type { Lab } from './check.js';
import { eventually, statusOf } from './roles.js';

/** After it a restarted member has listened, settled its sessions and can serve. */
const CALM_MS = 7_000;
/** After a hand-over the one that gave the role up can serve again, and has for long enough to be counted on. */
const HANDED_MS = 4_000;
const SETTLE_MS_MAX = 60_000;

/** Peers that a node must have a live session with: its partner, and whoever can be dialled. */
function wantedPeers(lab: Lab, cluster: Cluster, member: string): string[] {
  const { hosts, overlay } = lab.scenario;
  const dialled = hosts.filter((host) => (host.node?.endpoints.length ?? 0) > 0).map((host) => host.name);
  const everybody = overlay.clusters.flatMap((one) => one.members);
  const wanted = dialled.includes(member) ? everybody : [...cluster.members, ...dialled];
  return wanted.filter((one) => one !== member);
}

/** Who is active in a cluster; undefined where it is not calm. */
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

/** Of several clusters the one that has been left alone for longest: it has the least to wait for. */
export function calmest(lab: Lab, clusters: readonly Cluster[]): Cluster {
  return clusters.toSorted((a, b) => lab.disturbedAtMs(a.name) - lab.disturbedAtMs(b.name))[0];
}

/** Hands the role of a calm cluster back to its preferred member, where another has it; a refusal is no matter. */
async function handBack(lab: Lab, cluster: Cluster): Promise<void> {
  const now = performance.now();
  const [preferred] = cluster.members;
  if (now - lab.disturbedAtMs(cluster.name) < CALM_MS) return;
  const active = await lookAt(lab, cluster);
  if (active === undefined || active === preferred) return;
  const outcome = await lab.exec(active, ['twinspan', 'failover', '--to', preferred]);
  if (outcome.code === 0) lab.disturb(performance.now() - CALM_MS + HANDED_MS, cluster.name);
}

/**
 * Waits until `cluster` is calm and its preferred member active: a role that is elsewhere is handed over, since an
 * automatic failback could come in the middle of what follows; so are those of other clusters, to be calm in their turn.
 * Says who is active. Throws where it does not calm down.
 */
export async function settle(lab: Lab, cluster: Cluster): Promise<string> {
  const { clusters } = lab.scenario.overlay;
  const [preferred] = cluster.members;
  let active: string | undefined;
  const calm = await eventually(SETTLE_MS_MAX, async () => {
    await Promise.all(clusters.map((one) => handBack(lab, one)));
    if (performance.now() - lab.disturbedAtMs(cluster.name) < CALM_MS) return false;
    active = await lookAt(lab, cluster);
    return active === preferred;
  });
  if (calm && active !== undefined) return active;
  throw new Error(`${cluster.name} does not calm down: ${active ?? 'nobody'} is active`);
}
