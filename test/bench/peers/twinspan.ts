/**
 * Ourselves: two clusters of one node each, each node with an endpoint, and inside NATs of whole sites, so that routing
 * and NAT are in the path of every packet: `ha` reaches `hb` by its network address.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scheduling } from '../../../src/core/config/configuration.js';
import type { Lane } from '../lane.js';
import { attempt, run } from '../shell.js';
import { SITE, WAN_ADDRESS } from '../topology.js';
import type { Peer } from './peer.js';

const PORT = 51820;
const NODES = ['na', 'nb'] as const;
const CLUSTER = { na: 'A', nb: 'B' } as const;
const OVERLAY = { na: '10.100.10.0/24', nb: '10.100.100.0/24' } as const;

/** What node.yaml says of a node's threads. */
export interface Threads {
  readonly workers?: number;
  readonly scheduling?: Scheduling;
}

/** network.yaml of the line (JSON is YAML), from the two public keys. */
export function networkConfig(publicKeys: { na: string; nb: string }): object {
  return {
    network: { name: 'bench', cidr: '10.100.0.0/16' },
    clusters: {
      A: { members: ['na'], site: SITE.na },
      B: { members: ['nb'], site: SITE.nb },
    },
    nodes: Object.fromEntries(
      NODES.map((node) => [
        node,
        { publicKey: publicKeys[node], endpoints: [`${WAN_ADDRESS[node]}:${PORT}`] },
      ]),
    ),
    routes: NODES.map((node) => ({ cidr: OVERLAY[node], to: CLUSTER[node] })),
    insideNat: NODES.map((node) => ({ local: SITE[node], network: OVERLAY[node], at: CLUSTER[node] })),
  };
}

/** node.yaml of one node, whose files are all in `folder`. */
export function nodeConfig(
  node: 'na' | 'nb',
  folder: string,
  uapiName: string,
  threads: Threads = {},
): object {
  return {
    node,
    network: '../network.yaml',
    privateKeyFile: join(folder, 'private.key'),
    lan: { device: 'lan0', tun: 'ts-lan' },
    wan: { tun: 'ts-wan' },
    uplinks: [{ name: 'isp1', device: 'wan0', cost: 10 }],
    listenPort: PORT,
    stateDir: join(folder, 'state'),
    runDir: join(folder, 'run'),
    uapi: { name: uapiName },
    ...threads,
  };
}

const folderOf = (lane: Lane, node: 'na' | 'nb'): string => join(lane.folder, node);
const uapiOf = (lane: Lane, node: 'na' | 'nb'): string => `${lane.label}${node.slice(1)}`;

function writePrivate(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600 });
}

function prepare(lane: Lane, program: string, threads: Threads): void {
  const publicKeys = { na: '', nb: '' };
  for (const node of NODES) {
    const folder = folderOf(lane, node);
    for (const name of ['', 'state', 'run']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    const privateKey = run([process.execPath, program, 'keygen']);
    writePrivate(join(folder, 'private.key'), privateKey);
    publicKeys[node] = run([process.execPath, program, 'pubkey'], privateKey).trim();
    const config = nodeConfig(node, folder, uapiOf(lane, node), threads);
    writePrivate(join(folder, 'node.yaml'), JSON.stringify(config, null, 2));
  }
  writePrivate(join(lane.folder, 'network.yaml'), JSON.stringify(networkConfig(publicKeys), null, 2));
}

/** The peer, from the repository at `root`; undefined where the daemon is not built. */
export function twinspan(root: string, threads: Threads = {}): Peer | undefined {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const program = join(root, manifest.bin.twinspan);
  if (!existsSync(program)) return undefined;
  const commit = attempt(['git', '-C', root, 'describe', '--always', '--dirty']).trim();
  return {
    name: 'twinspan',
    title: 'Twinspan',
    version: commit === '' ? manifest.version : `${manifest.version} (${commit})`,
    target: '10.100.100.15',
    prepare: (lane) => prepare(lane, program, threads),
    start(lane) {
      for (const node of NODES) {
        const config = join(folderOf(lane, node), 'node.yaml');
        lane.startDaemon(node, [process.execPath, program, 'up', '--config', config]);
      }
    },
    stopped(lane) {
      for (const node of NODES) rmSync(`/var/run/wireguard/${uapiOf(lane, node)}.sock`, { force: true });
    },
  };
}
