/**
 * TAI64N labels for initiations (paper, 5.1): a responder refuses an initiation whose label is not greater than the
 * greatest it has seen from that key. So a label must never go back: not when the wall clock is set back, and not
 * across a restart, or the node stays locked out until its clock has caught up.
 *
 * The source keeps the last label in a store. It writes ahead: what is stored is a little in the future, so that not
 * every handshake writes, and after a crash labels go on from there. A store that cannot be written does not stop
 * handshakes, since that would lock the node out at once; it is reported instead.
 */
import { TIMESTAMP_BYTES } from './constants.js';

/** TAI64 of the Unix epoch, with the ten leap seconds that all WireGuard implementations count. */
const EPOCH = 0x4000_0000_0000_000an;
const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** The clock is shown to 2^24 ns (16.8 ms) only, so that labels do not tell a fine clock to an observer. */
const WHITENING_NS = 1n << 24n;
const RESERVE_NS = 10n * NS_PER_SECOND;
/** Labels from here on (year 2554) are taken for garbage in a store. */
const LATEST_NS = 1n << 64n;

/** Where the last label is kept. */
export interface TimestampStore {
  /** The stored label; undefined where none was ever stored; any other length where the content is damaged. */
  load(): Uint8Array | undefined;
  /** Stores a label (12 bytes) so that it survives a crash; throws where it cannot. */
  save(label: Uint8Array): void;
}

/** The label of a time in nanoseconds since the Unix epoch. */
export function encodeTai64n(unixNs: bigint): Uint8Array {
  const label = new Uint8Array(TIMESTAMP_BYTES);
  const view = new DataView(label.buffer);
  view.setBigUint64(0, EPOCH + unixNs / NS_PER_SECOND);
  view.setUint32(8, Number(unixNs % NS_PER_SECOND));
  return label;
}

/** Nanoseconds since the Unix epoch of a label; undefined where it is none. */
export function parseTai64n(label: Uint8Array): bigint | undefined {
  if (label.length !== TIMESTAMP_BYTES) return undefined;
  const view = new DataView(label.buffer, label.byteOffset, TIMESTAMP_BYTES);
  const seconds = view.getBigUint64(0) - EPOCH;
  const nanoseconds = BigInt(view.getUint32(8));
  const unixNs = seconds * NS_PER_SECOND + nanoseconds;
  return seconds < 0n || nanoseconds >= NS_PER_SECOND || unixNs >= LATEST_NS ? undefined : unixNs;
}

/** Less than, equal to or greater than 0 as label `a` is before, the same as or after `b`. */
export function compareTai64n(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TIMESTAMP_BYTES; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** Strictly increasing labels. */
export class TimestampSource {
  /** What the store held: a label, nothing, or something that is none (then we go by the wall clock). */
  readonly stored: 'label' | 'nothing' | 'damaged';
  /** Why the last label could not be stored; undefined while all is well. */
  storeError: unknown;
  readonly #store: TimestampStore;
  #lastNs: bigint;
  #reservedNs: bigint;

  /** Reads the store; throws what it throws. */
  constructor(store: TimestampStore) {
    this.#store = store;
    const label = store.load();
    const unixNs = label === undefined ? undefined : parseTai64n(label);
    this.stored = label === undefined ? 'nothing' : unixNs === undefined ? 'damaged' : 'label';
    this.#lastNs = unixNs ?? 0n;
    this.#reservedNs = this.#lastNs;
  }

  /** The next label at wall-clock time `unixMs`: that time, or one nanosecond after the last label if that is later. */
  next(unixMs: number): Uint8Array {
    const wallNs = BigInt(Math.max(0, Math.floor(unixMs))) * NS_PER_MS;
    const whitenedNs = wallNs - (wallNs % WHITENING_NS);
    this.#lastNs = whitenedNs > this.#lastNs ? whitenedNs : this.#lastNs + 1n;
    if (this.#lastNs > this.#reservedNs) this.#reserve(this.#lastNs + RESERVE_NS);
    return encodeTai64n(this.#lastNs);
  }

  /** Stores the last label exactly, at the end of a run. */
  close(): void {
    if (this.#lastNs < this.#reservedNs) this.#reserve(this.#lastNs);
  }

  #reserve(untilNs: bigint): void {
    try {
      this.#store.save(encodeTai64n(untilNs));
      this.#reservedNs = untilNs;
      this.storeError = undefined;
    } catch (error) {
      this.storeError = error;
    }
  }
}

/** A store that forgets at the end of the process, for tests and the lab. */
export class MemoryTimestampStore implements TimestampStore {
  label: Uint8Array | undefined;

  load(): Uint8Array | undefined {
    return this.label;
  }

  save(label: Uint8Array): void {
    this.label = new Uint8Array(label);
  }
}
