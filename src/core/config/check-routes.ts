/**
 * Routes: one next hop for one prefix at one metric. Prefixes of different length may nest (longest prefix wins), and
 * one prefix may have several metrics (the lowest available wins); the same prefix at the same metric is a contradiction.
 */
import { formatPrefix } from './address.js';
import type {
  ClusterConfiguration,
  NetworkConfiguration,
  RouteConfiguration,
  RouteTarget,
} from './configuration.js';
import type { NetworkFile } from './network-schema.js';
import { contains, prefixKey } from './prefix-order.js';
import type { Findings, Source } from './problem.js';
import type { Resolved } from './resolve.js';
import { lookUp } from './resolve.js';

type RouteEntry = NetworkFile['routes'][number];

/** Name of a route's target for people: `cluster 'A'`, `the WAN`, `a blackhole`. */
export function describeTarget(target: RouteTarget, clusters: readonly ClusterConfiguration[]): string {
  if (target === 'wan') return 'the WAN';
  return target === 'blackhole' ? 'a blackhole' : `cluster '${clusters[target].name}'`;
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
    const target = targetOf(entry, index, resolved, source, findings);
    if (target === undefined) continue;
    const { line } = source.locate(path);
    const route = {
      index,
      prefix: entry.cidr,
      metric: entry.metric,
      target,
      description: entry.description,
      line,
    };
    const key = `${prefixKey(entry.cidr)} ${entry.metric}`;
    const before = seen.get(key);
    if (before !== undefined) {
      const text = `${formatPrefix(entry.cidr)} already has a route at metric ${entry.metric}, to`;
      const where = `${describeTarget(before.target, resolved.clusters)} (line ${before.line})`;
      findings.refuse(source, [...path, 'cidr'], `${text} ${where}.`, 'Give one of them another metric.');
      continue;
    }
    seen.set(key, route);
    routes.push(route);
    if (typeof target === 'number' && !network.cidrs.some((cidr) => contains(cidr, entry.cidr))) {
      const text = `${formatPrefix(entry.cidr)} is outside the network's CIDR`;
      findings.warn(source, [...path, 'cidr'], `${text} ${network.cidrs.map(formatPrefix).join(', ')}.`);
    }
  }
  return routes;
}

function targetOf(
  entry: RouteEntry,
  index: number,
  resolved: Resolved,
  source: Source,
  findings: Findings,
): RouteTarget | undefined {
  const given = [entry.to, entry.via, entry.blackhole].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const hint = 'Write to: CLUSTER, via: wan, or blackhole: true.';
    const message = given.length === 0 ? 'leads nowhere.' : 'has more than one target.';
    findings.refuse(source, ['routes', index], message, hint);
    return undefined;
  }
  if (entry.via !== undefined) return 'wan';
  if (entry.blackhole !== undefined) return 'blackhole';
  const path = ['routes', index, 'to'];
  const cluster = lookUp('cluster', entry.to as string, resolved.clusterIndex, source, path, findings);
  return cluster < 0 ? undefined : cluster;
}
