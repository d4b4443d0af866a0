/**
 * The configuration of this machine, from disk: node.yaml, the network.yaml that it names, and the key files that it
 * names. What only the machine can know is checked here: that the files are there, that secrets are secret, and that
 * the private key is the one whose public key the network knows this node by.
 */
import { TwinspanError } from '../../core/base/errors.js';
import { formatKey } from '../../core/base/key.js';
import type { Configuration } from '../../core/config/configuration.js';
import { checkNodeFile, type Loaded, loadConfiguration } from '../../core/config/load.js';
import { Findings, inReadingOrder, type Problem, type Source } from '../../core/config/problem.js';
import { publicKeyOf, readSecretKey } from './key-file.js';
import { readYaml } from './yaml.js';

/** Secrets that the configuration names. */
export interface Secrets {
  readonly privateKey: Uint8Array;
  /** By node index of the peer. */
  readonly presharedKeys: ReadonlyMap<number, Uint8Array>;
  /** Private key that the members of the cluster share; undefined where there is none. */
  readonly clusterKey: Uint8Array | undefined;
  /** By index of the external peer. */
  readonly externalPresharedKeys: ReadonlyMap<number, Uint8Array>;
}

export type ConfigurationResult =
  | {
      readonly ok: true;
      readonly configuration: Configuration;
      readonly secrets: Secrets;
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** Both documents validated, without looking at any key file. */
export function readConfigurationFiles(
  nodeFile: string,
): Loaded & { readonly node?: Source; readonly network?: Source } {
  const node = readYaml(nodeFile);
  if (!node.ok) return { ok: false, problems: node.problems, warnings: [] };
  const name = (node.source.value as { network?: unknown } | null)?.network;
  if (typeof name !== 'string' || name === '')
    return { ok: false, problems: checkNodeFile(node.source), warnings: [] };
  const network = readYaml(node.source.resolve(name));
  if (!network.ok) {
    const [first] = network.problems;
    if (first.code !== 'TS_CONFIG_UNREADABLE') return { ok: false, problems: network.problems, warnings: [] };
    const findings = new Findings();
    findings.refuse(node.source, ['network'], `${first.file} ${first.message}`, first.hint, first.code);
    return { ok: false, problems: findings.problems, warnings: [] };
  }
  const loaded = loadConfiguration({ node: node.source, network: network.source });
  return { ...loaded, node: node.source, network: network.source };
}

/** The whole configuration with its secrets. Never throws for what the files hold. */
export function readConfiguration(nodeFile: string): ConfigurationResult {
  const loaded = readConfigurationFiles(nodeFile);
  if (!loaded.ok) return { ok: false, problems: loaded.problems, warnings: loaded.warnings };
  const { configuration, warnings } = loaded;
  const findings = new Findings();
  const secrets = readSecrets(configuration, loaded.node as Source, loaded.network as Source, findings);
  if (secrets === undefined || findings.problems.length > 0) {
    return { ok: false, problems: inReadingOrder(findings.problems), warnings };
  }
  return { ok: true, configuration, secrets, warnings };
}

function readSecrets(
  configuration: Configuration,
  node: Source,
  network: Source,
  findings: Findings,
): Secrets | undefined {
  const { nodes, self, clusters, cluster, externals, local } = configuration;
  const readPrivateKey = (file: string, key: string, owner: KeyOwner): Uint8Array | undefined => {
    const privateKey = readKey(file, node, [key], findings);
    if (privateKey !== undefined) checkKeyPair(privateKey, file, owner, network, findings);
    return privateKey;
  };
  const { name, publicKey } = nodes[self];
  const privateKey = readPrivateKey(local.privateKeyFile, 'privateKeyFile', {
    at: ['nodes', name],
    publicKey,
  });
  const shared = clusters[cluster];
  const clusterKey =
    local.clusterKeyFile === undefined || shared.publicKey === undefined
      ? undefined
      : readPrivateKey(local.clusterKeyFile, 'clusterKeyFile', {
          at: ['clusters', shared.name],
          publicKey: shared.publicKey,
        });
  const readPreshared = (
    files: ReadonlyMap<number, string>,
    peers: readonly { readonly name: string }[],
  ): Map<number, Uint8Array> => {
    const keys = new Map<number, Uint8Array>();
    for (const [peer, file] of files) {
      const key = readKey(file, node, ['presharedKeys', peers[peer].name], findings);
      if (key !== undefined) keys.set(peer, key);
    }
    return keys;
  };
  const presharedKeys = readPreshared(local.presharedKeyFiles, nodes);
  const externalPresharedKeys = readPreshared(local.externalPresharedKeyFiles, externals);
  return privateKey && { privateKey, presharedKeys, clusterKey, externalPresharedKeys };
}

/** Whose key it is, and where network.yaml says so. */
interface KeyOwner {
  readonly at: readonly [section: string, name: string];
  readonly publicKey: Uint8Array;
}

function checkKeyPair(
  privateKey: Uint8Array,
  file: string,
  owner: KeyOwner,
  network: Source,
  findings: Findings,
): void {
  const derived = formatKey(publicKeyOf(privateKey));
  if (derived === formatKey(owner.publicKey)) return;
  const message = `is not the public key of ${file}.`;
  findings.refuse(network, [...owner.at, 'publicKey'], message, `That is ${derived}.`);
}

function readKey(file: string, source: Source, path: string[], findings: Findings): Uint8Array | undefined {
  try {
    return readSecretKey(file);
  } catch (error) {
    if (!(error instanceof TwinspanError)) throw error;
    findings.refuse(source, path, error.message, error.hint, error.code);
    return undefined;
  }
}
