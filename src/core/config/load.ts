/**
 * From two plain documents to one validated Configuration, or to a list of problems with places. All or nothing: a
 * configuration with any problem is refused as a whole. Never throws, whatever the documents hold.
 *
 * Stages: each file by its schema; then names, keys, routes, NATs and clusters across them. The second stage runs only
 * where the first has passed, because a message about a consequence hides the cause.
 */
import { checkClusters, resolveNetwork } from './check-clusters.js';
import { checkClusterKey, checkExternals } from './check-externals.js';
import { resolveNats } from './check-nats.js';
import { resolveRoutes } from './check-routes.js';
import type { Configuration, LocalConfiguration } from './configuration.js';
import { parseWith } from './issues.js';
import type { NetworkFile } from './network-schema.js';
import { networkSchema } from './network-schema.js';
import type { NodeFile } from './node-schema.js';
import { nodeSchema } from './node-schema.js';
import { Findings, inReadingOrder, type Problem, type Source } from './problem.js';
import { lookUp, type Resolved, resolveNames } from './resolve.js';
import { resolveUplinks } from './uplinks.js';

export interface Sources {
  /** node.yaml */
  readonly node: Source;
  /** network.yaml */
  readonly network: Source;
}

export type Loaded =
  | { readonly ok: true; readonly configuration: Configuration; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** Validates and normalises a configuration. */
export function loadConfiguration(sources: Sources): Loaded {
  const findings = new Findings();
  const local = parseWith(nodeSchema, sources.node, findings);
  const network = parseWith(networkSchema, sources.network, findings);
  const configuration =
    local === undefined || network === undefined ? undefined : resolve(local, network, sources, findings);
  const warnings = inReadingOrder(findings.warnings);
  if (findings.problems.length > 0 || configuration === undefined) {
    return { ok: false, problems: inReadingOrder(findings.problems), warnings };
  }
  return { ok: true, configuration, warnings };
}

/** The problems of a node.yaml on its own, where its network.yaml cannot be had. */
export function checkNodeFile(node: Source): readonly Problem[] {
  const findings = new Findings();
  parseWith(nodeSchema, node, findings);
  return inReadingOrder(findings.problems);
}

function resolve(
  local: NodeFile,
  file: NetworkFile,
  sources: Sources,
  findings: Findings,
): Configuration | undefined {
  const network = resolveNetwork(file, sources.network, findings);
  const resolved = resolveNames(file, local.listenPort, sources.network, findings);
  const routes = resolveRoutes(file, network, resolved, sources.network, findings);
  const nats = resolveNats(file, routes, resolved, sources.network, findings);
  checkClusters(network, resolved, routes, sources.network, findings);
  checkExternals(file, resolved, routes, sources.network, findings);
  const self = lookUp('node', local.node, resolved.nodeIndex, sources.node, ['node'], findings);
  const localConfiguration = resolveLocal(local, self, resolved, sources.node, findings);
  if (self < 0) return undefined;
  const { clusters, nodes, externals } = resolved;
  const { cluster, memberIndex } = nodes[self];
  checkClusterKey(local, cluster, resolved, sources.node, findings);
  const place = { self, cluster, memberIndex };
  return { network, clusters, nodes, externals, routes, nats, ...place, local: localConfiguration };
}

function resolveLocal(
  file: NodeFile,
  self: number,
  resolved: Resolved,
  source: Source,
  findings: Findings,
): LocalConfiguration {
  if (file.lan.tun === file.wan.tun) {
    findings.refuse(source, ['lan', 'tun'], `'${file.lan.tun}' is also the name of the WAN TUN device.`);
  }
  return {
    networkFile: source.resolve(file.network),
    privateKeyFile: source.resolve(file.privateKeyFile),
    clusterKeyFile: file.clusterKeyFile && source.resolve(file.clusterKeyFile),
    ...resolvePresharedKeys(file, self, resolved, source, findings),
    lan: { device: file.lan.device, tun: file.lan.tun, address: file.lan.address },
    wan: file.wan,
    uplinks: resolveUplinks(file, source, findings),
    listenPort: file.listenPort,
    redisUrl: file.redis?.url,
    redisCaFile: file.redis?.ca && source.resolve(file.redis.ca),
    hooks: {
      onActive: file.hooks.onActive && source.resolve(file.hooks.onActive),
      onStandby: file.hooks.onStandby && source.resolve(file.hooks.onStandby),
      timeoutMs: file.hooks.timeoutMs,
    },
    stateDir: source.resolve(file.stateDir),
    runDir: source.resolve(file.runDir),
    uapiName: file.uapi === false ? undefined : (file.uapi.name ?? file.lan.tun),
    workers: file.workers,
    scheduling: file.scheduling,
    offload: file.offload,
    offloadChosen: {},
    logLevel: file.log.level,
  };
}

function resolvePresharedKeys(
  file: NodeFile,
  self: number,
  resolved: Resolved,
  source: Source,
  findings: Findings,
): Pick<LocalConfiguration, 'presharedKeyFiles' | 'externalPresharedKeyFiles'> {
  const presharedKeyFiles = new Map<number, string>();
  const externalPresharedKeyFiles = new Map<number, string>();
  for (const [name, fileName] of Object.entries(file.presharedKeys)) {
    const path = ['presharedKeys', name];
    const external = resolved.externalIndex.get(name);
    if (external !== undefined) {
      externalPresharedKeyFiles.set(external, source.resolve(fileName));
      continue;
    }
    const peer = lookUp('node', name, resolved.nodeIndex, source, path, findings);
    if (peer >= 0 && peer === self)
      findings.refuse(source, path, `'${name}' is this node itself, not a peer.`);
    else if (peer >= 0) presharedKeyFiles.set(peer, source.resolve(fileName));
  }
  return { presharedKeyFiles, externalPresharedKeyFiles };
}
