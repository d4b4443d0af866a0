/**
 * A bounded ring of records between two threads: one producer, one consumer, no lock. It carries what leaves the
 * packet path (handshakes, packets to our own control address, "this peer roamed") from a worker to the control
 * thread, and packets to be sealed the other way. A full ring refuses: the producer counts the loss.
 *
 * Memory: 4 Int32 (head, tail, and two spare words that keep the data aligned), then `capacity` bytes. A record is
 * four Int32 — total bytes, type, and two arguments — followed by its payload, padded to 4. A record never wraps: a
 * total of −1 tells the consumer to go back to the start. Head and tail only grow (modulo 2^32), positions are taken
 * modulo capacity, which is a power of two. A record takes at most half of it.
 */
import { assert } from './assert.js';

const HEAD = 0;
const TAIL = 1;
const CONTROL_WORDS = 4;
const HEADER_WORDS = 4;
const WRAP = -1;

export class Ring {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;

  /** Fields of the record that `next` has found; valid until `release`. */
  type = 0;
  argument = 0;
  argument2 = 0;
  payload: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    const capacity = buffer.byteLength - CONTROL_WORDS * 4;
    assert(capacity >= 64 && (capacity & (capacity - 1)) === 0, 'ring capacity is a power of two');
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer, CONTROL_WORDS * 4);
    this.#mask = capacity - 1;
    this.payload = this.#bytes.subarray(0, 0);
  }

  /** A ring of `capacity` bytes, a power of two. */
  static create(capacity: number): Ring {
    return new Ring(new SharedArrayBuffer(capacity + CONTROL_WORDS * 4));
  }

  /**
   * Producer: appends a record whose payload is `length` bytes of `source` from `offset`, after `prefixLength` bytes
   * of `prefix` (an endpoint record, say). Returns false when there is no room.
   */
  push(
    type: number,
    argument: number,
    argument2: number,
    source: Uint8Array,
    offset: number,
    length: number,
    prefix: Uint8Array = source,
    prefixOffset = 0,
    prefixLength = 0,
  ): boolean {
    const need = HEADER_WORDS * 4 + ((prefixLength + length + 3) & ~3);
    const capacity = this.#mask + 1;
    const head = Atomics.load(this.#words, HEAD);
    let tail = this.#words[TAIL];
    let at = tail & this.#mask;
    const skip = capacity - at < need ? capacity - at : 0;
    if (need + skip > capacity - ((tail - head) >>> 0)) return false;
    if (skip > 0) {
      this.#words[CONTROL_WORDS + (at >> 2)] = WRAP;
      tail = (tail + skip) | 0;
      at = 0;
    }
    const word = CONTROL_WORDS + (at >> 2);
    this.#words[word] = prefixLength + length;
    this.#words[word + 1] = type;
    this.#words[word + 2] = argument;
    this.#words[word + 3] = argument2;
    const data = at + HEADER_WORDS * 4;
    for (let i = 0; i < prefixLength; i++) this.#bytes[data + i] = prefix[prefixOffset + i];
    for (let i = 0; i < length; i++) this.#bytes[data + prefixLength + i] = source[offset + i];
    Atomics.store(this.#words, TAIL, (tail + need) | 0);
    return true;
  }

  /** Either side: whether a record waits to be taken. */
  get waiting(): boolean {
    return Atomics.load(this.#words, HEAD) !== Atomics.load(this.#words, TAIL);
  }

  /** Consumer: whether a record is there; its fields are in `type`, `argument`, `argument2`, `payload`. */
  next(): boolean {
    let head = this.#words[HEAD];
    if (head === Atomics.load(this.#words, TAIL)) return false;
    let at = head & this.#mask;
    if (this.#words[CONTROL_WORDS + (at >> 2)] === WRAP) {
      head = (head + (this.#mask + 1 - at)) | 0;
      Atomics.store(this.#words, HEAD, head);
      at = 0;
    }
    const word = CONTROL_WORDS + (at >> 2);
    this.type = this.#words[word + 1];
    this.argument = this.#words[word + 2];
    this.argument2 = this.#words[word + 3];
    const data = at + HEADER_WORDS * 4;
    this.payload = this.#bytes.subarray(data, data + this.#words[word]);
    return true;
  }

  /** Consumer: gives the record's room back; `payload` must not be used afterwards. */
  release(): void {
    const head = this.#words[HEAD];
    const length = this.#words[CONTROL_WORDS + ((head & this.#mask) >> 2)];
    Atomics.store(this.#words, HEAD, (head + HEADER_WORDS * 4 + ((length + 3) & ~3)) | 0);
  }
}
