/**
 * Who owns which session slot, and under which index. An index is (random bits << SLOT_BITS) | slot. Free slots queue
 * up, and each rests for SLOT_REST_MS before it is taken again, so a worker that still holds rows of the former session
 * cannot take them for the new one. BOUNDED by the table's capacity.
 */
import { assert } from '../base/assert.js';
import { SLOT_REST_MS } from './constants.js';
import type { Crypto } from './crypto.js';
import { SLOT_BITS, SLOT_MASK } from './tables.js';

/** Slots that `peers` peers need: previous, current, next, two being made and one retired each, and some at rest. */
export function sessionCapacityFor(peers: number): number {
  return Math.min(6 * peers + 256, SLOT_MASK + 1);
}

export class Slots {
  readonly #crypto: Crypto;
  readonly #free: Int32Array;
  readonly #restedAtMs: Float64Array;
  readonly #index: Uint32Array;
  readonly #owner: Int32Array;
  #head = 0;
  #count: number;

  constructor(crypto: Crypto, capacity: number) {
    assert(capacity <= SLOT_MASK + 1, 'a session index has room for 65536 slots');
    this.#crypto = crypto;
    this.#free = Int32Array.from({ length: capacity }, (_, slot) => slot);
    this.#restedAtMs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
    this.#index = new Uint32Array(capacity);
    this.#owner = new Int32Array(capacity).fill(-1);
    this.#count = capacity;
  }

  /** Takes the slot that has been free longest, with a new index; −1 if none has rested. */
  allocate(owner: number, now: number): number {
    if (this.#count === 0 || this.#restedAtMs[this.#free[this.#head]] > now) return -1;
    const slot = this.#free[this.#head];
    this.#head = (this.#head + 1) % this.#free.length;
    this.#count--;
    this.#owner[slot] = owner;
    this.renew(slot);
    return slot;
  }

  /** Gives a slot that was never published another index. */
  renew(slot: number): void {
    const before = this.#index[slot];
    do {
      const random = this.#crypto.randomBytes(2);
      this.#index[slot] = (((random[0] << 8) | random[1]) << SLOT_BITS) | slot;
    } while (this.#index[slot] === 0 || this.#index[slot] === before);
  }

  /** Gives a slot back. */
  release(slot: number, now: number): void {
    assert(this.#owner[slot] >= 0, 'a free session slot was released');
    this.#owner[slot] = -1;
    this.#restedAtMs[slot] = now + SLOT_REST_MS;
    this.#free[(this.#head + this.#count) % this.#free.length] = slot;
    this.#count++;
  }

  /** The index of a taken slot. */
  indexOf(slot: number): number {
    return this.#index[slot];
  }

  /** The owner (peer) of an index; −1 if no slot has it now. */
  ownerOf(index: number): number {
    const slot = index & SLOT_MASK;
    return slot < this.#index.length && this.#index[slot] === index ? this.#owner[slot] : -1;
  }
}
