/**
 * Which peer gets the traffic for each cluster, in this order: the highest epoch's member if its session is up and it does
 * not say that its LAN is dead; another member likewise; a hub that reaches such a member; any member with a session;
 * a hub that reaches any member; our partner over the LAN, if it reaches one. So a dead LAN lowers preference and never
 * removes the last path. What comes from the partner must not be sent back to it: that is the data path's to refuse.
 */
import type { Directory, KnownCluster, KnownNode } from './roster.js';

/**
 * Fills `available` (a peer's number for each cluster, −1 for nobody, `here` for our own cluster and, after the clusters,
 * for the WAN) and returns whether anything changed. `byEpoch` false leaves the epoch out of account (a test's switch).
 */
export function chooseServing(
  directory: Directory,
  here: number,
  available: Int32Array,
  byEpoch = true,
): boolean {
  let changed = false;
  const set = (target: number, value: number): void => {
    if (available[target] === value) return;
    Atomics.store(available, target, value);
    changed = true;
  };
  directory.clusters.forEach((cluster, index) => {
    set(index, cluster === directory.own ? here : (serving(directory, cluster, byEpoch)?.peer ?? -1));
  });
  set(directory.clusters.length, here);
  return changed;
}

/** The node to which traffic for `cluster` (not our own) goes now. */
export function serving(directory: Directory, cluster: KnownCluster, byEpoch = true): KnownNode | undefined {
  const members = inOrder(cluster, byEpoch);
  const alive = members.filter((node) => node.record?.lan !== false);
  return (
    alive.find((node) => node.up) ??
    hubTo(directory, cluster, alive, byEpoch) ??
    members.find((node) => node.up) ??
    hubTo(directory, cluster, members, byEpoch) ??
    directory.partners.find(
      (partner) =>
        partner.up && members.some(({ name }) => partner.direct.has(name) || partner.throughHub.has(name)),
    )
  );
}

/** The members, that of the highest epoch first. */
function inOrder({ members, epoch }: KnownCluster, byEpoch: boolean): readonly KnownNode[] {
  const holder = epoch === undefined || !byEpoch ? undefined : members[epoch.member];
  return holder === undefined ? members : [holder, ...members.filter((node) => node !== holder)];
}

/** A hub with a session that reaches one of `targets`; the active member of a gateway cluster first. */
function hubTo(
  directory: Directory,
  cluster: KnownCluster,
  targets: readonly KnownNode[],
  byEpoch: boolean,
): KnownNode | undefined {
  const reaches = (hub: KnownNode): boolean => targets.some(({ name }) => hub.direct.has(name));
  return directory.hubs
    .filter((hubs) => hubs !== cluster)
    .flatMap((hubs) => inOrder(hubs, byEpoch))
    .find((hub) => hub.up && reaches(hub));
}
