/**
 * A gateway with few and with very many peers, for real: the daemon with a configuration of so many edges, and a program
 * that is all of them (generator.ts). The edges dial already when the gateway starts, as after a restart.
 *
 *   memory       a peer's share of what the gateway has in use with all sessions up, over that with one peer: objects of
 *                the control thread after a collection, and all buffers, shared tables with their spare room among them
 *   resident     the same of its resident memory, of which most is garbage and room for it
 *   back         from the start of the gateway's process until the last edge has a session
 *   sessions     sessions that come up in a second of CPU time of the control thread, all else that it does included
 *   idle         CPU time of the gateway's process while all are up and each says so once a second
 *   packet       CPU time of the gateway's other threads for each packet to the site, all peers sending in turn
 *   packetRatio  that, over the same from one of the peers
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatKey } from '../../../src/core/base/key.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { residentMegabytes } from '../measure/proc.js';
import { Cleanup, endProcess, isAlive, run, startProgram, until } from '../shell.js';
import { buildTopology, HOSTS, type Host, namespaceOf, removeNamespace, WAN_ADDRESS } from '../topology.js';
import {
  EDGE_NETWORK,
  GATEWAY_PORT,
  type GeneratorSetup,
  gatewayNetwork,
  gatewayNode,
  HUB_HOST,
} from './edges.js';
import type { Growth, Point } from './growth.js';
import type { LiveMemory } from './live-memory.js';

const LETTER = 'z';
const FLOOD_PPS = 20_000;
const FLOOD_SECONDS = 2;
const IDLE_SECONDS = 2;
/** After the last session: what is still to be done about the others is done by then. */
const SETTLE_MS = 1_500;
const CONNECT_MS_MAX = 90_000;
/** From so many peers on, what they take stands out from what V8 happens not to have collected. */
const MANY = 1000;
/** Where nobody listens, and no host answers by ICMP: the packets' end is the gateway's site. */
const SINK_PORT = 9;

/** CPU seconds of the main thread of a process, and of all its others. */
function threadSeconds(pid: number): { main: number; others: number } {
  const seconds = { main: 0, others: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const ns = Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    seconds[Number(thread) === pid ? 'main' : 'others'] += ns / 1e9;
  }
  return seconds;
}

/** One command to the generator at a time, and its answer. */
class Generator {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('the generator of edges has no output');
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<Record<string, number>> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the generator of edges has ended');
    return JSON.parse(value);
  }

  ask(command: string): Promise<Record<string, number>> {
    this.#child.stdin?.write(`${command}\n`);
    return this.answer();
  }
}

interface Site {
  readonly root: string;
  readonly folder: string;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
  ns(host: Host): string;
}

function openSite(root: string, folder: string, cleanup: Cleanup, signal: AbortSignal): Site {
  const ns = (host: Host): string => namespaceOf(process.pid, LETTER, host);
  cleanup.add(() => {
    for (const host of HOSTS) removeNamespace(ns(host));
  });
  buildTopology(ns);
  run(['ip', '-n', ns('nb'), 'route', 'add', 'local', EDGE_NETWORK, 'dev', 'lo']);
  run(['ip', '-n', ns('na'), 'route', 'add', EDGE_NETWORK, 'via', WAN_ADDRESS.nb]);
  // The site's host takes the packets and says nothing.
  run([
    'ip',
    'netns',
    'exec',
    ns('ha'),
    'sysctl',
    '-qw',
    'net.ipv4.icmp_ratelimit=1000000',
    'net.ipv4.icmp_ratemask=-1',
  ]);
  return { root, folder, cleanup, signal, ns };
}

