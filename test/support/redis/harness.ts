/** What the contract suite needs of a Redis, real or in memory: registers in it, its faults, and its raw data. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Register } from '../../../src/core/cluster/register.js';
import { MemoryRedis, openMemoryRegister } from '../../../src/edge/redis/memory-register.js';
import { openRegister } from '../../../src/edge/redis/open-register.js';
import type { RegisterOptions } from '../../../src/edge/redis/options.js';
import { FaultyProxy } from './proxy.js';
import { eventually, HOST, RedisServer } from './server.js';

export type Fault =
  | 'down'
  | 'lose-reply'
  | 'cut-request'
  | 'cut-reply'
  | 'frozen'
  | 'read-only'
  | 'out-of-memory'
  | 'wrong-password';

export interface Harness {
  open(options?: Partial<RegisterOptions>): Register;
  /** undefined: all is well again. */
  fault(fault: Fault | undefined): Promise<void>;
  restartEmpty(): Promise<void>;
  /** Keeps the data; the answer puts it back, as restoring an old backup would. */
  backup(): Promise<() => Promise<void>>;
  nowMs(): Promise<number>;
  setField(field: string, value: string): Promise<void>;
  getField(field: string): Promise<string | undefined>;
  setString(value: string): Promise<void>;
  close(): Promise<void>;
}

export const KEY = 'twinspan:{acme/EdgeCluster1}';
export const OPTIONS: RegisterOptions = {
  network: 'acme',
  cluster: 'EdgeCluster1',
  members: 3,
  fingerprint: 'acme-keys',
  process: 'p0',
  timeoutMs: 200,
};

/** A harness around a Redis in memory. */
export async function memoryHarness(): Promise<Harness> {
  const redis = new MemoryRedis();
  const hash = (): Map<string, string> => {
    const value = redis.store.values.get(KEY);
    if (value instanceof Map) return value;
    const made = new Map<string, string>();
    redis.store.values.set(KEY, made);
    return made;
  };
  return {
    open: (options) => openMemoryRegister(redis, { ...OPTIONS, ...options }),
    async fault(fault) {
      if (fault === 'cut-request') redis.become('down');
      else redis.become(fault === 'cut-reply' ? 'lose-reply' : (fault ?? 'up'));
    },
    async restartEmpty() {
      redis.restore();
    },
    async backup() {
      const values = redis.snapshot();
      return async () => redis.restore(values);
    },
    nowMs: async () => redis.nowMs(),
    async setField(field, value) {
      hash().set(field, value);
    },
    getField: async (field) => hash().get(field),
    async setString(value) {
      redis.store.values.set(KEY, value);
    },
    async close() {},
  };
}

/** A harness around a real redis-server, reached through a proxy. */
export async function realHarness(): Promise<Harness> {
  const server = await RedisServer.start({ save: '""', appendonly: 'no' });
  return new RealHarness(server, await FaultyProxy.start(server.port));
}

class RealHarness implements Harness {
  readonly #server: RedisServer;
  readonly #proxy: FaultyProxy;
  readonly #registers: Register[] = [];
  readonly #admin: Redis;

  constructor(server: RedisServer, proxy: FaultyProxy) {
    this.#server = server;
    this.#proxy = proxy;
    this.#admin = server.admin();
  }

  open(options: Partial<RegisterOptions> = {}): Register {
    const url = `redis://${HOST}:${this.#proxy.port}/0`;
    const register = openRegister({ ...OPTIONS, ...options, url });
    this.#registers.push(register);
    return register;
  }

  async fault(fault: Fault | undefined): Promise<void> {
    switch (fault) {
      case undefined:
        return await this.#heal();
      case 'down':
        return await this.#server.kill();
      case 'frozen':
        return this.#server.signal('SIGSTOP');
      case 'read-only':
        await this.#admin.call('REPLICAOF', HOST, '1');
        return;
      case 'out-of-memory':
        await this.#admin.config('SET', 'maxmemory', '1');
        return;
      case 'wrong-password':
        await this.#admin.config('SET', 'requirepass', 'secret');
        await this.#admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
        return;
      default:
        this.#proxy.mode = fault;
    }
  }

  async #heal(): Promise<void> {
    this.#proxy.mode = 'pass';
    this.#server.signal('SIGCONT');
    if (!this.#server.running) await this.#restart();
    await this.#admin.call('REPLICAOF', 'NO', 'ONE');
    await this.#admin.config('SET', 'maxmemory', '0');
    await this.#admin.config('SET', 'requirepass', '');
  }

  async restartEmpty(): Promise<void> {
    await this.#server.kill();
    rmSync(join(this.#server.directory, 'dump.rdb'), { force: true });
    await this.#restart();
  }

  async #restart(): Promise<void> {
    await this.#server.restart();
    await eventually(() => this.#admin.ping());
  }

  async backup(): Promise<() => Promise<void>> {
    const file = join(this.#server.directory, 'dump.rdb');
    await this.#admin.save();
    copyFileSync(file, `${file}.old`);
    return async () => {
      await this.#server.kill();
      copyFileSync(`${file}.old`, file);
      await this.#restart();
    };
  }

  async nowMs(): Promise<number> {
    const [seconds, microseconds] = await this.#admin.time();
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }

  async setField(field: string, value: string): Promise<void> {
    await this.#admin.hset(KEY, field, value);
  }

  async getField(field: string): Promise<string | undefined> {
    return (await this.#admin.hget(KEY, field)) ?? undefined;
  }

  async setString(value: string): Promise<void> {
    await this.#admin.set(KEY, value);
  }

  async close(): Promise<void> {
    for (const register of this.#registers) await register.close();
    this.#admin.disconnect();
    this.#server.signal('SIGCONT');
    await this.#proxy.close();
    await this.#server.stop();
  }
}
