/**
 * Where packets would really go: from a host of one site to a host of another, along what each node believes, over links
 * that work or do not. The site's hosts send to whoever last announced the cluster address.
 */
import type { SimCluster } from './layout.js';
import type { SimNode } from './node.js';
import type { World } from './world.js';

/** The member to which hosts of `site` send: the last that took the address and whose kernel still holds it. */
export function addressAt(world: World, site: SimCluster): SimNode | undefined {
  let holder: SimNode | undefined;
  for (const node of world.nodes) {
    if (node.site !== site || node.vipUntilMs <= world.clock.now) continue;
    if (holder === undefined || node.actedAtMs > holder.actedAtMs) holder = node;
  }
  return holder;
}

/** Whether a packet from a host of `from` reaches a host of `to`. */
export function delivers(world: World, from: SimCluster, to: SimCluster): boolean {
  let node = addressAt(world, from);
  if (node === undefined || !worksAtLan(world, node)) return false;
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