function configure(folder: string, count: number): GeneratorSetup {
  const crypto = createCrypto();
  const gateway = crypto.generateKeyPair();
  const edges = Array.from({ length: count }, () => crypto.generateKeyPair());
  for (const name of ['', 'state', 'run']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  const write = (name: string, content: unknown): void =>
    writeFileSync(
      join(folder, name),
      typeof content === 'string' ? content : JSON.stringify(content, null, 1),
      {
        mode: 0o600,
      },
    );
  write('private.key', `${formatKey(gateway.privateKey)}\n`);
  const publicKeys = edges.map(({ publicKey }) => formatKey(publicKey));
  write('network.yaml', gatewayNetwork(formatKey(gateway.publicKey), publicKeys));
  write('node.yaml', gatewayNode(folder, `tsb${process.pid}${LETTER}`));
  const setup: GeneratorSetup = {
    gatewayKey: formatKey(gateway.publicKey),
    gatewayAddress: WAN_ADDRESS.na,
    gatewayPort: GATEWAY_PORT,
    dataAddress: WAN_ADDRESS.nb,
    privateKeys: edges.map(({ privateKey }) => formatKey(privateKey)),
    destination: HUB_HOST,
    destinationPort: SINK_PORT,
  };
  write('edges.json', setup);
  return setup;
}

/** What one size gives. Times in seconds, memory in MB, CPU of a packet in µs. */
interface Figures {
  readonly rssMb: number;
  readonly liveMb: number;
  readonly back: number;
  readonly backFromFirst: number;
  readonly sessions: number;
  readonly idle: number;
  readonly packetAll: number;
  readonly packetOne: number;
}

/** Packets that the LAN TUN of the gateway has taken so far. */
function forwarded(site: Site): number {
  const text = run([
    'ip',
    'netns',
    'exec',
    site.ns('na'),
    'cat',
    '/sys/class/net/ts-lan/statistics/rx_packets',
  ]);
  return Number(text);
}

async function packetCost(
  site: Site,
  pid: number,
  generator: Generator,
  among: number,
  idle: number,
): Promise<number> {
  const [before, packetsBefore, start] = [threadSeconds(pid).others, forwarded(site), performance.now()];
  await generator.ask(`flood ${among} ${FLOOD_PPS} ${FLOOD_SECONDS}`);
  await sleep(200);
  const elapsed = (performance.now() - start) / 1000;
  const packets = forwarded(site) - packetsBefore;
  return ((threadSeconds(pid).others - before - idle * elapsed) / packets) * 1e6;
}

async function measureSize(site: Site, count: number): Promise<Figures> {
  const folder = join(site.folder, String(count));
  configure(folder, count);
  const on = (host: Host, ...argv: string[]): string[] => ['ip', 'netns', 'exec', site.ns(host), ...argv];
  const program = join(site.root, 'dist/test/bench/scale/generator.js');
  const argv = on('nb', process.execPath, program, join(folder, 'edges.json'));
  const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], timeout: 120_000 });
  site.cleanup.add(() => endProcess(child.pid ?? -1));
  const generator = new Generator(child);
  await generator.answer();
  const connected = generator.ask('connect');
  const memoryFile = join(folder, 'memory.json');
  const daemon = [
    process.execPath,
    '--expose-gc',
    '--import',
    join(site.root, 'dist/test/bench/scale/live-memory.js'),
    join(site.root, 'dist/src/app/main.js'),
    'up',
    '--config',
    join(folder, 'node.yaml'),
  ];
  const startedAtMs = Date.now();
  const { pid } = startProgram(on('na', ...daemon), join(folder, 'gateway.log'), {
    BENCH_MEMORY_FILE: memoryFile,
  });
  site.cleanup.add(() => endProcess(pid));
  await until(() => threadsOf(pid) > 1, 10_000, 'the gateway does not start', site.signal);
  let mainAtFirst = Number.NaN;
  const watch = setInterval(() => {
    if (Number.isNaN(mainAtFirst) && hasTun(site)) mainAtFirst = threadSeconds(pid).main;
  }, 50);
  const late = sleep(CONNECT_MS_MAX, undefined, { ref: false }).then(() => {
    throw new Error(`not all of ${count} edges have a session after ${CONNECT_MS_MAX / 1000} s`);
  });
  const { firstMs, lastMs } = await Promise.race([connected, late]).finally(() => clearInterval(watch));
  const mainSeconds = threadSeconds(pid).main - mainAtFirst;
  await sleep(SETTLE_MS);
  if (!isAlive(pid)) throw new Error(`the gateway of ${count} edges has died`);
  const idle = await idleSeconds(pid);
  const one: number[] = [];
  const all: number[] = [];
  for (let turn = 0; turn < 2; turn++) {
    one.push(await packetCost(site, pid, generator, 1, idle.others));
    all.push(await packetCost(site, pid, generator, count, idle.others));
  }
  const rssMb = residentMegabytes(pid).now;
  const liveMb = await liveMegabytes(pid, memoryFile, site.signal);
  endProcess(child.pid ?? -1);
  endProcess(pid);
  return {
    rssMb,
    liveMb,
    back: (lastMs - startedAtMs) / 1000,
    backFromFirst: (lastMs - firstMs) / 1000,
    sessions: count / mainSeconds,
    idle: (idle.main + idle.others) * 100,
    packetAll: Math.min(...all),
    packetOne: Math.min(...one),
  };
}

