/**
 * Routing decisions on the packet in `context.parsed`: where its destination leads, and whether its source may come from
 * where it came (reverse-path check).
 */
import { DROP } from '../packet/drop.js';
import { ROW_ROUTE } from '../packet/rows.js';
import { BLACKHOLE, NO_ROUTE, UNAVAILABLE } from '../route/table.js';
import type { RouterContext } from './context.js';
import { TRUST_HUB, TRUST_OWN_ROUTES } from './snapshot.js';

/** Writes the route of the destination to ROW_ROUTE (the one to blame where there is none): 0, or a drop reason. */
export function routeDestination(context: RouterContext, at: number): number {
  const { parsed, snapshot, tables, rows } = context;
  const { routes } = snapshot;
  const route =
    parsed.family === 4
      ? resolveCached(context, parsed.destination4)
      : routes.resolve6(parsed.d0, parsed.d1, parsed.d2, parsed.d3, tables.available);
  if (route >= 0) {
    rows[at + ROW_ROUTE] = route;
    return 0;
  }
  rows[at + ROW_ROUTE] = routes.blamed;
  if (route === NO_ROUTE) return DROP['no-route'];
  return route === BLACKHOLE ? DROP.blackhole : DROP['peer-down'];
}

/**
 * Whether the source belongs behind `peer`: a route of its cluster covers it. A hub may speak for every cluster but
 * ours, with the external peers that ours serves, and our partner for all.
 */
export function sourceBelongs(context: RouterContext, peer: number): boolean {
  const { parsed, sourceCache } = context;
  if (parsed.family !== 4) return checkSource(context, peer);
  const slot = sourceCache.slotOf(parsed.source4, peer);
  if (sourceCache.holds(slot, parsed.source4, peer)) return sourceCache.answer(slot) === 1;
  const belongs = checkSource(context, peer);
  sourceCache.remember(slot, parsed.source4, peer, belongs ? 1 : 0);
  return belongs;
}

/** The route for an IPv4 destination. Only routes are remembered; refusals leave `routes.blamed` for the evidence. */
function resolveCached(context: RouterContext, destination: number): number {
  const { snapshot, tables, destinationCache } = context;
  const slot = destinationCache.slotOf(destination, 0);
  if (destinationCache.holds(slot, destination, 0)) return destinationCache.answer(slot);
  const route = snapshot.routes.resolve4(destination, tables.available);
  if (route >= 0) destinationCache.remember(slot, destination, 0, route);
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
