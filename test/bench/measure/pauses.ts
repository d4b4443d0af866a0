/**
 * The longest pauses of our own threads while everything happens at once: TCP at full speed, a crowd that makes new
 * sessions, and reloads that add and remove routes, each with a new snapshot for the worker.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HistogramReport, MetricsReport, StatusReport } from '../../../src/app/observe/report.js';
import { formatKey } from '../../../src/core/base/key.js';
import type { Scheduling } from '../../../src/core/config/configuration.js';
import { generatePrivateKey, publicKeyOf } from '../../../src/edge/file/key-file.js';
import { callDaemon } from '../../../src/edge/socket/client.js';
import type { Lane } from '../lane.js';
import type { Peer } from '../peers/peer.js';
import { attempt } from '../shell.js';
import { WAN_ADDRESS } from '../topology.js';
import type { CrowdSetup } from './crowd.js';
import { runIperf } from './iperf.js';
import { schedulingSeconds } from './proc.js';

const CROWD = fileURLToPath(new URL('./crowd.js', import.meta.url));
const NODES = ['na', 'nb'] as const;
const ANSWER_MS = 60_000;
/** All addresses of the crowd. */
const CROWD_NETWORK = '10.200.0.0/16';

export interface PauseOptions {
  readonly seconds: number;
  readonly routes: number;
  readonly edges: number;
  /** 0: no crowd. */
  readonly handshakesPerSecond: number;
  /** 0: none. */
  readonly reloadEveryMs: number;
  /** Of both nodes. */
  readonly scheduling: Scheduling;
}

export interface PauseFigures {
  readonly gigabitsPerSecond: number;
  readonly handshakesPerSecond: number;
  readonly reloads: number;
  /** Percent of the time in which the nodes' threads had work and others had the processor: no fault of theirs. */
  readonly waitedPercent: number;
  /** Of all nodes. */
  readonly threads: readonly ThreadFigures[];
  /** Of all workers, and of all control threads. */
  readonly longestMs: { readonly worker: number; readonly control: number };
}

interface ThreadFigures {
  readonly node: string;
  readonly thread: string;
  readonly turns: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly longestMs: number;
}

/** What `twinspan` is in this measure: with a crowd in its network, and many routes. */
export class PausesPeer {
  readonly #options: PauseOptions;
  readonly #twinspan: Peer;
  readonly #crowd: { privateKey: string; publicKey: string; address: string }[] = [];

  constructor(twinspan: Peer, options: PauseOptions) {
    this.#twinspan = twinspan;
    this.#options = options;
    const edges = options.handshakesPerSecond === 0 ? 0 : options.edges;
    for (let i = 0; i < edges; i++) {
      const privateKey = generatePrivateKey();
      const publicKey = formatKey(publicKeyOf(privateKey));
      this.#crowd.push({
        privateKey: formatKey(privateKey),
        publicKey,
        address: `10.200.${i >> 8}.${(i & 255) + 1}`,
      });
    }
  }

  /** The peer of the lane. */
  get peer(): Peer {
    return {
      ...this.#twinspan,
      prepare: async (lane) => {
        await this.#twinspan.prepare(lane);
        for (const [host, words] of [
          ['na', `route add ${CROWD_NETWORK} via ${WAN_ADDRESS.nb}`],
          ['nb', `route add local ${CROWD_NETWORK} dev lo`],
        ] as const) {
          attempt(['ip', '-n', lane.namespace(host), ...words.split(' ')]);
        }
        this.#describe(lane, 0);
      },
    };
  }

  /** Runs everything for the time of the options. The lane runs. */
  async measure(lane: Lane): Promise<PauseFigures> {
    const { seconds, handshakesPerSecond, reloadEveryMs } = this.#options;
    const crowd = handshakesPerSecond === 0 ? undefined : await this.#startCrowd(lane);
    const before = await pausesOf(lane);
    const reloading = new AbortController();
    const reloads = reloadEveryMs === 0 ? Promise.resolve(0) : this.#reload(lane, reloading.signal);
    const scheduled = lane.daemons.map(schedulingSeconds);
    const transfer = await runIperf(lane, seconds, ['-P', '4']);
    const since = lane.daemons.map(schedulingSeconds).map(({ ran, waited }, index) => {
      return { ran: ran - scheduled[index].ran, waited: waited - scheduled[index].waited };
    });
    const after = await pausesOf(lane);
    reloading.abort();
    const established = crowd === undefined ? 0 : await crowd.end();
    const threads = after.flatMap(({ node, pauses }, index) =>
      difference(node, before[index].pauses, pauses),
    );
    const longest = (isOne: (thread: string) => boolean): number =>
      Math.max(...threads.filter(({ thread }) => isOne(thread)).map(({ longestMs }) => longestMs));
    return {
      gigabitsPerSecond: transfer.gigabitsPerSecond,
      handshakesPerSecond: established,
      reloads: await reloads,
      waitedPercent: shareWaited(since),
      threads,
      longestMs: {
        worker: longest((thread) => thread !== 'control'),
        control: longest((thread) => thread === 'control'),
      },
    };
  }

  /** Writes network.yaml with its routes; the last of them depends on `round`. */
  #describe(lane: Lane, round: number): void {
    const file = join(lane.folder, 'network.yaml');
    const network = JSON.parse(readFileSync(file, 'utf8'));
    network.network.cidr = '10.0.0.0/7';
    const routes = Array.from({ length: this.#options.routes }, (_, i) => ({
      cidr: `11.${(i >> 8) & 255}.${i & 255}.${i === 0 ? (round % 2) * 128 : 0}/25`,
      to: 'B',
    }));
    network.routes = [...network.routes.slice(0, 2), ...routes];
    this.#crowd.forEach(({ publicKey }, i) => {
      network.clusters[`C${i}`] = { members: [`e${i}`], site: '172.31.0.0/24' };
      network.nodes[`e${i}`] = { publicKey };
    });
    writeFileSync(file, JSON.stringify(network, null, 1));
  }

  async #reload(lane: Lane, signal: AbortSignal): Promise<number> {
    let reloads = 0;
    while (!signal.aborted) {
      this.#describe(lane, reloads + 1);
      for (const node of NODES) {
        const report = (await ask(lane, node, 'reload')) as { applied: boolean; problems: string[] };
        if (!report.applied) throw new Error(`A reload was refused: ${report.problems[0]}`);
      }
      reloads += 1;
      await sleep(this.#options.reloadEveryMs);
    }
    return reloads;
  }

  async #startCrowd(lane: Lane): Promise<{ end(): Promise<number> }> {
    const { publicKey } = (await ask(lane, 'na', 'status')) as StatusReport;
    const setup: CrowdSetup = {
      publicKey,
      address: WAN_ADDRESS.na,
      port: 51820,
      edges: this.#crowd,
      perSecond: this.#options.handshakesPerSecond,
    };
    // The crowd stands for other machines: that our threads come first must not keep it from asking.
    const first = this.#options.scheduling === 'realtime' ? ['chrt', '--rr', '1'] : [];
    const words = [...first, process.execPath, CROWD, JSON.stringify({ ...setup, port: 51820 })];
    const [program, ...argv] = lane.on('nb', ...words);
    const child: ChildProcess = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    lane.signal.addEventListener('abort', () => child.kill('SIGKILL'));
    for (let waitedMs = 0; !output.includes('ready'); waitedMs += 50) {
      if (waitedMs > 15_000) throw new Error('The crowd does not start.');
      await sleep(50);
    }
    const startedAt = performance.now();
    return {
      end: async () => {
        child.kill('SIGTERM');
        await ended;
        const { established } = JSON.parse(output.slice(output.indexOf('{'))) as { established: number };
        return (established / (performance.now() - startedAt)) * 1000;
      },
    };
  }
}

