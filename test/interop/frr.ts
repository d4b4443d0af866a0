/**
 * FRR's bfdd (Debian package frr) in a namespace, with the zebra that tells it of devices; and our session in another, as
 * test/support/bfd-speaker-main.ts. Both daemons run as the package's user and keep their files in a folder of theirs.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Pace } from '../../src/core/path/pacing.js';
import { type Network, type Program, until } from '../support/namespaces.js';

const DAEMONS = '/usr/lib/frr';
const SPEAKER = fileURLToPath(new URL('../support/bfd-speaker-main.js', import.meta.url));

/** What `show bfd peers json` says of a peer; intervals in ms. */
export interface FrrPeer {
  readonly peer: string;
  readonly status: 'up' | 'down' | 'init' | 'shutdown';
  readonly diagnostic: string;
  readonly 'remote-diagnostic': string;
  readonly 'remote-id': number;
  readonly 'remote-receive-interval': number;
  readonly 'remote-transmit-interval': number;
  readonly 'remote-detect-multiplier': number;
}

export class Frr {
  readonly #network: Network;
  readonly #namespace: string;
  readonly #folder: string;
  readonly #peer: string;
  #bfdd: Program | undefined;

  /** A bfdd in `namespace` whose one peer is `peer`, given as after the word `peer` in FRR's configuration. */
  constructor(network: Network, namespace: string, peer: string, lines: readonly string[]) {
    this.#network = network;
    this.#namespace = namespace;
    this.#peer = peer;
    this.#folder = `${network.folder}/frr`;
    mkdirSync(this.#folder);
    // The daemons give up root, so the way to their folder must be open.
    chmodSync(network.folder, 0o711);
    execFileSync('chown', ['frr:frr', this.#folder]);
    writeFileSync(`${this.#folder}/zebra.conf`, 'hostname zebra\n');
    const text = ['bfd', ` peer ${peer}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
    writeFileSync(`${this.#folder}/bfdd.conf`, text);
  }

  /** Starts zebra once, and bfdd. */
  async start(): Promise<void> {
    const folder = this.#folder;
    if (!existsSync(`${folder}/zserv.api`)) {
      this.#start('zebra');
      await until('zebra listens', () => existsSync(`${folder}/zserv.api`));
    }
    this.#bfdd = this.#start('bfdd', '--bfdctl', `${folder}/bfdd.sock`);
    await until(
      () => `bfdd answers: ${this.#bfdd?.output}`,
      () => {
        try {
          return this.show().peer !== '';
        } catch {
          return false;
        }
      },
    );
  }

  /** bfdd's view of its peer. */
  show(): FrrPeer {
    return (JSON.parse(this.vtysh('show bfd peers json')) as FrrPeer[])[0];
  }

  /** Runs commands in vtysh, one after another. */
  vtysh(...commands: string[]): string {
    const words = commands.flatMap((command) => ['-c', command]);
    return execFileSync('vtysh', ['--vty_socket', this.#folder, '-d', 'bfdd', ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Changes the peer's configuration. */
  configure(...lines: string[]): void {
    this.vtysh('configure terminal', 'bfd', `peer ${this.#peer}`, ...lines);
  }

  async kill(): Promise<void> {
    await this.#bfdd?.end('SIGKILL');
  }

  #start(name: string, ...more: string[]): Program {
    const folder = this.#folder;
    const argv = [`${DAEMONS}/${name}`, '-f', `${folder}/${name}.conf`, '-i', `${folder}/${name}.pid`];
    argv.push('-z', `${folder}/zserv.api`, '--vty_socket', folder, '-P', '0', '--log', 'stdout', ...more);
    return this.#network.start(this.#namespace, argv);
  }
}

/** What our session reports: its state, and what goes to a worker. */
export interface SpeakerReport {
  readonly report: string;
  /** The state that the other side has last told. */
  readonly theirs: string;
  readonly intervalMs: number;
  readonly detectionMs: number;
  readonly absorbs: boolean;
  readonly polling: boolean;
  readonly refused: number;
}

/** A change of our session's state. */
export interface SpeakerChange {
  readonly state: string;
  readonly atMs: number;
  readonly why: string;
  readonly theirs: string;
}

export class Speaker {
  readonly #program: Program;

  constructor(network: Network, namespace: string, own: string, peer: string, pace: Pace) {
    const argument = JSON.stringify({ own, peer, pace });
    this.#program = network.start(namespace, [process.execPath, SPEAKER, argument]);
  }

  /** Changes of state so far. */
  get changes(): SpeakerChange[] {
    return this.#lines.filter((line) => 'state' in line) as SpeakerChange[];
  }

  get state(): string {
    return this.changes.at(-1)?.state ?? 'Down';
  }

  order(order: string | { readonly pace: Pace }): void {
    this.#program.child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  async report(): Promise<SpeakerReport> {
    const before = this.#reports.length;
    this.order('report');
    await until(
      () => `our session reports: ${this.#program.output}`,
      () => this.#reports.length > before,
    );
    return this.#reports[this.#reports.length - 1];
  }

  async kill(): Promise<void> {
    await this.#program.end('SIGKILL');
  }

  get #lines(): object[] {
    const whole = this.#program.output.slice(0, this.#program.output.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as object);
  }

  get #reports(): SpeakerReport[] {
    return this.#lines.filter((line) => 'report' in line) as SpeakerReport[];
  }
}
