/**
 * This node's conversation with Redis, and what it tells people about it: why Redis does not answer, what stood under
 * our keys that is not ours, data that went back, a partner that beats somewhere else. None of that decides a role: the
 * core only ever sees an answer or that there was none.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ErrorCode, TwinspanError } from '../../core/base/errors.js';
import { formatKey } from '../../core/base/key.js';
import type { ClusterNode } from '../../core/cluster/cluster-node.js';
import type { Beat, BeatAnswer, Claim, ClaimAnswer, Register } from '../../core/cluster/register.js';
import type { Configuration } from '../../core/config/configuration.js';
import { openRegister, type RedisRegisterOptions } from '../../edge/redis/open-register.js';
import type { Logger } from './log.js';

/** Redis that fails for less than this is told by the roles' own events only; at a start it has yet to be reached. */
const UNANSWERED_MS = 1_000;
/** A partner that is heard, and whose heartbeat has stood still for so long in a Redis that answers, beats elsewhere. */
const APART_MS = 3_000;

export interface RegisterKeeperOptions {
  readonly configuration: Configuration;
  readonly log: Logger;
  readonly hash: (data: Uint8Array) => Uint8Array;
  readonly timeoutMs: number;
  readonly now: () => number;
}

type Identity = Pick<RedisRegisterOptions, 'network' | 'cluster' | 'members' | 'fingerprint'>;

export class RegisterKeeper {
  readonly #options: RegisterKeeperOptions;
  readonly #url: string | undefined;
  readonly #ca: string | undefined;
  readonly #process = randomUUID();
  #identity: Identity;
  #register: Register | undefined;
  #failingSinceMs: number | undefined;
  /** What has been told of the present failure. Bounded by the reasons that a client can have. */
  readonly #told = new Set<string>();
  /** Heartbeat counters as last read, by member. */
  readonly #counters = new Map<number, number>();
  readonly #apart = new Set<string>();

  /** Without a URL there is no Redis, and every call goes unanswered. Throws where the CA file cannot be read. */
  constructor(options: RegisterKeeperOptions) {
    const { redisUrl, redisCaFile } = options.configuration.local;
    this.#options = options;
    this.#url = redisUrl;
    this.#ca = redisCaFile === undefined ? undefined : readFileSync(redisCaFile, 'utf8');
    this.#identity = identityOf(options.configuration, options.hash);
    this.#open();
  }

  /** Whether this node has a Redis. */
  get present(): boolean {
    return this.#register !== undefined;
  }

  /** Takes changed members into use. The URL is read at start only. */
  configure(configuration: Configuration): void {
    const identity = identityOf(configuration, this.#options.hash);
    if (identity.fingerprint === this.#identity.fingerprint) return;
    this.#identity = identity;
    this.#counters.clear();
    void this.#register?.close();
    this.#open();
  }

  /** Undefined: no answer. */
  async beat(beat: Beat): Promise<BeatAnswer | undefined> {
    const answer = await this.#ask((register) => register.beat(beat));
    for (const { member, counter } of answer?.records ?? []) this.#count(member, counter);
    return answer;
  }

  /** Undefined: no answer. */
  async claim(claim: Claim): Promise<ClaimAnswer | undefined> {
    return await this.#ask((register) => register.claim(claim));
  }

  /** Looks for partners that are heard and do not beat here. */
  look(node: ClusterNode, now: number): void {
    const { answering, answeringSinceMs } = node.register;
    if (!answering || now - answeringSinceMs < APART_MS) return;
    for (const partner of node.directory.partners) {
      const { name, beatAtMs, heardHere } = partner;
      const apart = heardHere && now - beatAtMs >= APART_MS;
      if (!apart) this.#apart.delete(name);
      else if (!this.#apart.has(name)) {
        this.#apart.add(name);
        this.#tell(apartError(name));
      }
    }
  }

  async close(): Promise<void> {
    await this.#register?.close();
  }

  #open(): void {
    const url = this.#url;
    if (url === undefined) return;
    this.#register = openRegister({
      url,
      ...(this.#ca !== undefined && { ca: this.#ca }),
      ...this.#identity,
      process: this.#process,
      timeoutMs: this.#options.timeoutMs,
      onCondition: (condition) => this.#tell(condition),
    });
  }

  async #ask<T>(call: (register: Register) => Promise<T>): Promise<T | undefined> {
    const register = this.#register;
    if (register === undefined) return undefined;
    try {
      const answer = await call(register);
      this.#failingSinceMs = undefined;
      this.#told.clear();
      return answer;
    } catch (error) {
      // A register that a reload has replaced fails for that reason alone.
      if (register === this.#register) this.#failed(error);
      return undefined;
    }
  }

  /** Tells each reason once, when it has lasted. */
  #failed(error: unknown): void {
    const now = this.#options.now();
    this.#failingSinceMs ??= now;
    if (now - this.#failingSinceMs < UNANSWERED_MS) return;
    const problem = error instanceof TwinspanError ? error : new TwinspanError('TS_REDIS', String(error));
    if (this.#told.has(problem.message)) return;
    this.#told.add(problem.message);
    this.#tell(problem);
  }

  #count(member: number, counter: number): void {
    const before = this.#counters.get(member);
    this.#counters.set(member, counter);
    if (before !== undefined && counter < before) this.#tell(rewoundError(member, before, counter));
  }

  #tell({ code, message, hint }: { code: ErrorCode; message: string; hint: string | undefined }): void {
    this.#options.log.error({ event: 'redis-condition', code, reason: message, hint });
  }
}

/** Under which keys, and as whom: a cluster of other members must not take our epochs for its own. */
function identityOf(configuration: Configuration, hash: (data: Uint8Array) => Uint8Array): Identity {
  const { clusters, cluster, nodes, network } = configuration;
  const { name, members } = clusters[cluster];
  const text = [network.name, ...members.map((member) => formatKey(nodes[member].publicKey))].join('\n');
  const fingerprint = Buffer.from(hash(Buffer.from(text))).toString('hex');
  return { network: network.name, cluster: name, members: members.length, fingerprint };
}

function apartError(partner: string): TwinspanError {
  const message = `${partner} is heard over the LAN, and its heartbeat in this Redis stands still.`;
  const hint =
    'Either it does not reach Redis (its own log says so), or it is led to another one: two masters at once, or' +
    ' different URLs. Epochs are ordered between the members meanwhile.';
  return new TwinspanError('TS_REDIS_APART', message, hint);
}

function rewoundError(member: number, before: number, counter: number): TwinspanError {
  const message = `Redis holds older data than before: heartbeat ${counter} of member ${member} after ${before}.`;
  const hint =
    'It was restarted empty, restored from a backup, or a stale replica became master. The active member raises' +
    ' the register again.';
  return new TwinspanError('TS_REDIS_REWOUND', message, hint);
}
