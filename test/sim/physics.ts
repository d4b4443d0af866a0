/** What the machines and links would allow, whoever has the role: the yardstick for what the rules achieve. */
import type { SimCluster } from './layout.js';
import type { SimNode } from './node.js';
import type { World } from './world.js';

/** Whether packets go both ways between two running nodes that may have a session. */
export function joined(world: World, one: SimNode, other: SimNode): boolean {
  if (!one.running || !other.running || !one.sessions.has(other.name)) return false;
  if (one.sessions.get(other.name)?.peer === -1) return false;
  const site = one.site === other.site ? one.site.name : undefined;
  const { links } = world;
  return links.passes(one.name, other.name, site) && links.passes(other.name, one.name, site);
}

/** Whether `node`, had it the role, would join its LAN to at least one other cluster. */
export function couldServe(world: World, node: SimNode): boolean {
  if (!node.running || !node.dataPlane || node.uplinks.usable === 0) return false;
  // A LAN without hosts that answer has nothing to serve, and shows nothing but its carrier.
  const lan = node.site.hosts
    ? world.links.lanWorks(node.name, node.site.name)
    : world.links.of(node.name).carrier;
  if (!lan) return false;
  if (node.core?.member.drained) return false;
  return world.nodes.some((other) => other.site !== node.site && joined(world, node, other));
}

/** The members of `site` that could serve. */
export function ableTo(world: World, site: SimCluster): SimNode[] {
  return world.nodes.filter((node) => node.site === site && couldServe(world, node));
}

/** Whether two nodes have a path: their own session, or one hub between them. */
export function reaches(world: World, one: SimNode, other: SimNode): boolean {
  if (joined(world, one, other)) return true;
  return world.nodes.some(
    (hub) =>
      hub.site.gateway &&
      hub.site !== one.site &&
      hub.site !== other.site &&
      hub.dataPlane &&
      joined(world, one, hub) &&
      joined(world, hub, other),
  );
}

/** Whether the LAN joins two members, whatever their processes do. */
export function linked(world: World, one: SimNode, other: SimNode): boolean {
  const { links } = world;
  const both = (site: string): boolean =>
    links.passes(one.name, other.name, site) && links.passes(other.name, one.name, site);
  return one.site === other.site && both(one.site.name);
}

/** Whether nothing can come to `node`: from no running node, and not from Redis. */
export function hearsNobody(world: World, node: SimNode): boolean {
  const redis = world.redisOf(node.site);
  if (redis?.up && !redis.frozen && world.redisReachable(node)) return false;
  return !world.nodes.some((other) => {
    if (other === node || !other.running || !node.sessions.has(other.name)) return false;
    return world.links.passes(other.name, node.name, other.site === node.site ? node.site.name : undefined);
  });
}

/** Whether something two-way joins two members: LAN, Redis, or a chain of running nodes. */
export function canKnow(world: World, one: SimNode, other: SimNode): boolean {
  const redis = world.redisOf(one.site);
  const both = [one, other];
  if (redis?.up && !redis.frozen && both.every((node) => world.redisReachable(node))) return true;
  const reached = new Set([one]);
  for (const node of reached) {
    if (node === other) return true;
    for (const next of world.nodes) if (!reached.has(next) && joined(world, node, next)) reached.add(next);
  }
  return false;
}

/** Whether one channel of the design shows `one` to `other`: the LAN, Redis, or a node that has sessions with both. */
export function isKnown(world: World, one: SimNode, other: SimNode): boolean {
  if (linked(world, one, other)) return true;
  const redis = world.redisOf(one.site);
  if (redis?.up && !redis.frozen && world.redisReachable(one) && world.redisReachable(other)) return true;
  return world.nodes.some(
    (node) => joined(world, node, one) && (other.running ? joined(world, node, other) : true),
  );
}

/** How many nodes of other sites `node` reaches, directly or over a hub. */
export function remotesOf(world: World, node: SimNode): number {
  return world.nodes.filter(
    (other) => other.site !== node.site && other.running && reaches(world, node, other),
  ).length;
}
