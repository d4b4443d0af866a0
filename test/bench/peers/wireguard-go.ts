/**
 * wireguard-go, the strongest userspace WireGuard. Which build it is matters: segmentation offloads for TUN and UDP
 * came in 2023, and Debian 12 ships the program of 2022. So we look at all that we can find and take the newest.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Lane } from '../lane.js';
import { attempt, run, until } from '../shell.js';
import { HB_ADDRESS, SITE, SITE_MTU, WAN_ADDRESS } from '../topology.js';
import type { Peer } from './peer.js';

const OFFLOADS_SINCE = 20231211;
const PORT = 51820;

export interface Build {
  readonly path: string;
  readonly version: string;
  /** Day of the source as a number such as 20250522; 0 when unknown. */
  readonly day: number;
}

/** Newest day in a version such as `v0.0.20250522` or `v0.0.0-20260522210424-ecfc5a8d5446`. */
export function dayOf(version: string): number {
  const days = [...version.matchAll(/v0\.0\.(?:0-)?(20\d{6})/g)].map((match) => Number(match[1]));
  return Math.max(0, ...days);
}

/** The module version that Go's linker has written into a binary's text, '' where there is none. */
export function moduleVersionIn(binary: string): string {
  return /mod\tgolang\.zx2c4\.com\/wireguard\t(v[\w.+-]+)/.exec(binary)?.[1] ?? '';
}

function inspect(path: string): Build {
  const says = /v[\d.]+/.exec(attempt([path, '--version']))?.[0] ?? '';
  const built = moduleVersionIn(readFileSync(path, 'latin1'));
  const version = dayOf(built) > dayOf(says) ? built : says || 'of unknown version';
  return { path, version, day: dayOf(version) };
}

/** The build to compare with: $WIREGUARD_GO, else the newest on PATH and in Go's folders. */
export function findWireguardGo(env: NodeJS.ProcessEnv): Build | undefined {
  const named = env['WIREGUARD_GO'] ?? '';
  if (named !== '') {
    if (!existsSync(named)) throw new Error(`WIREGUARD_GO names ${named}, which does not exist.`);
    return inspect(named);
  }
  const folders = [
    ...(env['PATH'] ?? '').split(':'),
    env['GOBIN'] ?? '',
    join(env['GOPATH'] ?? join(homedir(), 'go'), 'bin'),
  ];
  const candidates = folders
    .filter((folder) => folder !== '')
    .flatMap((folder) => [join(folder, 'wireguard-go'), join(folder, 'wireguard')])
    .filter((path) => existsSync(path));
  return candidates.map(inspect).sort((a, b) => b.day - a.day)[0];
}

const deviceOf = (lane: Lane, node: 'na' | 'nb'): string => `${lane.label}${node.slice(1)}`;
const socketOf = (device: string): string => `/var/run/wireguard/${device}.sock`;
const keyFile = (lane: Lane, node: 'na' | 'nb'): string => join(lane.folder, `${node}.key`);

async function startNode(lane: Lane, build: Build, node: 'na' | 'nb', other: 'na' | 'nb'): Promise<void> {
  const device = deviceOf(lane, node);
  lane.startDaemon(node, [build.path, '-f', device], { LOG_LEVEL: 'error' });
  const complaint = `wireguard-go does not open its socket. ${lane.logTail()}`;
  await until(() => existsSync(socketOf(device)), 5000, complaint, lane.signal);
  const publicKey = run(['wg', 'pubkey'], readFileSync(keyFile(lane, other), 'utf8')).trim();
  run([
    ...lane.on(node, 'wg', 'set', device, 'listen-port', String(PORT), 'private-key', keyFile(lane, node)),
    ...['peer', publicKey, 'allowed-ips', '0.0.0.0/0', 'endpoint', `${WAN_ADDRESS[other]}:${PORT}`],
  ]);
  run(['ip', '-n', lane.namespace(node), 'link', 'set', device, 'up', 'mtu', SITE_MTU]);
  run(['ip', '-n', lane.namespace(node), 'route', 'replace', SITE[other], 'dev', device]);
}

/** The day of the source as 2025-05-22, short enough for a column. */
function titleOf({ day, version }: Build): string {
  return day === 0 ? version : String(day).replace(/(....)(..)(..)/, '$1-$2-$3');
}

/** The peer that runs `build` in both nodes. */
export function wireguardGo(build: Build): Peer {
  return {
    name: 'wireguard-go',
    title: `wireguard-go ${titleOf(build)}`,
    version: build.version,
    warning:
      build.day < OFFLOADS_SINCE
        ? `wireguard-go ${build.version} is older than its segmentation offloads and no yardstick; build the newest and point WIREGUARD_GO at it`
        : undefined,
    target: HB_ADDRESS,
    prepare(lane) {
      for (const node of ['na', 'nb'] as const) {
        run(['sh', '-c', `umask 077; wg genkey > '${keyFile(lane, node)}'`]);
      }
    },
    async start(lane) {
      await Promise.all([startNode(lane, build, 'na', 'nb'), startNode(lane, build, 'nb', 'na')]);
    },
    stopped(lane) {
      for (const node of ['na', 'nb'] as const) rmSync(socketOf(deviceOf(lane, node)), { force: true });
    },
  };
}
