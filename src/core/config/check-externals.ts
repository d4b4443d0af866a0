/**
 * External peers: plain WireGuard routers. Such a peer knows one key for the whole cluster that serves it, so that
 * cluster must have one and each of its members must hold the private half; it has routes instead of inside NATs.
 */
import type { RouteConfiguration } from './configuration.js';
import type { NetworkFile } from './network-schema.js';
import type { NodeFile } from './node-schema.js';
import type { Findings, Path, Source } from './problem.js';
import { lookUp, type Resolved } from './resolve.js';

/** Names, serving clusters and routes of the external peers. */
export function checkExternals(
  file: NetworkFile,
  resolved: Resolved,
  routes: readonly RouteConfiguration[],
  source: Source,
  findings: Findings,
): void {
  const { clusters, clusterIndex, nodeIndex, externals } = resolved;
  for (const { index, name, cluster } of externals) {
    const path = ['externalPeers', name];
    const taken = clusterIndex.has(name) ? 'cluster' : nodeIndex.has(name) ? 'node' : undefined;
    if (taken !== undefined) findings.refuse(source, path, `a ${taken} is named '${name}' too.`);
    const { at } = file.externalPeers[name];
    if (cluster < 0) {
      lookUp('cluster', at, clusterIndex, source, [...path, 'at'], findings);
    } else if (clusters[cluster].publicKey === undefined) {
      const hint = `Make a key with 'twinspan keygen', give it to each member as clusterKeyFile, and its public key here.`;
      findings.refuse(source, [...path, 'at'], `cluster '${at}' has no publicKey.`, hint);
    }
    checkWatch(file.externalPeers[name].bfd, [...path, 'bfd'], source, findings);
    // With a route refused, this may only be a consequence.
    if (routes.length === file.routes.length && !routes.some(({ external }) => external === index)) {
      findings.warn(source, path, 'no route leads to it.', `Add a route { cidr: PREFIX, to: ${name} }.`);
    }
  }
}

function checkWatch(
  bfd: NetworkFile['externalPeers'][string]['bfd'],
  path: Path,
  source: Source,
  findings: Findings,
): void {
  if (bfd === undefined) return;
  const { local, remote } = bfd;
  if (local.length !== remote.length) {
    findings.refuse(source, path, 'local and remote must both be IPv4 or both IPv6.');
  } else if (local.join() === remote.join()) {
    findings.refuse(source, path, 'local and remote are the same address.');
  }
}

/** Whether this node holds the shared key of its cluster if, and only if, there is one. */
export function checkClusterKey(
  local: NodeFile,
  cluster: number,
  resolved: Resolved,
  source: Source,
  findings: Findings,
): void {
  if (cluster < 0) return;
  const { name, publicKey } = resolved.clusters[cluster];
  const served = resolved.externals.find((external) => external.cluster === cluster);
  if (local.clusterKeyFile !== undefined && publicKey === undefined) {
    findings.refuse(source, ['clusterKeyFile'], `cluster '${name}' has no publicKey.`);
  }
  if (local.clusterKeyFile === undefined && publicKey !== undefined && served !== undefined) {
    const message = `cluster '${name}' serves external peer '${served.name}', but this member has no clusterKeyFile.`;
    findings.refuse(
      source,
      [],
      message,
      'All members hold the private key of the publicKey of their cluster.',
    );
  }
}