async function liveMegabytes(pid: number, file: string, signal: AbortSignal): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  await until(() => existsSync(file), 10_000, 'the gateway does not tell its memory', signal);
  const { heap, buffers } = JSON.parse(readFileSync(file, 'utf8')) as LiveMemory;
  return (heap + buffers) / 1e6;
}

/** CPU seconds a second while nothing but keepalives goes on. */
async function idleSeconds(pid: number): Promise<{ main: number; others: number }> {
  const [before, start] = [threadSeconds(pid), performance.now()];
  await sleep(IDLE_SECONDS * 1000);
  const [after, elapsed] = [threadSeconds(pid), (performance.now() - start) / 1000];
  return { main: (after.main - before.main) / elapsed, others: (after.others - before.others) / elapsed };
}

function threadsOf(pid: number): number {
  return isAlive(pid) ? readdirSync(`/proc/${pid}/task`).length : 0;
}

/** The gateway's device is there: from now on it takes handshakes. */
function hasTun(site: Site): boolean {
  return run(['ip', '-n', site.ns('na'), '-br', 'link']).includes('ts-lan');
}

/** Series over gateways of `sizes` peers, ascending from 1. */
export async function measurePeers(
  root: string,
  folder: string,
  sizes: readonly number[],
  signal: AbortSignal,
): Promise<Growth[]> {
  const cleanup = new Cleanup();
  const cleanUp = (): void => cleanup.run();
  process.on('exit', cleanUp);
  const taken: [number, Figures][] = [];
  try {
    const site = openSite(root, folder, cleanup, signal);
    for (const size of sizes) {
      signal.throwIfAborted();
      const figures = await measureSize(site, size);
      console.log(`  ${size} peers: ${JSON.stringify(figures)}`);
      taken.push([size, figures]);
    }
  } finally {
    cleanUp();
    process.off('exit', cleanUp);
  }
  return seriesOf(taken);
}

function seriesOf(taken: readonly [number, Figures][]): Growth[] {
  const alone = taken[0]?.[1];
  const series = (
    key: string,
    title: string,
    unit: string,
    value: (f: Figures, size: number) => number,
  ): Growth => ({
    key: `peers.${key}`,
    title,
    unit,
    of: 'peers',
    points: taken.map(([size, figures]): Point => ({ size, value: value(figures, size) })),
  });
  const share = (key: string, title: string, megabytes: (f: Figures) => number): Growth => ({
    ...series(key, title, 'KB', () => Number.NaN),
    points: taken
      .filter(([size]) => size >= MANY)
      .map(([size, f]) => ({ size, value: ((megabytes(f) - megabytes(alone)) * 1000) / (size - 1) })),
  });
  return [
    series('rss', 'memory of the gateway', 'MB', ({ rssMb }) => rssMb),
    share('memory', 'live memory a peer', ({ liveMb }) => liveMb),
    share('resident', 'resident memory a peer', ({ rssMb }) => rssMb),
    series('back', 'all back after a restart', 's', ({ back }) => back),
    series('backFromFirst', 'from the first to the last', 's', ({ backFromFirst }) => backFromFirst),
    series('sessions', 'sessions that come up', '/s of a core', ({ sessions }) => sessions),
    series('idle', 'idle CPU', '% of a core', ({ idle }) => idle),
    series('packet', 'CPU a packet, all active', 'µs', ({ packetAll }) => packetAll),
    series('packetRatio', 'the same ÷ one active', '×', ({ packetAll, packetOne }) => packetAll / packetOne),
  ];
}
