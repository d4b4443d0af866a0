/**
 * Inside NATs: 1:1, so both sides have one length; unambiguous, so no two of one cluster overlap on either side; and
 * reachable, so the network side is routed to the cluster that translates it. Two clusters may translate the same
 * network prefix where routes of different metric lead to both (a spare site).
 */
import type { Prefix } from '../base/prefix.js';
import { formatPrefix } from './address.js';
import { describeTarget } from './check-routes.js';
import type { NatConfiguration, RouteConfiguration } from './configuration.js';
import type { NetworkFile } from './network-schema.js';
import { contains, overlaps } from './prefix-order.js';
import type { Findings, Source } from './problem.js';
import { lookUp, type Resolved } from './resolve.js';
import { RoutesByPrefix } from './route-cover.js';

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
    if (resolved.externalIndex.has(entry.at)) {
      const message = `'${entry.at}' is an external peer: its addresses are network addresses and stay as they are.`;
      findings.refuse(source, [...path, 'at'], message, 'Translate at a cluster, or on the peer itself.');
      continue;
    }
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
  // With a route refused, what is not routed may only be a consequence.
  if (routes.length === file.routes.length) refuseRoutedElsewhere(nats, routes, resolved, source, findings);
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
 * Every address of a NAT's network side must be routed to the NAT's cluster, at any metric. Only a blackhole inside it
 * may stand: a hole that was cut on purpose.
 */
function refuseRoutedElsewhere(
  nats: readonly NatConfiguration[],
  routes: readonly RouteConfiguration[],
  resolved: Resolved,
  source: Source,
  findings: Findings,
): void {
  const table = new RoutesByPrefix(routes);
  for (const nat of nats) {
    const stray = table.stray(nat.network, nat.cluster);
    if (stray === undefined) continue;
    const path = ['insideNat', nat.index, 'network'];
    const wanted = resolved.clusters[nat.cluster].name;
    const text = formatPrefix(nat.network);
    const part = stray.part.length > nat.network.length ? `${formatPrefix(stray.part)} of ${text}` : text;
    const missing = `Add a route { cidr: ${text}, to: ${wanted} }`;
    if (stray.route === undefined) {
      findings.refuse(
        source,
        path,
        `${part} is not routed to cluster '${wanted}': no route covers it.`,
        `${missing}, or a shorter one.`,
      );
      continue;
    }
    const target = describeTarget(stray.route, resolved);
    const where = `${formatPrefix(stray.route.prefix)} at line ${stray.route.line}`;
    findings.refuse(
      source,
      path,
      `${part} is routed to ${target}, not to cluster '${wanted}' (${where}).`,
      `${missing}.`,
    );
  }
}
