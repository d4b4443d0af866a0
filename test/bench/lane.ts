/**
 * A lane: one line of namespaces with one peer in it. All lanes of a run stand side by side, so that a measure can be
 * taken on each of them in turn, seconds apart.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Peer } from './peers/peer.js';
import { type Cleanup, endProcess, isAlive, startProgram } from './shell.js';
import { buildTopology, HOSTS, type Host, namespaceOf, removeNamespace } from './topology.js';

const FIRST_PACKET_MS_MAX = 15_000;

export class Lane {
  readonly peer: Peer;
  /** Unique on this machine, at most 12 characters: devices and sockets of the lane begin with it. */
  readonly label: string;
  /** A directory of the lane's own, for keys, configuration and logs. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Process ids of the peer's programs, that of `na` first; none for the kernel. */
  daemons: number[] = [];
  readonly #letter: string;

  constructor(peer: Peer, index: number, workFolder: string, signal: AbortSignal) {
    this.peer = peer;
    this.#letter = String.fromCharCode('a'.charCodeAt(0) + index);
    this.label = `tsb${process.pid}${this.#letter}`;
    this.folder = join(workFolder, peer.name);
    this.signal = signal;
  }

  namespace(host: Host): string {
    return namespaceOf(process.pid, this.#letter, host);
  }

  /** A command line that runs `argv` on `host`. */
  on(host: Host, ...argv: string[]): string[] {
    return ['ip', 'netns', 'exec', this.namespace(host), ...argv];
  }

  /** Starts one of the peer's programs on `host`; it is ended with the lane. */
  startDaemon(host: Host, argv: readonly string[], env: Record<string, string> = {}): number {
    const { pid } = startProgram(this.on(host, ...argv), this.#logFile(host), env);
    this.daemons.push(pid);
    return pid;
  }

  /** Builds the namespaces and prepares the peer; `cleanup` takes down what this makes. */
  async open(cleanup: Cleanup): Promise<void> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    cleanup.add(() => {
      for (const host of HOSTS) removeNamespace(this.namespace(host));
    });
    buildTopology((host) => this.namespace(host));
    cleanup.add(() => this.stop());
    await this.peer.prepare(this);
  }

  /** Starts the peer. Returns the milliseconds until the first echo came back through it. */
  async start(): Promise<number> {
    const ping = spawn(
      'ip',
      ['netns', 'exec', this.namespace('ha'), 'ping', '-n', '-i', '0.005', '-W', '1', this.peer.target],
      { stdio: ['ignore', 'pipe', 'ignore'], timeout: FIRST_PACKET_MS_MAX, signal: this.signal },
    );
    ping.on('error', () => {});
    const startedAt = performance.now();
    try {
      const answered = firstAnswer(ping);
      await this.peer.start(this);
      const watch = setInterval(() => this.daemons.every(isAlive) || ping.kill(), 100);
      const answeredAt = await answered.finally(() => clearInterval(watch));
      if (answeredAt === undefined)
        throw new Error(`${this.peer.name}: no packet came through. ${this.logTail()}`);
      return answeredAt - startedAt;
    } finally {
      ping.kill();
    }
  }

  /** Ends the peer's programs. Blocks, so that it also works while the process exits. */
  stop(): void {
    for (const pid of this.daemons.splice(0)) endProcess(pid);
    this.peer.stopped?.(this);
  }

  /** Throws when one of the peer's programs has died. */
  checkAlive(): void {
    if (!this.daemons.every(isAlive)) throw new Error(`${this.peer.name} has died. ${this.logTail()}`);
  }

  logTail(): string {
    const tails = (['na', 'nb'] as const).map((host) => {
      try {
        return `${host}: ${readFileSync(this.#logFile(host), 'utf8').slice(-1500)}`;
      } catch {
        return '';
      }
    });
    return tails.join('\n').trim();
  }

  #logFile(host: Host): string {
    return join(this.folder, `${host}.log`);
  }
}

/** When the first echo reply was seen; undefined if ping ended without one. */
function firstAnswer(ping: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve) => {
    if (ping.stdout === null) throw new Error('ping has no output');
    const lines = createInterface({ input: ping.stdout });
    lines.on('line', (line) => {
      if (line.includes('bytes from')) resolve(performance.now());
    });
    lines.on('close', () => resolve(undefined));
  });
}
