/**
 * Which peer serves each cluster now: the order in which traffic is delivered. The cluster's members in order of
 * preference while their sessions are up; else through a hub, a member of a gateway cluster whose session is up; else
 * nobody. The cluster issue puts the active member first; the rest of the order stays.
 */
export interface ServedCluster {
  /** Peer numbers of its members in order of preference; −1 for a member with which we keep no session. */
  readonly members: readonly number[];
  readonly gateway: boolean;
}

/** What stands in `available` for our own cluster and for the WAN: usable, and no peer's number. */
export const AVAILABLE_HERE = 0x7fff_ffff;

/**
 * Fills `available` (one number a cluster, then the WAN) and returns whether anything changed. `isUp` tells whether a
 * peer's session carries traffic.
 */
export function chooseServing(
  clusters: readonly ServedCluster[],
  ownCluster: number,
  isUp: (peer: number) => boolean,
  available: Int32Array,
): boolean {
  const firstUp = (cluster: ServedCluster): number =>
    cluster.members.find((peer) => peer >= 0 && isUp(peer)) ?? -1;
  const direct = clusters.map(firstUp);
  const hub = clusters.findIndex(
    (cluster, index) => cluster.gateway && index !== ownCluster && direct[index] >= 0,
  );
  let changed = false;
  const set = (target: number, value: number): void => {
    if (available[target] === value) return;
    Atomics.store(available, target, value);
    changed = true;
  };
  clusters.forEach((_, index) => {
    if (index === ownCluster) set(index, AVAILABLE_HERE);
    else if (direct[index] >= 0) set(index, direct[index]);
    else set(index, hub >= 0 ? direct[hub] : -1);
  });
  set(clusters.length, AVAILABLE_HERE);
  return changed;
}
