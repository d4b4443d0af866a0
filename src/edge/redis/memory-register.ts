/**
 * A Redis in memory, for tests and the simulator, with the ways in which a real one fails. It stands beside the real
 * register and passes the same contract suite.
 */
import type { Beat, BeatAnswer, Claim, ClaimAnswer, Register } from '../../core/cluster/register.js';
import { Conditions } from './conditions.js';
import { COMMAND_TIMEOUT_MS, checkBeat, checkClaim, type RegisterOptions } from './options.js';
import { notAnswering } from './redis-error.js';
import { registerKeys } from './scripts.js';
import { RegisterStore, type StoredValue } from './store.js';

/** What a MemoryRedis does with a command: answer; refuse; execute it but lose the reply; hold it until it thaws. */
export type MemoryMode =
  | 'up'
  | 'down'
  | 'lose-reply'
  | 'frozen'
  | 'read-only'
  | 'out-of-memory'
  | 'wrong-password';

const REFUSALS: Readonly<Partial<Record<MemoryMode, string>>> = {
  down: 'connect ECONNREFUSED',
  'read-only': "READONLY You can't write against a read only replica.",
  'out-of-memory': "OOM command not allowed when used memory > 'maxmemory'.",
  'wrong-password': 'WRONGPASS invalid username-password pair or user is disabled.',
};

export class MemoryRedis {
  store = new RegisterStore();
  readonly #nowMs: () => number;
  readonly #held: (() => void)[] = [];
  #mode: MemoryMode = 'up';

  /** `nowMs` is Redis TIME. */
  constructor(nowMs: () => number = () => Date.now()) {
    this.#nowMs = nowMs;
  }

  /** Changes the mode; whatever was held while it was frozen is executed now, its callers long gone. */
  become(mode: MemoryMode): void {
    this.#mode = mode;
    if (mode === 'up') for (const run of this.#held.splice(0)) run();
  }

  /** The data, to be put back by `restore`. */
  snapshot(): Map<string, StoredValue> {
    return structuredClone(this.store.values);
  }

  /** Replaces the data; without an argument it is empty. */
  restore(values: ReadonlyMap<string, StoredValue> = new Map()): void {
    this.store = new RegisterStore();
    for (const [key, value] of structuredClone(values)) this.store.values.set(key, value);
  }

  /** Executes `command` as the mode has it. Rejects with TS_REDIS. */
  async execute<T>(command: (store: RegisterStore, nowMs: number) => T, timeoutMs: number): Promise<T> {
    const refusal = REFUSALS[this.#mode];
    if (refusal !== undefined) throw notAnswering(refusal);
    const run = (): T => command(this.store, this.#nowMs());
    if (this.#mode === 'up') return run();
    if (this.#mode === 'lose-reply') run();
    else this.#held.push(run);
    await new Promise((resolve) => setTimeout(resolve, timeoutMs));
    throw notAnswering(`no reply within ${timeoutMs} ms`);
  }

  /** Redis TIME, ms. */
  nowMs(): number {
    return this.#nowMs();
  }
}

/** Opens the register of a cluster in `redis`. */
export function openMemoryRegister(redis: MemoryRedis, options: RegisterOptions): Register {
  const { fingerprint, members, process, timeoutMs = COMMAND_TIMEOUT_MS } = options;
  const [key] = registerKeys(options.network, options.cluster);
  const conditions = new Conditions(key, process, options.onCondition);
  let closed = false;
  const execute = async <T extends { foreign: boolean }>(
    command: (store: RegisterStore, nowMs: number) => T,
  ): Promise<T & { redisMs: number }> => {
    if (closed) throw notAnswering('closed');
    return await redis.execute((store, nowMs) => ({ ...command(store, nowMs), redisMs: nowMs }), timeoutMs);
  };
  return {
    async beat(beat: Beat): Promise<BeatAnswer> {
      checkBeat(beat, members);
      const answer = await execute((store, nowMs) =>
        store.beat(key, fingerprint, members, process, beat, nowMs),
      );
      conditions.handleBeat(answer);
      const { foreign, register, records, redisMs } = answer;
      if (foreign) throw notAnswering('another network uses the key');
      return { register, records, redisMs };
    },
    async claim(claim: Claim): Promise<ClaimAnswer> {
      checkClaim(claim);
      const answer = await execute((store, nowMs) => store.claim(key, fingerprint, claim, nowMs));
      const { foreign, taken, register, redisMs, garbage } = answer;
      if (foreign) throw notAnswering('another network uses the key');
      if (garbage !== '') conditions.handleGarbage(garbage);
      return { taken, register, redisMs };
    },
    async close(): Promise<void> {
      closed = true;
    },
  };
}
