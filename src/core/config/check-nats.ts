/**
 * Inside NATs: 1:1, so both sides have one length; unambiguous, so no two of one cluster overlap on either side; and
 * reachable, so the network side is routed to the cluster that translates it. Two clusters may translate the same
 * network prefix where routes of different metric lead to both (a spare site).
 */
import type { Prefix } from '../base/prefix.js';
import { bitsOf, prefixOf } from '../base/prefix.js';
import { formatPrefix } from './address.js';
import { contains, describeTarget } from './check-routes.js';
import type { NatConfiguration, RouteConfiguration } from './configuration.js';
import type { NetworkFile } from './network-schema.js';
import { comparePrefixes, inPrefixOrder, overlaps, prefixKey } from './prefix-order.js';
import type { Findings, Source } from './problem.js';
import { lookUp, type Resolved } from './resolve.js';

/** Resolves and checks the inside NATs of a network file. NATs that are refused for themselves are left out. */
export function resolveNats(
  file: NetworkFile,
  routes: readonly RouteConfiguration[],
  resolved: Resolved,
  source: Source,
  findings: Findings,
): NatConfiguration[] {
  const nats: NatConfiguration[] = [];
  for (const [index, entry] of file.insideNat.entries()) {
    const path = ['insideNat', index];
    const cluster = lookUp('cluster', entry.at, resolved.clusterIndex, source, [...path, 'at'], findings);
    if (!sameSize(entry.local, entry.network, index, source, findings) || cluster < 0) continue;
    const { local, network, description } = entry;
    nats.push({ index, local, network, cluster, description, line: source.locate(path).line });
  }
  for (const cluster of resolved.clusters) {
    const own = nats.filter((nat) => nat.cluster === cluster.index);
    refuseOverlaps('local', own, source, findings);
    refuseOverlaps('network', own, source, findings);
    for (const nat of own) warnOutsideSite(nat, cluster.sites, cluster.name, source, findings);
  }
  refuseRoutedElsewhere(nats, routes, resolved, source, findings);
  return nats;
}

function sameSize(
  local: Prefix,
  network: Prefix,
  index: number,
  source: Source,
  findings: Findings,
): boolean {
  const path = ['insideNat', index, 'network'];
  const sides = `${formatPrefix(local)} and ${formatPrefix(network)}`;
  if (local.family !== network.family) {
    findings.refuse(source, path, `${sides} are of different address families.`);
    return false;
  }
  if (local.length === network.length) return true;
  findings.refuse(source, path, `${sides} differ in prefix length.`, 'A 1:1 NAT keeps the host bits.');
  return false;
}

function refuseOverlaps(
  side: 'local' | 'network',
  nats: readonly NatConfiguration[],
  source: Source,
  findings: Findings,
): void {
  for (const [cover, nat] of overlaps(nats, (item) => item[side])) {
    const [first, second] = cover.index < nat.index ? [cover, nat] : [nat, cover];
    const texts = `${formatPrefix(second[side])} overlaps ${formatPrefix(first[side])}`;
    const message = `${texts} of the inside NAT at line ${first.line}.`;
    findings.refuse(source, ['insideNat', second.index, side], message);
  }
}

function warnOutsideSite(
  nat: NatConfiguration,
  sites: readonly Prefix[],
  cluster: string,
  source: Source,
  findings: Findings,
): void {
  if (sites.length === 0 || sites.some((site) => contains(site, nat.local))) return;
  const message = `${formatPrefix(nat.local)} is outside the site of cluster '${cluster}'`;
  const list = sites.map(formatPrefix).join(', ');
  findings.warn(source, ['insideNat', nat.index, 'local'], `${message} (${list}).`);
}

/**
 * The most specific routed prefix that covers a NAT's network side must lead to its cluster (at any metric), and no
 * more specific route inside it may lead to somebody else. A blackhole inside it is a hole that was cut on purpose.
 */
function refuseRoutedElsewhere(
  nats: readonly NatConfiguration[],
  routes: readonly RouteConfiguration[],
  resolved: Resolved,
  source: Source,
  findings: Findings,
): void {
  const byPrefix = new Map<string, RouteConfiguration[]>();
  for (const route of routes) {
    const key = prefixKey(route.prefix);
    const same = byPrefix.get(key);
    if (same === undefined) byPrefix.set(key, [route]);
    else same.push(route);
  }
  const ordered = inPrefixOrder(routes, (route) => route.prefix);
  for (const nat of nats) {
    const path = ['insideNat', nat.index, 'network'];
    const text = formatPrefix(nat.network);
    const wanted = resolved.clusters[nat.cluster].name;
    const covering = coveringRoutes(nat.network, byPrefix);
    const hint = `Add a route { cidr: ${text}, to: ${wanted} } or a shorter one.`;
    if (covering === undefined) {
      findings.refuse(
        source,
        path,
        `${text} is not routed to cluster '${wanted}': no route covers it.`,
        hint,
      );
      continue;
    }
    const inner = covering.some((route) => route.target === nat.cluster)
      ? strangerInside(nat, ordered, byPrefix)
      : covering[0];
    if (inner === undefined) continue;
    const part = contains(inner.prefix, nat.network) ? text : `part of ${text}`;
    const target = describeTarget(inner.target, resolved.clusters);
    const where = `${formatPrefix(inner.prefix)} at line ${inner.line}`;
    findings.refuse(
      source,
      path,
      `${part} is routed to ${target}, not to cluster '${wanted}' (${where}).`,
      hint,
    );
  }
}

function coveringRoutes(
  prefix: Prefix,
  byPrefix: ReadonlyMap<string, RouteConfiguration[]>,
): RouteConfiguration[] | undefined {
  for (let length = prefix.length; length >= 0; length--) {
    const found = byPrefix.get(prefixKey(prefixOf(prefix.bytes, length)));
    if (found !== undefined) return found;
  }
  return undefined;
}

function strangerInside(
  nat: NatConfiguration,
  ordered: readonly RouteConfiguration[],
  byPrefix: ReadonlyMap<string, RouteConfiguration[]>,
): RouteConfiguration | undefined {
  if (nat.network.length === bitsOf(nat.network.family)) return undefined;
  for (let i = firstAfter(nat.network, ordered); i < ordered.length; i++) {
    const route = ordered[i];
    if (!contains(nat.network, route.prefix)) return undefined;
    if (route.target === 'blackhole' || route.target === nat.cluster) continue;
    const same = byPrefix.get(prefixKey(route.prefix)) as RouteConfiguration[];
    if (!same.some((other) => other.target === nat.cluster)) return route;
  }
  return undefined;
}

/** Position of the first route that stands after `prefix` in prefix order. */
function firstAfter(prefix: Prefix, ordered: readonly RouteConfiguration[]): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePrefixes(ordered[middle].prefix, prefix) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
