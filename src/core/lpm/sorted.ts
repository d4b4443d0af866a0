/**
 * The prefixes of one family in order (order.ts), each with its value, in flat arrays that take more: what a table is
 * compiled from, and what the control thread keeps to edit it later. Insertion moves what follows: some megabytes for a
 * million prefixes, one or two milliseconds, and no pointer for each prefix.
 */
import type { Family, Prefix } from '../base/prefix.js';
import { wordAt } from '../base/prefix.js';
import { OrderedPrefixes } from './order.js';

export class SortedPrefixes {
  readonly family: Family;
  /** Words of an address: 1 or 4. */
  readonly stride: number;
  count: number;
  /** Address words (signed), `stride` each, lengths and values, in order. */
  keys: Int32Array;
  lengths: Uint8Array;
  values: Int32Array;

  /** Of the prefixes in order those at `places` (ascending), with their values. */
  constructor(ordered: OrderedPrefixes, places: Int32Array, values: Int32Array) {
    const { family, stride } = ordered;
    this.family = family;
    this.stride = stride;
    this.count = places.length;
    this.keys = new Int32Array(places.length * stride);
    this.lengths = new Uint8Array(places.length);
    this.values = values;
    for (let at = 0; at < places.length; at++) {
      const from = places[at];
      for (let w = 0; w < stride; w++) this.keys[at * stride + w] = ordered.keys[from * stride + w];
      this.lengths[at] = ordered.lengths[from];
    }
  }

  /** All `prefixes`, with `values` by place in that list. Equal ones keep their order. */
  static of(family: Family, prefixes: readonly Prefix[], values: ArrayLike<number>): SortedPrefixes {
    const ordered = new OrderedPrefixes(family, prefixes);
    const places = new Int32Array(ordered.count).map((_, place) => place);
    return new SortedPrefixes(
      ordered,
      places,
      Int32Array.from(ordered.order, (from) => values[from]),
    );
  }

  /** Place of the prefix of address words `key` and `length`, or −1 where it is not. */
  find(key: Int32Array, length: number): number {
    const place = this.after(key, length, this.count) - 1;
    if (place < 0 || this.lengths[place] !== length) return -1;
    return this.compare(place, key, this.stride * 32) === 0 ? place : -1;
  }

  /** First place whose first `bits` bits are not below those of `key`. */
  lowerBound(key: Int32Array, bits: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(middle, key, bits) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** First place whose first `bits` bits are above those of `key`: the end of what lies in that region. */
  upperBound(key: Int32Array, bits: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(middle, key, bits) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Value of the longest prefix shorter than `length` that covers `key`, or −1. */
  coveringValue(key: Int32Array, length: number): number {
    const shorter = new Int32Array(this.stride);
    for (let bits = length - 1; bits >= 0; bits--) {
      for (let w = 0; w < this.stride; w++) shorter[w] = key[w] & maskOf(bits - w * 32);
      const place = this.find(shorter, bits);
      if (place >= 0) return this.values[place];
    }
    return -1;
  }

  /** Inserts prefixes that are not there yet, given in order; of each the address words, length and value. */
  insert(
    fresh: readonly { readonly key: Int32Array; readonly length: number; readonly value: number }[],
  ): void {
    const { stride } = this;
    const total = this.count + fresh.length;
    this.#makeRoom(total);
    let end = this.count;
    for (let k = fresh.length - 1; k >= 0; k--) {
      const { key, length, value } = fresh[k];
      const at = this.after(key, length, end);
      const to = at + k + 1;
      this.keys.copyWithin(to * stride, at * stride, end * stride);
      this.lengths.copyWithin(to, at, end);
      this.values.copyWithin(to, at, end);
      this.keys.set(key, (to - 1) * stride);
      this.lengths[to - 1] = length;
      this.values[to - 1] = value;
      end = at;
    }
    this.count = total;
  }

  /** Place after all, of those before `end`, of a lower address, or of the same and at most `length` long. */
  private after(key: Int32Array, length: number, end: number): number {
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.compare(middle, key, this.stride * 32);
      if (order < 0 || (order === 0 && this.lengths[middle] <= length)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Below, at or above 0: the first `bits` bits at a place are below, equal to or above those of `key`. */
  private compare(place: number, key: Int32Array, bits: number): number {
    for (let w = 0; w < this.stride && w * 32 < bits; w++) {
      const mask = maskOf(bits - w * 32);
      const a = (this.keys[place * this.stride + w] & mask) >>> 0;
      const b = (key[w] & mask) >>> 0;
      if (a !== b) return a < b ? -1 : 1;
    }
    return 0;
  }

  #makeRoom(total: number): void {
    if (total <= this.lengths.length) return;
    const room = total + (total >>> 4) + 64;
    this.keys = grown(new Int32Array(room * this.stride), this.keys);
    this.lengths = grown(new Uint8Array(room), this.lengths);
    this.values = grown(new Int32Array(room), this.values);
  }
}

/** The words of a prefix's address, signed. */
export function keyOf({ bytes }: Prefix): Int32Array {
  return Int32Array.from({ length: bytes.length / 4 }, (_, w) => wordAt(bytes, w * 4));
}

/** A word whose first `bits` bits are ones; `bits` may be below 0 or above 32. */
function maskOf(bits: number): number {
  return bits >= 32 ? -1 : bits <= 0 ? 0 : ~(-1 >>> bits);
}

function grown<T extends Int32Array | Uint8Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
