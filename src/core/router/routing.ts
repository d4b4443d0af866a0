/**
 * Routing decisions on the packet in `context.parsed`: where its destination leads, and whether its source may come from
 * where it came (reverse-path check).
 */
import { DROP } from '../packet/drop.js';
import { ROW_ROUTE } from '../packet/rows.js';
import { BLACKHOLE, NO_ROUTE, UNAVAILABLE } from '../route/table.js';
import type { RouterContext } from './context.js';
import { FOR_ALL } from './route-cache.js';
import { TRUST_HUB, TRUST_OWN_ROUTES } from './snapshot.js';

/**
 * Writes the route of the destination to ROW_ROUTE (the one to blame where there is none), and its target to the context:
 * 0, or a drop reason.
 */
export function routeDestination(context: RouterContext, at: number): number {
  const { parsed, snapshot, rows } = context;
  const route = parsed.family === 4 ? resolveCached(context) : resolveCached6(context);
  if (route >= 0) {
    rows[at + ROW_ROUTE] = route;
    return 0;
  }
  rows[at + ROW_ROUTE] = snapshot.routes.blamed;
  if (route === NO_ROUTE) return DROP['no-route'];
  return route === BLACKHOLE ? DROP.blackhole : DROP['peer-down'];
}

/**
 * Whether the source belongs behind `peer`: a route of its cluster covers it. A hub may speak for every cluster but
 * ours, with the external peers that ours serves, and our partner for all.
 */
export function sourceBelongs(context: RouterContext, peer: number): boolean {
  const { parsed, sourceCache, sourceCache6, snapshot } = context;
  if (parsed.family === 4) {
    const slot = sourceCache.slotOf(parsed.source4, peer);
    if (sourceCache.holds(slot, parsed.source4, peer)) return sourceCache.route(slot) >= 0;
    const belongs = checkSource(context, peer);
    sourceCache.remember(slot, parsed.source4, peer, belongs ? 0 : -1, -1);
    return belongs;
  }
  if (!snapshot.routes.isLarge) return checkSource(context, peer);
  const { s0, s1, s2, s3 } = parsed;
  const slot = sourceCache6.slotOf(s0, s1, s2, s3, peer);
  if (sourceCache6.holds(slot, s0, s1, s2, s3, peer)) return true;
  return checkSource(context, peer);
}

/** The route for an IPv4 destination. Only routes are remembered; refusals leave `routes.blamed` for the evidence. */
function resolveCached(context: RouterContext): number {
  const { snapshot, tables, destinationCache, parsed } = context;
  const destination = parsed.destination4;
  const slot = destinationCache.slotOf(destination, FOR_ALL);
  if (destinationCache.holds(slot, destination, FOR_ALL)) {
    context.target = destinationCache.target(slot);
    return destinationCache.route(slot);
  }
  const { routes } = snapshot;
  const route = routes.resolve4(destination, tables.available);
  if (route < 0) return route;
  context.target = routes.targetOf(route);
  destinationCache.remember(slot, destination, FOR_ALL, route, context.target);
  return route;
}

/** The same for IPv6: in a large table what was read ahead is there. */
function resolveCached6(context: RouterContext): number {
  const { snapshot, tables, destinationCache6, parsed } = context;
  const { routes } = snapshot;
  const { d0, d1, d2, d3 } = parsed;
  if (routes.isLarge) {
    const slot = destinationCache6.slotOf(d0, d1, d2, d3, FOR_ALL);
    if (destinationCache6.holds(slot, d0, d1, d2, d3, FOR_ALL)) {
      context.target = destinationCache6.target(slot);
      return destinationCache6.route(slot);
    }
  }
  const route = routes.resolve6(d0, d1, d2, d3, tables.available);
  if (route >= 0) context.target = routes.targetOf(route);
  return route;
}

function checkSource(context: RouterContext, peer: number): boolean {
  const { parsed, snapshot, tables } = context;
  const { routes } = snapshot;
  const cluster = tables.peers.cluster[peer];
  const direct =
    parsed.family === 4
      ? routes.routeVia4(parsed.source4, cluster)
      : routes.routeVia6(parsed.s0, parsed.s1, parsed.s2, parsed.s3, cluster);
  if (direct >= 0) return true;
  const trust = snapshot.data.peerTrust[peer];
  if (trust === TRUST_OWN_ROUTES) return false;
  const source = clusterOfSource(context);
  return source >= 0 && (trust !== TRUST_HUB || (source !== snapshot.ownCluster && source < snapshot.wan));
}

/** The cluster, or external peer of ours, to which the source is routed, −1 none. */
function clusterOfSource(context: RouterContext): number {
  const { parsed, snapshot, tables } = context;
  const { routes } = snapshot;
  let route =
    parsed.family === 4
      ? routes.resolve4(parsed.source4, tables.available)
      : routes.resolve6(parsed.s0, parsed.s1, parsed.s2, parsed.s3, tables.available);
  if (route === UNAVAILABLE) route = routes.blamed;
  if (route < 0) return -1;
  const target = routes.targetOf(route);
  return target === snapshot.wan ? -1 : target;
}
