/**
 * Where packets would really go: from a host of one site to a host of another, along what each node believes, over links
 * that work or do not. The site's hosts send to whoever last announced the cluster address.
 */
import type { SimCluster } from './layout.js';
import type { SimNode } from './node.js';
import { linked } from './physics.js';
import type { World } from './world.js';

/**
 * The members to which hosts of `site` send: the last that took the address and whose kernel still holds it. Where the LAN
 * has come apart each part has its own hosts, who hear only announcements of their part.
 */
export function addressesAt(world: World, site: SimCluster): SimNode[] {
  const holders = world.nodes.filter((node) => node.site === site && node.vipUntilMs > world.clock.now);
  const isOvertaken = (node: SimNode): boolean =>
    holders.some(
      (other) => other !== node && other.actedAtMs >= node.actedAtMs && shareLan(world, node, other),
    );
  return holders.filter((node) => !isOvertaken(node));
}

function shareLan(world: World, one: SimNode, other: SimNode): boolean {
  return one.site.hosts || linked(world, one, other);
}

/** Whether a packet from a host of `from`, in some part of its LAN, reaches a host of `to`. */
export function delivers(world: World, from: SimCluster, to: SimCluster): boolean {
  return addressesAt(world, from).some((first) => deliversFrom(world, first, to));
}

function deliversFrom(world: World, first: SimNode, to: SimCluster): boolean {
  let node = first;
  if (!worksAtLan(world, node)) return false;
  const target = world.clusters.indexOf(to);
  let handedOver = false;
  for (let hop = 0; hop < 4; hop++) {
    const name: string | undefined = node.routeTo(target);
    const next: SimNode | undefined = name === undefined ? undefined : world.node(name);
    if (next === undefined || !next.running || !next.dataPlane) return false;
    const toPartner: boolean = next.site === node.site;
    if (toPartner && handedOver) return false;
    handedOver ||= toPartner;
    if (!world.links.passes(node.name, next.name, toPartner ? node.site.name : undefined)) return false;
    if (next.site === to) return worksAtLan(world, next);
    node = next;
  }
  return false;
}

/** Both ways between two sites. */
export function talk(world: World, one: SimCluster, other: SimCluster): boolean {
  return delivers(world, one, other) && delivers(world, other, one);
}

function worksAtLan(world: World, node: SimNode): boolean {
  if (!node.running || !node.dataPlane) return false;
  const { links } = world;
  return node.site.hosts ? links.lanWorks(node.name, node.site.name) : links.of(node.name).carrier;
}
