/**
 * The register in a real Redis. One connection, at most IN_FLIGHT_MAX calls on their way. A call ends within its time
 * whatever Redis does: without a connection it fails at once (nothing is queued for later), and one that takes too long
 * fails and cuts the connection, so that a frozen Redis holds as few old commands of ours as possible; what it then
 * executes late is a record that was true once, an epoch that was held once, or a claim past its `notAfter`.
 *
 * The connection comes back by itself: at once, then after 20, 40 … RECONNECT_MS_MAX ms. Under Sentinel each connection
 * asks for the master anew, is kept only if the server says that it is one, and is dropped when Sentinel announces
 * another.
 */
import { createRequire } from 'node:module';
import type { Redis, RedisOptions } from 'ioredis';
import { TwinspanError } from '../../core/base/errors.js';
import type { Beat, BeatAnswer, Claim, ClaimAnswer, Register } from '../../core/cluster/register.js';
import { parseRedisUrl, type RedisTarget } from '../../core/config/redis-url.js';
import { parseBeatReply, parseClaimReply } from './answers.js';
import { Conditions } from './conditions.js';
import { COMMAND_TIMEOUT_MS, checkBeat, checkClaim, epochText, type RegisterOptions } from './options.js';
import { notAnswering, redisError } from './redis-error.js';
import { BEAT_SCRIPT, CLAIM_SCRIPT, registerKeys, scriptDigest } from './scripts.js';

export interface RedisRegisterOptions extends RegisterOptions {
  /** See core/config/redis-url.ts. */
  readonly url: string;
  /** PEM of the authority that signs the servers' certificates; absent = the public ones. */
  readonly ca?: string;
}

/** Calls that may be under way at once; a caller that beats every 100 ms with a time of 200 ms has three. */
export const IN_FLIGHT_MAX = 8;
const RECONNECT_MS_MAX = 500;
/** A TCP (and TLS) connection that takes longer is given up. */
const CONNECT_MS_MAX = 1_000;
/** How long a server may take to close its half before the socket is destroyed. */
const DISCONNECT_MS_MAX = 50;

interface Script {
  readonly text: string;
  readonly digest: string;
}

const BEAT: Script = { text: BEAT_SCRIPT, digest: scriptDigest(BEAT_SCRIPT) };
const CLAIM: Script = { text: CLAIM_SCRIPT, digest: scriptDigest(CLAIM_SCRIPT) };

/** The client is loaded here, because a node without Redis would load its 70 modules for nothing before it serves. */
function redisClient(): typeof Redis {
  return (createRequire(import.meta.url)('ioredis') as typeof import('ioredis')).Redis;
}

/** Opens the register of a cluster. Never waits for Redis: calls fail until it is reached. Throws TS_CONFIG_INVALID. */
export function openRegister(options: RedisRegisterOptions): Register {
  const target = parseRedisUrl(options.url);
  if (target === undefined) throw new TwinspanError('TS_CONFIG_INVALID', 'The Redis URL does not parse.');
  return new RedisRegister(options, target);
}

class RedisRegister implements Register {
  readonly #options: RedisRegisterOptions;
  readonly #keys: [string, string];
  readonly #conditions: Conditions;
  readonly #redis: Redis;
  readonly #timeoutMs: number;
  #inFlight = 0;
  /** Why there is no connection, as last heard. */
  #reason: unknown;

  constructor(options: RedisRegisterOptions, target: RedisTarget) {
    this.#options = options;
    this.#keys = registerKeys(options.network, options.cluster);
    this.#conditions = new Conditions(this.#keys[0], options.process, options.onCondition);
    this.#timeoutMs = options.timeoutMs ?? COMMAND_TIMEOUT_MS;
    this.#redis = new (redisClient())(connectionOptions(target, this.#timeoutMs, options.ca));
    this.#redis.on('error', (error) => {
      this.#reason = error;
    });
    this.#redis.on('ready', () => {
      this.#reason = undefined;
    });
  }

  async beat(beat: Beat): Promise<BeatAnswer> {
    const { fingerprint, members, process } = this.#options;
    checkBeat(beat, members);
    const { acting } = beat;
    const reply = await this.#run(BEAT, [
      fingerprint,
      members,
      beat.member,
      process,
      beat.text,
      acting?.n ?? '',
      acting?.member ?? '',
    ]);
    const { shown, answer } = parseBeatReply(reply);
    this.#conditions.handleBeat(shown);
    if (answer === undefined) throw foreignError(this.#keys[0]);
    return answer;
  }

  async claim(claim: Claim): Promise<ClaimAnswer> {
    checkClaim(claim);
    const { epoch, expected, notAfterRedisMs } = claim;
    const words = [this.#options.fingerprint, epoch.n, epoch.member, epochText(expected), notAfterRedisMs];
    const { garbage, answer } = parseClaimReply(await this.#run(CLAIM, words));
    if (answer === undefined) throw foreignError(this.#keys[0]);
    if (garbage !== '') this.#conditions.handleGarbage(garbage);
    return answer;
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  async #run(script: Script, words: readonly (string | number)[]): Promise<unknown> {
    if (this.#redis.status !== 'ready') throw notAnswering(this.#reason);
    if (this.#inFlight >= IN_FLIGHT_MAX) throw notAnswering('too many calls under way');
    this.#inFlight++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(notAnswering(`no reply within ${this.#timeoutMs} ms`));
        this.#redis.disconnect(true);
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#evaluate(script, words), late]);
    } catch (error) {
      throw redisError(error);
    } finally {
      clearTimeout(timer);
      this.#inFlight--;
    }
  }

  /** By digest; by text where the server does not know it (a restart, a replica that was promoted). */
  async #evaluate(script: Script, words: readonly (string | number)[]): Promise<unknown> {
    const rest = [this.#keys.length, ...this.#keys, ...words];
    try {
      return await this.#redis.call('EVALSHA', script.digest, ...rest);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await this.#redis.call('EVAL', script.text, ...rest);
    }
  }
}

function foreignError(key: string): TwinspanError {
  return new TwinspanError('TS_REDIS', `Redis is used by another network under ${key}.`);
}

function backOff(attempts: number): number {
  return Math.min(20 * 2 ** Math.min(attempts - 1, 10), RECONNECT_MS_MAX);
}

function connectionOptions(target: RedisTarget, timeoutMs: number, ca: string | undefined): RedisOptions {
  const { sentinel, hosts, user, password, database } = target;
  const secure = target.tls ? (ca === undefined ? {} : { ca }) : undefined;
  const common: RedisOptions = {
    db: database,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(secure !== undefined && { tls: secure }),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: timeoutMs,
    connectTimeout: CONNECT_MS_MAX,
    disconnectTimeout: DISCONNECT_MS_MAX,
    keepAlive: 1_000,
    disableClientInfo: true,
    retryStrategy: backOff,
    // A master that became a replica answers so; the next connection asks Sentinel, or DNS, anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
  if (sentinel === undefined) return { ...common, ...hosts[0] };
  return {
    ...common,
    sentinels: hosts.map((host) => ({ ...host })),
    name: sentinel.master,
    ...(sentinel.user !== undefined && { sentinelUsername: sentinel.user }),
    ...(sentinel.password !== undefined && { sentinelPassword: sentinel.password }),
    ...(secure !== undefined && { sentinelTLS: secure, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: backOff,
    sentinelReconnectStrategy: backOff,
    sentinelCommandTimeout: timeoutMs,
    failoverDetector: true,
    sentinelMaxConnections: 3,
  };
}