function shareWaited(since: readonly { ran: number; waited: number }[]): number {
  const total = (key: 'ran' | 'waited'): number => since.reduce((sum, one) => sum + one[key], 0);
  return (100 * total('waited')) / (total('ran') + total('waited'));
}

/** The figures as text. */
export function renderPauses(figures: PauseFigures): string {
  const { gigabitsPerSecond, handshakesPerSecond, reloads, waitedPercent, threads } = figures;
  return [
    `${gigabitsPerSecond.toFixed(2)} Gb/s, ${handshakesPerSecond.toFixed(0)} handshakes/s, ${reloads} reloads`,
    `other threads had the processor for ${waitedPercent.toFixed(0)} % of the time in which there was work`,
    ...threads.map(({ node, thread, turns, p99Ms, p999Ms, longestMs }) => {
      const ms = [p99Ms, p999Ms, longestMs].map((one) => one.toFixed(2).padStart(9)).join('');
      return `  ${node} ${thread.padEnd(10)}${String(turns).padStart(8)} turns   p99, p99.9, longest:${ms} ms`;
    }),
  ].join('\n');
}

async function ask(lane: Lane, node: string, method: 'status' | 'metrics' | 'reload'): Promise<unknown> {
  return await callDaemon(join(lane.folder, node, 'run', `${node}.sock`), method, {}, ANSWER_MS);
}

async function pausesOf(lane: Lane): Promise<{ node: string; pauses: HistogramReport[] }[]> {
  return await Promise.all(
    NODES.map(async (node) => ({
      node,
      pauses: ((await ask(lane, node, 'metrics')) as MetricsReport).pauses,
    })),
  );
}

/** What was counted between two reports. */
function difference(
  node: string,
  before: readonly HistogramReport[],
  after: readonly HistogramReport[],
): ThreadFigures[] {
  return after.map(({ thread, count, buckets }, index) => {
    const then = new Map(before[index].buckets);
    const since = buckets
      .map(([ms, many]): [number, number] => [ms, many - (then.get(ms) ?? 0)])
      .filter(([, many]) => many > 0);
    const turns = count - before[index].count;
    const quantile = (share: number): number => {
      let left = Math.ceil(turns * share);
      for (const [ms, many] of since) {
        left -= many;
        if (left <= 0) return ms;
      }
      return 0;
    };
    return {
      node,
      thread,
      turns,
      p99Ms: quantile(0.99),
      p999Ms: quantile(0.999),
      longestMs: since.at(-1)?.[0] ?? 0,
    };
  });
}
