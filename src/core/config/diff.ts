/**
 * What a reload changes: the difference of two valid configurations, in the terms in which it is applied. Peers are
 * matched by name (indices may shift), so that untouched sessions stay; a peer whose public key changed is another peer
 * and stands in both lists. What cannot change in a running daemon is named, not attempted.
 */
import type { HostPort } from './address.js';
import {
  type ClusterConfiguration,
  type Configuration,
  endpointsOf,
  type LocalConfiguration,
  type NodeConfiguration,
  type RouteTarget,
} from './configuration.js';

export type PeerAspect = 'endpoints' | 'cluster' | 'presharedKey';

export interface PeerChange {
  readonly name: string;
  readonly aspects: readonly PeerAspect[];
}

export interface ConfigurationDiff {
  readonly peersAdded: readonly string[];
  readonly peersRemoved: readonly string[];
  readonly peersChanged: readonly PeerChange[];
  /** Routes, or what stands behind them: clusters, members, preferred members, gateways. */
  readonly routesChanged: boolean;
  /** Inside NATs, or what becomes of unmatched addresses. */
  readonly natsChanged: boolean;
  /** Addresses, routes, MTU and rules of this host. */
  readonly hostChanged: boolean;
  /** External peers, or the key of our cluster that they know. */
  readonly externalsChanged: boolean;
  readonly logLevelChanged: boolean;
  /** Programs that are run when the role changes. */
  readonly hooksChanged: boolean;
  /** Keys of the files whose change waits for a restart. */
  readonly restartNeeded: readonly string[];
}

/** The difference from `old` to `next`. Both are valid; equal configurations give an empty difference. */
export function diffConfiguration(old: Configuration, next: Configuration): ConfigurationDiff {
  const before = peersByName(old);
  const after = peersByName(next);
  const replaced = (a: Peer | undefined, b: Peer | undefined): boolean =>
    a === undefined || b === undefined || !same(a.node.publicKey, b.node.publicKey);
  const peersChanged: PeerChange[] = [];
  for (const [name, peer] of after) {
    const was = before.get(name);
    if (was === undefined || replaced(was, peer)) continue;
    const aspects = changedAspects(was, peer);
    if (aspects.length > 0) peersChanged.push({ name, aspects });
  }
  return {
    peersAdded: [...after.keys()].filter((name) => replaced(before.get(name), after.get(name))),
    peersRemoved: [...before.keys()].filter((name) => replaced(before.get(name), after.get(name))),
    peersChanged,
    routesChanged: !same(forwardingOf(old), forwardingOf(next)),
    natsChanged: !same(natsOf(old), natsOf(next)),
    hostChanged: !same(hostOf(old), hostOf(next)),
    externalsChanged: !same(externalsIn(old), externalsIn(next)),
    logLevelChanged: old.local.logLevel !== next.local.logLevel,
    hooksChanged: !same(old.local.hooks, next.local.hooks),
    restartNeeded: restartKeys(old, next),
  };
}

/** A difference as sentences, for people; empty where nothing changed. */
export function describeDiff(diff: ConfigurationDiff): string[] {
  const lines = [
    ...diff.peersRemoved.map((name) => `peer ${name} removed`),
    ...diff.peersAdded.map((name) => `peer ${name} added`),
    ...diff.peersChanged.map(({ name, aspects }) => `peer ${name} changed: ${aspects.join(', ')}`),
  ];
  if (diff.routesChanged) lines.push('routes changed');
  if (diff.natsChanged) lines.push('inside NAT changed');
  if (diff.hostChanged) lines.push('host addresses and routes changed');
  if (diff.externalsChanged) lines.push('external peers changed');
  if (diff.logLevelChanged) lines.push('log level changed');
  if (diff.hooksChanged) lines.push('hooks changed');
  return lines;
}

interface Peer {
  readonly node: NodeConfiguration;
  readonly clusterName: string;
  readonly endpoints: readonly HostPort[];
  readonly presharedKeyFile: string | undefined;
}

function peersByName(configuration: Configuration): Map<string, Peer> {
  const peers = new Map<string, Peer>();
  for (const node of configuration.nodes) {
    if (node.index === configuration.self) continue;
    const clusterName = configuration.clusters[node.cluster].name;
    peers.set(node.name, {
      node,
      clusterName,
      endpoints: endpointsOf(configuration, node),
      presharedKeyFile: configuration.local.presharedKeyFiles.get(node.index),
    });
  }
  return peers;
}

