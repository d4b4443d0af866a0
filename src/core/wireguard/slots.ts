/**
 * Who owns which session slot, and under which index. An index is (random bits << SLOT_BITS) | slot. Free slots queue
 * up, and each rests for SLOT_REST_MS before it is taken again, so a worker that still holds rows of the former session
 * cannot take them for the new one. BOUNDED by the table's capacity.
 *
 * Where several workers share the sockets each peer is owned by one of them, which opens all that the peer sends: one
 * writer for its replay windows, and its packets in their order. A peer's slots are its owner's number modulo the number of
 * workers, so whoever looks at a message's receiver index, the kernel too, knows the owner (edge/udp/steering.ts).
 */
import { assert } from '../base/assert.js';
import { SLOT_REST_MS } from './constants.js';
import type { Crypto } from './crypto.js';
import { SLOT_BITS, SLOT_MASK } from './tables.js';

/** The worker that opens what `peer` sends; the same of one of its session slots. */
export function workerOf(peerOrSlot: number, workers: number): number {
  return peerOrSlot % workers;
}

/** A queue of the slots of one worker that nobody has. */
class FreeSlots {
  readonly #slots: Int32Array;
  #head = 0;
  #count: number;

  constructor(worker: number, capacity: number, workers: number) {
    const length = Math.max(0, Math.ceil((capacity - worker) / workers));
    this.#slots = Int32Array.from({ length }, (_, place) => worker + place * workers);
    this.#count = length;
  }

  /** The one that has been free longest, −1 if there is none. */
  get first(): number {
    return this.#count === 0 ? -1 : this.#slots[this.#head];
  }

  take(): void {
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#count--;
  }

  give(slot: number): void {
    this.#slots[(this.#head + this.#count) % this.#slots.length] = slot;
    this.#count++;
  }
}

/** Peers of which each may hold as many sessions as a peer ever does. */
const GENEROUS_PEERS = 256;
const SPARE_SLOTS = 64;

/**
 * Slots for `peers` peers, who share them, each those of its worker. One alone may need previous, current, next, two being made and a retired one. Many
 * peers never do all at once: two each as a rule, three for the seconds after a renewal that came to all at the same
 * time. Where a slot is missing a handshake is not answered and is repeated later, on a session that still lives.
 */
export function sessionCapacityFor(peers: number, workers = 1): number {
  const share = Math.ceil(peers / workers);
  const capacity = 3 * share + 3 * Math.min(share, GENEROUS_PEERS) + SPARE_SLOTS;
  return Math.min(capacity * workers, SLOT_MASK + 1);
}

export class Slots {
  readonly #crypto: Crypto;
  /** By worker. */
  readonly #free: readonly FreeSlots[];
  readonly #restedAtMs: Float64Array;
  readonly #index: Uint32Array;
  readonly #owner: Int32Array;

  constructor(crypto: Crypto, capacity: number, workers = 1) {
    assert(capacity <= SLOT_MASK + 1, 'a session index has room for 65536 slots');
    this.#crypto = crypto;
    this.#free = Array.from({ length: workers }, (_, worker) => new FreeSlots(worker, capacity, workers));
    this.#restedAtMs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
    this.#index = new Uint32Array(capacity);
    this.#owner = new Int32Array(capacity).fill(-1);
  }

  /** Takes the slot of the peer's worker that has been free longest, with a new index; −1 if none has rested. */
  allocate(peer: number, now: number): number {
    const free = this.#free[workerOf(peer, this.#free.length)];
    const slot = free.first;
    if (slot < 0 || this.#restedAtMs[slot] > now) return -1;
    free.take();
    this.#owner[slot] = peer;
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
    this.#free[workerOf(slot, this.#free.length)].give(slot);
  }

  /** The index of a taken slot. */
  indexOf(slot: number): number {
    return this.#index[slot];
  }

  /** The peer of an index; −1 if no slot has it now. */
  ownerOf(index: number): number {
    const slot = index & SLOT_MASK;
    return slot < this.#index.length && this.#index[slot] === index ? this.#owner[slot] : -1;
  }
}
