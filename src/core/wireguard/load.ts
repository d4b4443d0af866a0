/**
 * When to ask for cookies, and how much one source may then cost us. A handshake costs three Diffie-Hellmans; only
 * messages whose mac1 is right are counted, since the others cost one hash.
 */
import { endpointAddress } from '../base/endpoint.js';
import {
  LOAD_HOLD_MS,
  LOAD_MESSAGES_PER_SECOND,
  LOAD_MESSAGES_PER_SECOND_MAX,
  SOURCE_BURST,
  SOURCE_MESSAGES_PER_SECOND,
  SOURCES_MAX,
} from './constants.js';

const SECOND_MS = 1_000;

/** Handshake messages a second that are no sign of load, where there are `peers` peers. */
export function loadLimitFor(peers: number): number {
  return Math.min(Math.max(LOAD_MESSAGES_PER_SECOND, peers), LOAD_MESSAGES_PER_SECOND_MAX);
}

/** Counts handshake messages by the second and says whether we are under load. */
export class LoadMeter {
  readonly #messagesPerSecond: number;
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #messages = 0;
  #loadedUntilMs = Number.NEGATIVE_INFINITY;

  /** Under load = more than `messagesPerSecond` messages within a second, and for LOAD_HOLD_MS after. */
  constructor(messagesPerSecond: number) {
    this.#messagesPerSecond = messagesPerSecond;
  }

  /** Counts one message; returns whether we are under load with it. */
  count(now: number): boolean {
    if (now - this.#secondStartMs >= SECOND_MS) {
      this.#secondStartMs = now;
      this.#messages = 0;
    }
    this.#messages++;
    if (this.#messages > this.#messagesPerSecond) this.#loadedUntilMs = now + LOAD_HOLD_MS;
    return now < this.#loadedUntilMs;
  }
}

/** The address (IPv4, also where a dual-stack socket shows it as ::ffff:a.b.c.d) or /64 that is limited as one. */
function sourceKey(source: Uint8Array): string {
  const address = endpointAddress(source);
  if (address.length === 4) return address.join('.');
  const mapped =
    address[10] === 0xff && address[11] === 0xff && address.subarray(0, 10).every((byte) => byte === 0);
  return mapped ? address.subarray(12).join('.') : address.subarray(0, 8).join('.');
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Token buckets by source address (IPv6: by /64). BOUNDED by SOURCES_MAX: when full of busy sources, new ones wait. */
export class SourceLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /** Whether a message from `source` (endpoint record) may pass now; takes its token. */
  allow(source: Uint8Array, now: number): boolean {
    const key = sourceKey(source);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= SOURCES_MAX && !this.#forgetRested(now)) return false;
      bucket = { tokens: SOURCE_BURST, atMs: now };
    }
    bucket.tokens = Math.min(
      SOURCE_BURST,
      bucket.tokens + ((now - bucket.atMs) / SECOND_MS) * SOURCE_MESSAGES_PER_SECOND,
    );
    bucket.atMs = now;
    // Re-inserting keeps the map in order of last use, so the rested ones are found at its front.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Drops buckets that are full again; returns whether there was one. */
  #forgetRested(now: number): boolean {
    const restedMs = (SOURCE_BURST / SOURCE_MESSAGES_PER_SECOND) * SECOND_MS;
    let forgot = false;
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.atMs < restedMs) break;
      this.#buckets.delete(key);
      forgot = true;
    }
    return forgot;
  }
}
