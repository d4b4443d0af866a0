/**
 * A real daemon in a namespace: `twinspan up`, its log as objects, its control socket, and ways to end it. $TEST_WORKERS is how
 * many data-plane workers each has, where a test does not say.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type {
  ControlMethod,
  ControlMethods,
  PeerReport,
  StatusReport,
} from '../../src/app/observe/report.js';
import { formatKey } from '../../src/core/base/key.js';
import { generatePrivateKey, publicKeyOf, writeSecretKey } from '../../src/edge/file/key-file.js';
import { callDaemon } from '../../src/edge/socket/client.js';
import { type Network, type Program, until } from './namespaces.js';

export const TWINSPAN = fileURLToPath(new URL('../../src/app/main.js', import.meta.url));

/** A line of the daemon's log. */
export interface LogLine {
  readonly event?: string;
  readonly peer?: string;
  readonly [field: string]: unknown;
}

export interface KeyPair {
  readonly file: string;
  readonly publicKey: string;
}

/** Writes a new private key, readable by us alone. */
export function newKey(file: string): KeyPair {
  const secret = generatePrivateKey();
  writeSecretKey(file, secret);
  return { file, publicKey: formatKey(publicKeyOf(secret)) };
}

export class Daemon {
  readonly node: string;
  readonly folder: string;
  readonly key: KeyPair;
  readonly #network: Network;
  readonly #namespace: string;
  /** More words for its command line. */
  words: readonly string[] = [];
  #program: Program | undefined;

  /** The node `node`, to run in `namespace`. Its files are in a folder of its own; `uapi` is unique on the machine. */
  constructor(network: Network, namespace: string, node: string) {
    this.node = node;
    this.#network = network;
    this.#namespace = namespace;
    this.folder = `${network.folder}/${node}`;
    mkdirSync(`${this.folder}/state`, { recursive: true, mode: 0o700 });
    this.key = newKey(`${this.folder}/private.key`);
    network.onClose(() => rmSync(`/var/run/wireguard/${this.uapiName}.sock`, { force: true }));
  }

  get uapiName(): string {
    return `${this.#network.tag}${this.#namespace.slice(0, 2)}`;
  }

  get configFile(): string {
    return `${this.folder}/node.yaml`;
  }

  get socket(): string {
    return `${this.folder}/run/${this.node}.sock`;
  }

  /** Writes node.yaml (JSON is YAML); `changes` replace whole keys. */
  configure(changes: object = {}): void {
    const config = {
      node: this.node,
      network: '../network.yaml',
      privateKeyFile: this.key.file,
      lan: { device: 'lan0' },
      uplinks: [{ name: 'isp1', device: 'wan0' }],
      stateDir: `${this.folder}/state`,
      runDir: `${this.folder}/run`,
      uapi: { name: this.uapiName },
      workers: Number(process.env['TEST_WORKERS'] ?? 1),
      ...changes,
    };
    writeFileSync(this.configFile, JSON.stringify(config, null, 2));
  }

  /** Starts the daemon without waiting for it. */
  launch(env: Readonly<Record<string, string>> = {}): Program {
    const argv = [process.execPath, TWINSPAN, 'up', '--config', this.configFile, ...this.words];
    this.#program = this.#network.start(this.#namespace, argv, env);
    return this.#program;
  }

  /** Starts the daemon and waits until it answers. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const program = this.launch(env);
    await until(
      () => `${this.node} starts: ${program.output}`,
      () => program.outcome !== undefined || this.has('started'),
    );
    if (program.outcome !== undefined) {
      throw new Error(`${this.node} ended with ${program.outcome}: ${program.output}`);
    }
  }

  get program(): Program {
    if (this.#program === undefined) throw new Error(`${this.node} was never started`);
    return this.#program;
  }

  /** What the present process has logged. */
  get log(): LogLine[] {
    return this.program.lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return [];
      }
    });
  }

  events(name: string): LogLine[] {
    return this.log.filter((line) => line.event === name);
  }

  has(event: string): boolean {
    return this.events(event).length > 0;
  }

  async call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
  ): Promise<ControlMethods[M]['result']> {
    return (await callDaemon(this.socket, method, params, 30_000)) as ControlMethods[M]['result'];
  }

  async status(): Promise<StatusReport> {
    return await this.call('status', {});
  }

  async peer(name: string): Promise<PeerReport> {
    const { peers } = await this.status();
    const peer = peers.find((one) => one.name === name);
    if (peer === undefined) throw new Error(`${this.node} has no peer ${name}`);
    return peer;
  }

  /** Waits until the peer is up. */
  async up(name: string): Promise<void> {
    await until(
      () => `${this.node} hears ${name}: ${this.program.output}`,
      async () => (await this.peer(name)).state === 'up',
    );
  }

  /** Ends it as an operator does; the answer is its exit code. */
  async stop(): Promise<number | string> {
    return await this.program.end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.program.end('SIGKILL');
  }

  get listens(): boolean {
    return existsSync(this.socket);
  }
}
