/**
 * TAI64N labels for initiations (paper, 5.1): a responder refuses an initiation whose label is not greater than the
 * greatest it has seen from that key. So a label must never go back: not when the wall clock is set back, and not
 * across a restart, or the node stays locked out until its clock has caught up.
 *
 * The source keeps the last label in a store. It writes ahead: what is stored is a little in the future, so that not
 * every handshake writes, and after a crash labels go on from there. A store that cannot be written does not stop
 * handshakes, since that would lock the node out at once; it is reported instead.
 *
 * A key that several nodes hold in turn needs labels that rise from one to the next, whatever their clocks say. Each tells
 * the others up to where it may have gone (reserveAhead: stored and told before it is used), and goes beyond what it was
 * told (raise). It tells of its own labels alone: an echo of what it was told would drive both ever further into the
 * future.
 */
import { TIMESTAMP_BYTES } from './constants.js';

/** TAI64 of the Unix epoch, with the ten leap seconds that all WireGuard implementations count. */
const EPOCH = 0x4000_0000_0000_000an;
const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** The clock is shown to 2^24 ns (16.8 ms) only, so that labels do not tell a fine clock to an observer. */
const WHITENING_NS = 1n << 24n;
const RESERVE_MS = 10_000;
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

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Strictly increasing labels. */
export class TimestampSource {
  /** What the store held: a label, nothing, or something that is none (then we go by the wall clock). */
  readonly stored: 'label' | 'nothing' | 'damaged';
  /** Why the last label could not be stored; undefined while all is well. */
  storeError: unknown;
  readonly #store: TimestampStore;
  readonly #reserveNs: bigint;
  #lastNs: bigint;
  /** Our labels stay at or below this until more is reserved. */
  #reservedNs: bigint;
  /** Greatest label that another holder of the key may have used. */
  #floorNs = 0n;
  #storedNs: bigint;

  /** Reads the store; throws what it throws. It is written to when `reserveMs` are used up. */
  constructor(store: TimestampStore, reserveMs = RESERVE_MS) {
    this.#store = store;
    this.#reserveNs = BigInt(reserveMs) * NS_PER_MS;
    const label = store.load();
    const unixNs = label === undefined ? undefined : parseTai64n(label);
    this.stored = label === undefined ? 'nothing' : unixNs === undefined ? 'damaged' : 'label';
    this.#lastNs = unixNs ?? 0n;
    this.#reservedNs = this.#lastNs;
    this.#storedNs = this.#lastNs;
  }

  /** The next label at wall-clock time `unixMs`: that time, or one nanosecond after the last label if that is later. */
  next(unixMs: number): Uint8Array {
    this.#lastNs = this.#nextNs(unixMs);
    if (this.#lastNs > this.#reservedNs) this.#reserve(this.#lastNs + this.#reserveNs);
    return encodeTai64n(this.#lastNs);
  }

  /** Another holder of the key may have used labels up to this one (stored, too); anything that is no label is ignored. */
  raise(label: Uint8Array): void {
    const unixNs = parseTai64n(label);
    if (unixNs === undefined || unixNs <= this.#floorNs) return;
    this.#floorNs = unixNs;
    if (unixNs > this.#storedNs) this.#save(unixNs);
  }

  /** Reserves labels for a while, if they are running out. Returns the one up to which we may go: tell it to others. */
  reserveAhead(unixMs: number): Uint8Array {
    const nextNs = this.#nextNs(unixMs);
    const enoughNs = nextNs + this.#reserveNs / 2n;
    if (enoughNs > this.#reservedNs) this.#reserve(nextNs + this.#reserveNs);
    return encodeTai64n(greatest(enoughNs, this.#reservedNs));
  }

  /** The label up to which we have gone, or may have. */
  get reserved(): Uint8Array {
    return encodeTai64n(greatest(this.#lastNs, this.#reservedNs));
  }

  /** Stores the last label exactly, at the end of a run. */
  close(): void {
    const lastNs = greatest(this.#lastNs, this.#floorNs);
    if (lastNs !== this.#storedNs) this.#save(lastNs);
  }

  #nextNs(unixMs: number): bigint {
    const wallNs = BigInt(Math.max(0, Math.floor(unixMs))) * NS_PER_MS;
    const whitenedNs = wallNs - (wallNs % WHITENING_NS);
    const takenNs = greatest(this.#lastNs, this.#floorNs);
    return whitenedNs > takenNs ? whitenedNs : takenNs + 1n;
  }

  #reserve(untilNs: bigint): void {
    if (this.#save(untilNs)) this.#reservedNs = untilNs;
  }

  #save(untilNs: bigint): boolean {
    try {
      this.#store.save(encodeTai64n(untilNs));
      this.#storedNs = untilNs;
      this.storeError = undefined;
      return true;
    } catch (error) {
      this.storeError = error;
      return false;
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