function changedAspects(was: Peer, is: Peer): PeerAspect[] {
  const aspects: PeerAspect[] = [];
  const place = ({ node, clusterName }: Peer): unknown => [clusterName, node.memberIndex];
  if (!same(was.endpoints, is.endpoints)) aspects.push('endpoints');
  if (!same(place(was), place(is))) aspects.push('cluster');
  if (was.presharedKeyFile !== is.presharedKeyFile) aspects.push('presharedKey');
  return aspects;
}

/** Everything that the route table is compiled from, by name. */
function forwardingOf({ clusters, nodes, externals, routes, network }: Configuration): unknown {
  const byCluster = clusters.map(({ name, members, gateway }) => [
    name,
    gateway,
    members.map((index) => nodes[index].name),
  ]);
  const byRoute = routes.map(({ prefix, metric, target, external }) => [
    prefix,
    metric,
    external !== undefined && externals[external].name,
    typeof target === 'number' ? ['to', clusters[target].name] : target,
  ]);
  return [network.cidrs, byCluster, byRoute];
}

function natsOf({ clusters, nats }: Configuration): unknown {
  const entries = nats.map(({ local, network, cluster }) => [local, network, clusters[cluster].name]);
  return [entries, clusters.map(({ name, natUnmatched, sites }) => [name, natUnmatched, sites])];
}

function externalsIn({ clusters, cluster, externals, local }: Configuration): unknown {
  const entries = externals.map(({ index, cluster: at, ...external }) => {
    return [external, clusters[at].name, local.externalPresharedKeyFiles.get(index)];
  });
  return [entries, clusters[cluster].publicKey];
}

function hostOf({ network, routes, clusters, cluster, local }: Configuration): unknown {
  const { sites } = clusters[cluster];
  const prefixes = routes.map(({ prefix, target }) => [prefix, kernelSide(target, cluster)]);
  return [network.cidrs, network.mtu, prefixes, sites, local.lan.address];
}

/** What a route's target means to this host's own tables. */
function kernelSide(target: RouteTarget, own: number): string {
  if (typeof target !== 'number') return target;
  return target === own ? 'here' : 'overlay';
}

/** Keys that are read once, at start. */
const RESTART_KEYS: readonly (readonly [string, (local: LocalConfiguration) => unknown])[] = [
  ['lan.device', (local) => local.lan.device],
  ['lan.tun', (local) => local.lan.tun],
  ['wan.tun', (local) => local.wan.tun],
  ['uplinks', (local) => local.uplinks],
  ['listenPort', (local) => local.listenPort],
  ['redis', (local) => [local.redisUrl, local.redisCaFile]],
  ['stateDir', (local) => local.stateDir],
  ['runDir', (local) => local.runDir],
  ['uapi', (local) => local.uapiName],
  ['workers', (local) => local.workers],
  ['scheduling', (local) => local.scheduling],
  ['offload', (local) => local.offload],
];

/** Keys of our own cluster that are read once, at start. */
const CLUSTER_RESTART_KEYS: readonly (readonly [string, (cluster: ClusterConfiguration) => unknown])[] = [
  ['failback', (cluster) => cluster.failback],
  ['takeover.vip', (cluster) => cluster.vip],
  ['takeover.aws', (cluster) => cluster.aws],
];

function restartKeys(old: Configuration, next: Configuration): string[] {
  const keys: string[] = [];
  const was = old.nodes[old.self];
  const is = next.nodes[next.self];
  if (was.name !== is.name) keys.push('node');
  if (!same(was.publicKey, is.publicKey)) keys.push('privateKeyFile');
  if (old.network.name !== next.network.name) keys.push('network.name');
  if (old.clusters[old.cluster].name !== next.clusters[next.cluster].name) keys.push('clusters.members');
  for (const [key, read] of RESTART_KEYS) if (!same(read(old.local), read(next.local))) keys.push(key);
  const [before, after] = [old.clusters[old.cluster], next.clusters[next.cluster]];
  for (const [key, read] of CLUSTER_RESTART_KEYS) if (!same(read(before), read(after))) keys.push(key);
  return keys;
}

/** Whether two plain values (objects, lists, bytes, scalars) are equal. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keysA = Object.keys(a);
  if (Array.isArray(a) !== Array.isArray(b) || keysA.length !== Object.keys(b).length) return false;
  return keysA.every(
    (key) => key in b && same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
