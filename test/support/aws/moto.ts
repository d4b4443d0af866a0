/** The moto server for tests: on loopback, ended with the test. Without it such tests are visibly skipped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ExecutionContext, default as test } from 'ava';
import { type Ec2Spec, ec2Command, hasMoto } from '../../../src/app/lab/programs/ec2.js';

export const REGION = 'us-east-1';

/** Registers a serial test that runs `body` where moto is installed, and a visible skip elsewhere. */
export function motoTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test.serial(title, async (t) => {
    if (hasMoto()) return await body(t);
    t.log('skipped: needs the moto server (npm run setup -- moto)');
    console.log(`# SKIP ${title} (needs moto)`);
    t.pass();
  });
}

export class MotoServer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(child: ChildProcess, port: number, directory: string) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
    this.#directory = directory;
  }

  static async start(spec: Omit<Ec2Spec, 'host' | 'port' | 'region' | 'faults'>): Promise<MotoServer> {
    const directory = mkdtempSync(join(tmpdir(), 'twinspan-moto-'));
    const full = { ...spec, host: '127.0.0.1', port: 0, region: REGION, faults: join(directory, 'fault') };
    const [program, ...argv] = ec2Command(full) ?? ['false'];
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    const lines = createInterface(child.stdout);
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => ['{}'])])) as [
      string,
    ];
    const { port } = JSON.parse(line) as { port?: number };
    if (port === undefined) throw new Error('the moto server does not start');
    return new MotoServer(child, port, directory);
  }

  /** See Ec2Spec.faults; '' = all is well. */
  fault(mode: string): void {
    writeFileSync(join(this.#directory, 'fault'), mode);
  }

  /** Routes to network interfaces. */
  async routes(): Promise<{ table: string; cidr: string; interface: string; address: string }[]> {
    const response = await fetch(`${this.url}/lab/routes`);
    return (await response.json()) as { table: string; cidr: string; interface: string; address: string }[];
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
