/**
 * Real Redis servers and Sentinels for tests: on loopback, in a directory of their own, ended with the test. Ports are
 * asked of the kernel, so several runs at once do not meet.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecutionContext, default as test } from 'ava';
import { Redis } from 'ioredis';

export const HOST = '127.0.0.1';

/** Whether the program redis-server is there. */
export const hasRedis: boolean = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Registers a serial test that runs `body` where redis-server is installed, and a visible skip elsewhere. */
export function redisTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test.serial(title, async (t) => {
    if (hasRedis) return await body(t);
    t.log('skipped: needs redis-server');
    console.log(`# SKIP ${title} (needs redis-server)`);
    t.pass();
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Repeats `attempt` until it succeeds; its last error after `withinMs`. */
export async function eventually<T>(attempt: () => Promise<T> | T, withinMs = 10_000): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await delay(20);
    }
  }
}

/** A configuration file's lines in addition to port, directory and "nothing on disk". */
export type Directives = Readonly<Record<string, string>>;

export class RedisServer {
  readonly port: number;
  readonly directory = mkdtempSync(join(tmpdir(), 'twinspan-redis-'));
  readonly #directives: Directives;
  readonly #argv: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, directives: Directives, argv: readonly string[]) {
    this.port = port;
    this.#directives = directives;
    this.#argv = argv;
  }

  /** Starts a server and waits until it accepts connections. */
  static async start(directives: Directives = {}, argv: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), directives, argv);
    const lines = { bind: HOST, port: String(server.port), dir: server.directory, ...server.#directives };
    const text = Object.entries(lines).map(([name, value]) => `${name} ${value}\n`);
    writeFileSync(join(server.directory, 'redis.conf'), text.join(''));
    await server.restart();
    return server;
  }

  /** Starts the process again on the same port, with whatever lies in its directory. */
  async restart(): Promise<void> {
    const config = join(this.directory, 'redis.conf');
    this.#child = spawn('redis-server', [config, ...this.#argv], { stdio: 'ignore' });
    const probe = new Redis({ host: HOST, port: this.port, lazyConnect: true, retryStrategy: () => 20 });
    probe.on('error', () => {});
    try {
      await eventually(async () => {
        const pong = await probe.ping().catch((error: Error) => error.message);
        if (pong !== 'PONG' && !/NOAUTH/.test(pong)) throw new Error(`redis-server does not start: ${pong}`);
      });
    } finally {
      probe.disconnect();
    }
  }

  /** A client of its own, not through any proxy. */
  admin(options: { password?: string } = {}): Redis {
    const client = new Redis({ host: HOST, port: this.port, commandTimeout: 5_000, ...options });
    client.on('error', () => {});
    return client;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends the process as a crash would, and waits for its end. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
