/**
 * Network namespaces and programs of one test file. Names carry the process id, so that runs side by side do not meet;
 * everything is bounded in time and goes when the test ends, or at the latest when its process does.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';

const COMMAND_MS = 60_000;
/** A busy machine may need long for what takes a second on an idle one. */
const UNTIL_MS = 60_000;

/** Waits until `condition` holds and returns what it gave. Throws `what` after a minute. */
export async function until<T>(
  what: string | (() => string),
  condition: () => T | Promise<T>,
  timeoutMs = UNTIL_MS,
): Promise<NonNullable<T>> {
  const giveUpAtMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > giveUpAtMs) {
      throw new Error(`In vain: ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(50);
  }
}

/** A program that stays; what it prints is kept. */
export class Program {
  readonly child: ChildProcess;
  /** Standard output and standard error, as they came. */
  output = '';
  /** Settles when it has ended: exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  outcome: number | string | undefined;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(argv[0], argv.slice(1), { stdio: 'pipe', env: { ...process.env, ...env } });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.child.stdin?.on('error', () => {});
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.outcome = (code as number | null) ?? (signal as string);
      return this.outcome;
    });
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal);
    return await this.ended;
  }

  get lines(): string[] {
    return this.output.split('\n').filter((line) => line !== '');
  }
}

let count = 0;

export class Network {
  /** Short enough, with a letter or two, for the name of a device. */
  readonly tag: string;
  /** A folder of the network's own. */
  readonly folder: string;
  readonly #namespaces: string[] = [];
  readonly #programs: Program[] = [];
  readonly #undo: (() => void)[] = [];
  #closed = false;

  constructor(t: ExecutionContext) {
    this.tag = `nt${process.pid}${String.fromCharCode(97 + (count++ % 26))}`;
    this.folder = mkdtempSync(path.join(tmpdir(), `twinspan-${this.tag}-`));
    const close = (): void => this.close();
    process.once('exit', close);
    t.teardown(() => {
      process.off('exit', close);
      close();
    });
  }

  /** Adds namespaces with their loopback up. */
  add(...names: string[]): void {
    for (const name of names) {
      execFileSync('ip', ['netns', 'add', this.namespace(name)]);
      this.#namespaces.push(name);
      // Without duplicate detection an address is what it stays from the first moment.
      this.run(name, 'sysctl -qw net.ipv6.conf.default.accept_dad=0; ip link set lo up');
    }
  }

  /** Called when the network is closed, after its programs have ended. */
  onClose(undo: () => void): void {
    this.#undo.push(undo);
  }

  namespace(name: string): string {
    return `${this.tag}-${name}`;
  }

  /** Connects two namespaces; each end of the cable is a device that is up. */
  cable(a: string, deviceA: string, b: string, deviceB: string): void {
    const [nsA, nsB] = [this.namespace(a), this.namespace(b)];
    const veth = [
      'link',
      'add',
      deviceA,
      'netns',
      nsA,
      'type',
      'veth',
      'peer',
      'name',
      deviceB,
      'netns',
      nsB,
    ];
    execFileSync('ip', veth);
    this.run(a, `ip link set ${deviceA} up`);
    this.run(b, `ip link set ${deviceB} up`);
  }

  /** Runs a shell script in a namespace and returns what it printed. Throws with what it said when it fails. */
  run(name: string, script: string): string {
    return execFileSync('ip', ['netns', 'exec', this.namespace(name), 'sh', '-ec', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: COMMAND_MS,
    });
  }

  /** The same, without waiting for it in this thread; resolves to its exit code and what it printed. */
  async try(name: string, script: string): Promise<{ code: number | string; output: string }> {
    const program = this.start(name, ['timeout', '60', 'sh', '-ec', script]);
    return { code: await program.ended, output: program.output };
  }

  /** Starts a program in a namespace; it has the process id of the program itself. */
  start(name: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const program = new Program(['ip', 'netns', 'exec', this.namespace(name), ...argv], env);
    this.#programs.push(program);
    return program;
  }

  /** Ends everything, last first. Blocks. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { child } of this.#programs) child.kill('SIGKILL');
    for (const name of this.#namespaces.reverse()) {
      const namespace = this.namespace(name);
      for (const pid of execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).split('\n')) {
        try {
          if (pid !== '') process.kill(Number(pid), 'SIGKILL');
        } catch {
          // It has just ended.
        }
      }
      execFileSync('ip', ['netns', 'del', namespace]);
    }
    for (const undo of this.#undo.reverse()) undo();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
