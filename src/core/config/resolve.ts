/**
 * Names to indices. Clusters name their members and routes and NATs name clusters; here every name is looked up, and
 * who belongs to whom becomes numbers. A name that is not found is refused and leaves −1 or is left out.
 */

import { formatKey } from '../base/key.js';
import type {
  AwsConfiguration,
  ClusterConfiguration,
  ExternalConfiguration,
  NodeConfiguration,
} from './configuration.js';
import { LIMITS } from './limits.js';
import type { NetworkFile } from './network-schema.js';
import type { Findings, Path, Source } from './problem.js';
import { suggestion } from './suggest.js';

export interface Resolved {
  readonly clusters: ClusterConfiguration[];
  readonly nodes: NodeConfiguration[];
  readonly externals: ExternalConfiguration[];
  readonly clusterIndex: ReadonlyMap<string, number>;
  readonly nodeIndex: ReadonlyMap<string, number>;
  readonly externalIndex: ReadonlyMap<string, number>;
}

/** One value as a list of one. */
export function listOf<T extends object>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}

/** Index of `name` in `index`, or −1 after refusing it as unknown. */
export function lookUp(
  kind: string,
  name: string,
  index: ReadonlyMap<string, number>,
  source: Source,
  path: Path,
  findings: Findings,
): number {
  const found = index.get(name);
  if (found !== undefined) return found;
  findings.refuse(source, path, `${kind} '${name}' is not known.`, suggestion(name, [...index.keys()]));
  return -1;
}

/** Resolves clusters, members and nodes of a network file; `listenPort` completes LAN addresses without a port. */
export function resolveNames(
  file: NetworkFile,
  listenPort: number,
  source: Source,
  findings: Findings,
): Resolved {
  const clusterNames = Object.keys(file.clusters);
  const nodeNames = Object.keys(file.nodes);
  checkCount('clusters', clusterNames.length, LIMITS.clustersMax, source, findings);
  checkCount('nodes', nodeNames.length, LIMITS.nodesMax, source, findings);
  const clusterIndex = new Map(clusterNames.map((name, index) => [name, index]));
  const nodeIndex = new Map(nodeNames.map((name, index) => [name, index]));
  const membership = resolveMembers(file, nodeIndex, source, findings);
  const nodes = nodeNames.map((name, index) => nodeOf(file, name, index, membership, listenPort));
  for (const node of nodes) {
    if (node.cluster < 0)
      findings.refuse(source, ['nodes', node.name], `node '${node.name}' is in no cluster.`);
  }
  const clusters = clusterNames.map((name, index) => clusterOf(file, name, index, membership, nodes));
  const externalNames = Object.keys(file.externalPeers);
  checkCount('externalPeers', externalNames.length, LIMITS.externalPeersMax, source, findings);
  const externals = externalNames.map((name, index) => externalOf(file, name, index, clusterIndex));
  checkKeys(clusters, nodes, externals, source, findings);
  const externalIndex = new Map(externalNames.map((name, index) => [name, index]));
  return { clusters, nodes, externals, clusterIndex, nodeIndex, externalIndex };
}

interface Membership {
  /** By cluster: node indices. */
  readonly members: number[][];
  /** By node: [cluster, place], absent for a node in no cluster. */
  readonly places: Map<number, readonly [number, number]>;
}

function resolveMembers(
  file: NetworkFile,
  nodeIndex: ReadonlyMap<string, number>,
  source: Source,
  findings: Findings,
): Membership {
  const places = new Map<number, readonly [number, number]>();
  const names = Object.keys(file.clusters);
  const members = names.map((name, cluster) => {
    const indices: number[] = [];
    for (const [place, member] of file.clusters[name].members.entries()) {
      const path = ['clusters', name, 'members', place];
      const node = lookUp('node', member, nodeIndex, source, path, findings);
      if (node < 0) continue;
      const taken = places.get(node);
      if (taken === undefined) places.set(node, [cluster, indices.push(node) - 1]);
      else if (taken[0] === cluster) findings.refuse(source, path, `node '${member}' is named twice.`);
      else
        findings.refuse(
          source,
          path,
          `node '${member}' is already a member of cluster '${names[taken[0]]}'.`,
        );
    }
    // Without the room that a list keeps to grow.
    return indices.slice();
  });
  return { members, places };
}

function nodeOf(
  file: NetworkFile,
  name: string,
  index: number,
  membership: Membership,
  listenPort: number,
): NodeConfiguration {
  const { publicKey, endpoints, lanAddress } = file.nodes[name];
  const [cluster, memberIndex] = membership.places.get(index) ?? [-1, -1];
  const lanEndpoint = lanAddress && { ...lanAddress, port: lanAddress.port ?? listenPort };
  return { index, name, publicKey, endpoints, lanEndpoint, cluster, memberIndex };
}

function clusterOf(
  file: NetworkFile,
  name: string,
  index: number,
  membership: Membership,
  nodes: readonly NodeConfiguration[],
): ClusterConfiguration {
  const cluster = file.clusters[name];
  const members = membership.members[index];
  return {
    index,
    name,
    members,
    publicKey: cluster.publicKey,
    failback: cluster.failback,
    sites: listOf(cluster.site),
    natUnmatched: cluster.nat.unmatched,
    gateway: cluster.gateway ?? members.some((member) => nodes[member].endpoints.length > 0),
    vip: cluster.takeover.vip,
    aws: awsOf(file, cluster.takeover.aws),
  };
}

/** Its cluster is −1 where that is not known; check-externals.ts says so. */
function externalOf(
  file: NetworkFile,
  name: string,
  index: number,
  clusterIndex: ReadonlyMap<string, number>,
): ExternalConfiguration {
  const { at, publicKey, endpoints, persistentKeepalive, bfd } = file.externalPeers[name];
  const cluster = clusterIndex.get(at) ?? -1;
  const persistentKeepaliveMs = persistentKeepalive * 1_000;
  return { index, name, publicKey, endpoints, persistentKeepaliveMs, bfd, cluster };
}

function awsOf(
  file: NetworkFile,
  aws: NetworkFile['clusters'][string]['takeover']['aws'],
): AwsConfiguration | undefined {
  if (aws === undefined) return undefined;
  const { region, routeTables, endpoint } = aws;
  return { region, routeTables, cidrs: aws.cidrs ?? listOf(file.network.cidr), endpoint };
}

function checkKeys(
  clusters: readonly ClusterConfiguration[],
  nodes: readonly NodeConfiguration[],
  externals: readonly ExternalConfiguration[],
  source: Source,
  findings: Findings,
): void {
  const owners = new Map<string, string>();
  const check = (kind: string, section: string, name: string, publicKey: Uint8Array): void => {
    const text = formatKey(publicKey);
    const owner = owners.get(text);
    if (owner === undefined) {
      owners.set(text, `${kind} '${name}'`);
      return;
    }
    const hint = `Each ${kind} needs a key of its own.`;
    findings.refuse(source, [section, name, 'publicKey'], `${owner} has the same public key.`, hint);
  };
  for (const { name, publicKey } of nodes) check('node', 'nodes', name, publicKey);
  for (const { name, publicKey } of clusters) {
    if (publicKey !== undefined) check('cluster', 'clusters', name, publicKey);
  }
  for (const { name, publicKey } of externals) check('external peer', 'externalPeers', name, publicKey);
}

function checkCount(what: string, count: number, max: number, source: Source, findings: Findings): void {
  if (count > max) findings.refuse(source, [what], `must have at most ${max} entries, not ${count}.`);
}
