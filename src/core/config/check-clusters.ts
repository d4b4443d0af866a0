/**
 * Clusters against the overlay and against each other: where site and overlay addresses would be confused, and where
 * two nodes that need a session could never find each other.
 */
import type { Prefix } from '../base/prefix.js';
import { covers, overlap } from '../base/prefix.js';
import { formatPrefix } from './address.js';
import type {
  ClusterConfiguration,
  NetworkConfiguration,
  NodeConfiguration,
  RouteConfiguration,
} from './configuration.js';
import { MTU_BLOCK_BYTES } from './limits.js';
import type { NetworkFile } from './network-schema.js';
import { contains, overlaps } from './prefix-order.js';
import type { Findings, Path, Source } from './problem.js';
import { listOf, type Resolved } from './resolve.js';
import { leadsToSite } from './route-cover.js';

/** The network's own settings. */
export function resolveNetwork(file: NetworkFile, source: Source, findings: Findings): NetworkConfiguration {
  const { name, mtu } = file.network;
  const cidrs = listOf(file.network.cidr);
  for (const [cover, cidr] of overlaps(cidrs, (item) => item)) {
    findings.refuse(source, ['network', 'cidr'], `${formatPrefix(cidr)} overlaps ${formatPrefix(cover)}.`);
  }
  if (mtu % MTU_BLOCK_BYTES !== 0) {
    const near = mtu - (mtu % MTU_BLOCK_BYTES);
    const message = `${mtu} is not a multiple of ${MTU_BLOCK_BYTES}: each full packet costs a partial AEAD block.`;
    findings.warn(source, ['network', 'mtu'], message, `Consider ${near}.`);
  }
  return { name, cidrs, mtu };
}

/** Sites, VIPs and reachability of every cluster. */
export function checkClusters(
  network: NetworkConfiguration,
  resolved: Resolved,
  routes: readonly RouteConfiguration[],
  source: Source,
  findings: Findings,
): void {
  const near = routesByFirstByte(routes);
  for (const cluster of resolved.clusters) {
    const path = ['clusters', cluster.name];
    for (const [cover, site] of overlaps(cluster.sites, (item) => item)) {
      findings.refuse(source, [...path, 'site'], `${formatPrefix(site)} overlaps ${formatPrefix(cover)}.`);
    }
    for (const site of cluster.sites) {
      // Thousands of sites with thousands of routes each would be seconds.
      const around = site.length < 8 ? routes : (near.get(firstByte(site)) ?? []);
      checkSite(site, cluster, network, around, source, findings);
    }
    const vip = cluster.vip;
    if (
      vip !== undefined &&
      cluster.sites.length > 0 &&
      !cluster.sites.some((site) => covers(site, vip.bytes))
    ) {
      findings.warn(source, [...path, 'takeover', 'vip'], 'is outside the site of the cluster.');
    }
    warnUnreachablePartners(cluster, resolved.nodes, source, findings);
  }
  warnUnreachableClusters(resolved, source, findings);
}

/** Routes that begin like a prefix of eight bits or more; shorter ones stand at each byte that they cover. */
function routesByFirstByte(routes: readonly RouteConfiguration[]): Map<string, RouteConfiguration[]> {
  const near = new Map<string, RouteConfiguration[]>();
  for (const route of routes) {
    const { prefix } = route;
    const covered = prefix.length >= 8 ? 1 : 1 << (8 - prefix.length);
    for (let k = 0; k < covered; k++) {
      const key = `${prefix.family}/${prefix.bytes[0] + k}`;
      const known = near.get(key);
      if (known === undefined) near.set(key, [route]);
      else known.push(route);
    }
  }
  return near;
}

function firstByte({ family, bytes }: Prefix): string {
  return `${family}/${bytes[0]}`;
}

function checkSite(
  site: Prefix,
  cluster: ClusterConfiguration,
  network: NetworkConfiguration,
  routes: readonly RouteConfiguration[],
  source: Source,
  findings: Findings,
): void {
  const path: Path = ['clusters', cluster.name, 'site'];
  const text = formatPrefix(site);
  const identity = cluster.natUnmatched === 'identity';
  const overlay = network.cidrs.find((cidr) => overlap(cidr, site));
  if (overlay !== undefined && !(identity && contains(overlay, site))) {
    const hint = identity
      ? undefined
      : 'Only a cluster with nat: { unmatched: identity } may use overlay addresses.';
    findings.refuse(source, path, `${text} overlaps the network's CIDR ${formatPrefix(overlay)}.`, hint);
  }
  const leads = (route: RouteConfiguration): boolean => leadsToSite(route, cluster.index);
  if (identity && !routes.some((route) => leads(route) && overlap(route.prefix, site))) {
    const message = `${text} keeps its addresses (nat: identity), but no route leads it to cluster '${cluster.name}'.`;
    findings.warn(source, path, message, 'Others will not accept or answer packets from it.');
  }
  for (const route of routes) {
    if (typeof route.target !== 'number' || !contains(site, route.prefix) || leads(route)) continue;
    const message = `${text} is the cluster's own site, yet ${formatPrefix(route.prefix)} is routed elsewhere`;
    findings.warn(source, path, `${message} (line ${route.line}).`);
  }
}

function reachable(a: NodeConfiguration, b: NodeConfiguration): boolean {
  if (a.endpoints.length > 0 || b.endpoints.length > 0) return true;
  return a.cluster === b.cluster && (a.lanEndpoint !== undefined || b.lanEndpoint !== undefined);
}

function warnUnreachablePartners(
  cluster: ClusterConfiguration,
  nodes: readonly NodeConfiguration[],
  source: Source,
  findings: Findings,
): void {
  const members = cluster.members.map((index) => nodes[index]);
  for (const [place, a] of members.entries()) {
    const lost = members.slice(place + 1).find((b) => !reachable(a, b));
    if (lost === undefined) continue;
    const message = `'${a.name}' and '${lost.name}' have no address at which to find each other.`;
    findings.warn(source, ['nodes', a.name], message, 'Give lanAddress.');
    return;
  }
}

function warnUnreachableClusters(resolved: Resolved, source: Source, findings: Findings): void {
  const { clusters, nodes } = resolved;
  if (clusters.some((cluster) => cluster.gateway)) return;
  const hidden = clusters.filter((cluster) =>
    cluster.members.every((index) => nodes[index].endpoints.length === 0),
  );
  if (hidden.length < 2) return;
  const names = `'${hidden[0].name}' and '${hidden[1].name}'`;
  const message = `clusters ${names} have no endpoints, and no cluster is a gateway between them.`;
  findings.warn(source, ['clusters'], message, 'Give at least one node endpoints.');
}
