/**
 * The networks of the simulation: a hub with two members, a site with two members that the faults aim at, and others.
 * Six placements: sessions between all nodes or only with the hub; a Redis at each site (over the LAN), one in the
 * region (over the WAN), or none.
 */
export interface Placement {
  readonly mesh: 'full' | 'star';
  readonly redis: 'site' | 'region' | 'none';
}

export interface SimCluster {
  readonly name: string;
  readonly gateway: boolean;
  readonly members: readonly string[];
  /** Hosts of the LAN answer probes. */
  readonly hosts: boolean;
}

export const PLACEMENTS: readonly Placement[] = [
  { mesh: 'full', redis: 'site' },
  { mesh: 'full', redis: 'region' },
  { mesh: 'full', redis: 'none' },
  { mesh: 'star', redis: 'site' },
  { mesh: 'star', redis: 'region' },
  { mesh: 'star', redis: 'none' },
];

/** The small network: every role that a node can have, at the least cost. */
export const SMALL: readonly SimCluster[] = [
  { name: 'site', gateway: false, members: ['a', 'b'], hosts: true },
  { name: 'hub', gateway: true, members: ['h1', 'h2'], hosts: false },
  { name: 'branch', gateway: false, members: ['x'], hosts: true },
];

/** The network of the scenario: four pairs. */
export const FOUR_PAIRS: readonly SimCluster[] = [
  { name: 'site', gateway: false, members: ['a', 'b'], hosts: true },
  { name: 'hub', gateway: true, members: ['h1', 'h2'], hosts: false },
  { name: 'edge2', gateway: false, members: ['c', 'd'], hosts: true },
  { name: 'edge3', gateway: false, members: ['e', 'f'], hosts: true },
];

/** Whether two nodes of different clusters have a session. */
export function meet(placement: Placement, one: SimCluster, other: SimCluster): boolean {
  return placement.mesh === 'full' || one.gateway || other.gateway;
}
