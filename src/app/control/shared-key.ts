/**
 * What this member knows of the key that its cluster shares: up to where labels have gone here and at the partner's, and for
 * each external peer the greatest label received and where it was last. It is in a file, and every member tells it to its
 * partners (core/wireguard/key-news.ts), so that whoever is active next goes on where the last one was.
 */
import { readFileSync } from 'node:fs';
import { formatKey } from '../../core/base/key.js';
import { TIMESTAMP_BYTES } from '../../core/wireguard/constants.js';
import {
  encodeKeyDatagrams,
  encodeKeyNews,
  type KeyNews,
  type PeerNews,
  parseKeyNews,
} from '../../core/wireguard/key-news.js';
import { compareTai64n, TimestampSource } from '../../core/wireguard/tai64n.js';
import { openTimestampStore } from '../../edge/clock/timestamps.js';
import { writeDurably } from '../../edge/file/durable.js';
import type { Logger } from './log.js';

/** Labels are reserved, stored and told for so long ahead: one write in a minute. */
const RESERVE_MS = 120_000;

export class SharedKey {
  readonly timestamps: TimestampSource;
  readonly #fileName: string;
  readonly #log: Logger;
  /** By public key. BOUNDED by the external peers of the configuration. */
  readonly #peers = new Map<string, PeerNews>();
  #stored: Uint8Array;

  /** Reads what is known from `stateDir`. Throws TS_CLOCK_STORE. */
  constructor(stateDir: string, log: Logger) {
    this.#log = log;
    this.#fileName = `${stateDir}/external-peers`;
    this.timestamps = new TimestampSource(openTimestampStore(`${stateDir}/cluster-tai64n`), RESERVE_MS);
    this.#stored = this.#read();
    for (const peer of parseKeyNews(this.#stored)?.peers ?? []) {
      this.#peers.set(formatKey(peer.publicKey), peer);
    }
  }

  /** Remembers these peers and no other. */
  keepOnly(publicKeys: readonly Uint8Array[]): void {
    const kept = publicKeys.map((publicKey) => {
      const nothing = { publicKey, newest: new Uint8Array(TIMESTAMP_BYTES), endpoint: undefined };
      return [formatKey(publicKey), this.get(publicKey) ?? nothing] as const;
    });
    this.#peers.clear();
    for (const [key, peer] of kept) this.#peers.set(key, peer);
  }

  get(publicKey: Uint8Array): PeerNews | undefined {
    return this.#peers.get(formatKey(publicKey));
  }

  /**
   * Takes a label and a place of a peer that is remembered; an older label and an unknown place change nothing. Returns
   * whether anything is new.
   */
  note({ publicKey, newest, endpoint }: PeerNews): boolean {
    const known = this.get(publicKey);
    if (known === undefined) return false;
    const newer = compareTai64n(newest, known.newest) > 0;
    const moved = endpoint !== undefined && !isSamePlace(endpoint, known.endpoint);
    if (!newer && !moved) return false;
    this.#peers.set(formatKey(publicKey), {
      publicKey,
      newest: newer ? newest.slice() : known.newest,
      endpoint: moved ? endpoint : known.endpoint,
    });
    return true;
  }

  /** What partners are to be told. */
  datagrams(): Uint8Array[] {
    return encodeKeyDatagrams(this.#news());
  }

  /** Writes the file where anything has changed. */
  store(): void {
    const bytes = encodeKeyNews(this.#news());
    if (Buffer.compare(bytes, this.#stored) === 0) return;
    this.#stored = bytes;
    try {
      writeDurably(this.#fileName, bytes);
    } catch (error) {
      this.#log.error({ event: 'external-peers-not-stored', reason: String(error) });
    }
  }

  #news(): KeyNews {
    return { sent: this.timestamps.reserved, peers: [...this.#peers.values()] };
  }

  /** The file; nothing where there is none or it cannot be read. */
  #read(): Uint8Array {
    try {
      return readFileSync(this.#fileName);
    } catch {
      return new Uint8Array(0);
    }
  }
}

function isSamePlace(a: NonNullable<PeerNews['endpoint']>, b: PeerNews['endpoint']): boolean {
  return b !== undefined && a.port === b.port && Buffer.compare(a.address, b.address) === 0;
}
