/** Pairs of hosts in ha-edge-to-aws between which traffic is measured: all of its sites, and one pair for each cluster. */
import type { Cluster } from '../scenario.js';
import type { Measured } from './outage.js';

/** The overlay address of the database at an edge site. */
export function databaseAddress(site: number): string {
  return `10.100.${site}0.15`;
}

function pair(from: string, site: number): Measured {
  return { from, to: `mysql${site}`, address: databaseAddress(site) };
}

/** Every pair of sites; two edge sites reach each other through the VPC's nodes. */
export const ALL_PAIRS: readonly Measured[] = [
  ...[1, 2, 3].map((site) => pair('app', site)),
  pair('mysql1', 2),
  pair('mysql1', 3),
  pair('mysql2', 3),
];

/** A pair whose traffic needs the cluster: the VPC's with its own site, and the third site's for the VPC's cluster. */
export function pairFor(cluster: Cluster): Measured {
  const site = Number(/\d$/.exec(cluster.place)?.[0] ?? 3);
  return pair('app', site);
}
