/**
 * Routes: one next hop for one prefix at one metric. Prefixes of different length may nest (longest prefix wins), and
 * one prefix may have several metrics (the lowest available wins); the same prefix at the same metric is a contradiction.
 */
import { formatPrefix } from './address.js';
import type { NetworkConfiguration, RouteConfiguration } from './configuration.js';
import type { NetworkFile } from './network-schema.js';
import { contains, prefixKey } from './prefix-order.js';
import type { Findings, Source } from './problem.js';
import type { Resolved } from './resolve.js';
import { lookUp } from './resolve.js';

type RouteEntry = NetworkFile['routes'][number];

/** Where a route leads. */
export type Destination = Pick<RouteConfiguration, 'target' | 'external'>;

/** Name of a route's destination for people: `cluster 'A'`, `external peer 'B'`, `the WAN`, `a blackhole`. */
export function describeTarget({ target, external }: Destination, resolved: Resolved): string {
  if (external !== undefined) return `external peer '${resolved.externals[external].name}'`;
  if (target === 'wan') return 'the WAN';
  return target === 'blackhole' ? 'a blackhole' : `cluster '${resolved.clusters[target].name}'`;
}

/** Resolves and checks the routes of a network file. Routes that are refused are left out. */
export function resolveRoutes(
  file: NetworkFile,
  network: NetworkConfiguration,
  resolved: Resolved,
  source: Source,
  findings: Findings,
): RouteConfiguration[] {
  const routes: RouteConfiguration[] = [];
  const seen = new Map<string, RouteConfiguration>();
  for (const [index, entry] of file.routes.entries()) {
    const path = ['routes', index];
    const destination = destinationOf(entry, index, resolved, source, findings);
    if (destination === undefined) continue;
    const { line } = source.locate(path);
    const route = {
      index,
      prefix: entry.cidr,
      metric: entry.metric,
      ...destination,
      description: entry.description,
      line,
    };
    const key = `${prefixKey(entry.cidr)} ${entry.metric}`;
    const before = seen.get(key);
    if (before !== undefined) {
      const text = `${formatPrefix(entry.cidr)} already has a route at metric ${entry.metric}, to`;
      const where = `${describeTarget(before, resolved)} (line ${before.line})`;
      findings.refuse(source, [...path, 'cidr'], `${text} ${where}.`, 'Give one of them another metric.');
      continue;
    }
    seen.set(key, route);
    routes.push(route);
    if (typeof destination.target === 'number' && !network.cidrs.some((cidr) => contains(cidr, entry.cidr))) {
      const text = `${formatPrefix(entry.cidr)} is outside the network's CIDR`;
      findings.warn(source, [...path, 'cidr'], `${text} ${network.cidrs.map(formatPrefix).join(', ')}.`);
    }
  }
  return routes;
}

function destinationOf(
  entry: RouteEntry,
  index: number,
  resolved: Resolved,
  source: Source,
  findings: Findings,
): Destination | undefined {
  const given = [entry.to, entry.via, entry.blackhole].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const hint = 'Write to: CLUSTER, via: wan, or blackhole: true.';
    const message = given.length === 0 ? 'leads nowhere.' : 'has more than one target.';
    findings.refuse(source, ['routes', index], message, hint);
    return undefined;
  }
  if (entry.via !== undefined) return { target: 'wan', external: undefined };
  if (entry.blackhole !== undefined) return { target: 'blackhole', external: undefined };
  const path = ['routes', index, 'to'];
  const { clusterIndex, externalIndex, externals } = resolved;
  const name = entry.to as string;
  const external = externalIndex.get(name);
  if (external !== undefined) {
    const target = externals[external].cluster;
    return target < 0 ? undefined : { target, external };
  }
  const cluster = clusterIndex.get(name);
  if (cluster !== undefined) return cluster < 0 ? undefined : { target: cluster, external: undefined };
  const kind = externals.length === 0 ? 'cluster' : 'cluster or external peer';
  const known = new Map([...clusterIndex, ...externalIndex]);
  const target = lookUp(kind, name, known, source, path, findings);
  return target < 0 ? undefined : { target, external: undefined };
}
