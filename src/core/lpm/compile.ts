/**
 * Compiles prefixes to the table of lookup.ts. Prefixes are sorted by address and length, so that the ones inside any
 * region are neighbours and a covering prefix stands before those it covers; each node is then built from one slice.
 * Nothing is kept from an earlier table. Cost is O(n) for n prefixes.
 */
import { assert } from '../base/assert.js';
import type { Family, Prefix } from '../base/prefix.js';
import {
  FAMILY_BITS,
  FAMILY_DIRECT,
  FAMILY_FALLBACK,
  FAMILY_PATTERN,
  FAMILY_SHIFT_MAX,
  FAMILY_SKIP,
  HEADER_FAMILY4,
  HEADER_FAMILY6,
  HEADER_SIZE,
  HEADER_WORDS,
  LOOKUP_MAGIC,
  NODE_CHILDREN,
  NODE_LEAF_VECTOR,
  NODE_LEAVES,
  NODE_PATTERN,
  NODE_SKIP,
  NODE_VECTOR,
  NODE_WORDS,
  SINGLE_FALLBACK,
  SINGLE_LENGTH,
  SINGLE_LENGTH_MAX,
  SINGLE_MARK,
  SINGLE_PATTERN,
  SINGLE_WORDS,
  SKIP_MAX,
  SKIP_SHIFT,
  STRIDE,
  VALUE_MAX,
} from './layout.js';
import { OrderedPrefixes } from './order.js';

/** A prefix and the number (0 … 2^26 − 2) that a lookup inside it answers. */
export interface LookupEntry {
  readonly prefix: Prefix;
  readonly value: number;
}

/** 4 MiB. The Poptrie paper takes 2^18 for full IPv4 tables; a million IPv6 routes gain from two bits more. */
const DIRECT_BITS_MAX = 20;

/** A table of its own, to share with workers. Of a prefix that is given twice the last one counts. */
export function compileLookup(entries: Iterable<LookupEntry>): SharedArrayBuffer {
  const words = buildLookup(entries);
  const buffer = new SharedArrayBuffer(words.byteLength);
  new Int32Array(buffer).set(words);
  return buffer;
}

/** The same table as words, to be placed in a larger buffer. */
export function buildLookup(entries: Iterable<LookupEntry>): Int32Array {
  const four: LookupEntry[] = [];
  const six: LookupEntry[] = [];
  for (const entry of entries) {
    assert(entry.value >= 0 && entry.value <= VALUE_MAX, 'a lookup value is out of range');
    (entry.prefix.family === 4 ? four : six).push(entry);
  }
  const table = new GrowingTable();
  const header = table.take(HEADER_WORDS);
  new FamilyBuilder(table, 4, four).buildFamily(header + HEADER_FAMILY4);
  new FamilyBuilder(table, 6, six).buildFamily(header + HEADER_FAMILY6);
  table.words[header] = LOOKUP_MAGIC;
  table.words[header + HEADER_SIZE] = table.used;
  return table.words.subarray(0, table.used);
}

/** About four direct slots a prefix: small networks get small tables, and most lookups end at the first word. */
function directBitsFor(count: number): number {
  return Math.min(DIRECT_BITS_MAX, 34 - Math.clz32(count));
}

/** Words that grow by doubling; `words` is a new array after each `take`. */
class GrowingTable {
  words = new Int32Array(1024);
  used = 0;

  take(count: number): number {
    const at = this.used;
    this.used += count;
    if (this.used > this.words.length) {
      const grown = new Int32Array(Math.max(this.used, this.words.length * 2));
      grown.set(this.words);
      this.words = grown;
    }
    return at;
  }

  /** Room for `count` neighbours of `words` words (4 or 8), none of which lies across two cache lines. */
  takeAligned(words: number, count: number): number {
    this.used = Math.ceil(this.used / words) * words;
    return this.take(count * words);
  }
}

/** The 2^n slots of one node or direct table, each with the value and the slice of longer prefixes in it. */
interface Slots {
  /** Value + 1 of the longest prefix that covers the whole slot, 0 = none. */
  readonly value: Int32Array;
  /** First index, and the one after the last, of the prefixes strictly inside the slot. */
  readonly first: Int32Array;
  readonly end: Int32Array;
}

/** Builds the tables of one family. `depth` counts bits from the top of the address; values are kept as value + 1. */
class FamilyBuilder {
  private readonly table: GrowingTable;
  private readonly count: number;
  /** Words of an address. */
  private readonly stride: number;
  /** Address words, `stride` each, length and value + 1, in order. */
  private readonly keys: Int32Array;
  private readonly lengths: Uint8Array;
  private readonly values: Int32Array;
  /** Slots by level of recursion, reused. */
  private readonly scratch: Slots[] = [];

  constructor(table: GrowingTable, family: Family, entries: readonly LookupEntry[]) {
    const ordered = new OrderedPrefixes(
      family,
      entries.map((entry) => entry.prefix),
    );
    this.table = table;
    this.count = entries.length;
    this.stride = ordered.stride;
    this.keys = ordered.keys;
    this.lengths = ordered.lengths;
    this.values = new Int32Array(entries.length);
    for (let i = 0; i < entries.length; i++) this.values[i] = entries[ordered.order[i]].value + 1;
  }

  /** Builds the whole family and describes it in the header at `header`. */
  buildFamily(header: number): void {
    const bits = directBitsFor(this.count);
    let first = 0;
    let fallback = 0;
    while (first < this.count && this.lengths[first] === 0) fallback = this.values[first++];
    const shared = first < this.count ? this.sameBits(first, this.count) : 0;
    const words = this.stride === 1 ? 0 : shared >> 5;
    const skip = words * 32 + Math.min(FAMILY_SHIFT_MAX - bits, shared - words * 32);
    const pattern = this.keys.slice(first * this.stride, (first + 1) * this.stride);
    const at = this.table.take(1 << bits);
    const slots = newSlots(1 << bits);
    this.divide(slots, first, this.count, skip, bits, fallback);
    this.buildSingles(at, slots, skip + bits);
    for (let slot = 0; slot < 1 << bits; slot++) {
      const start = slots.first[slot];
      const end = slots.end[slot];
      if (start === end) this.table.words[at + slot] = ~slots.value[slot];
      if (start === end || this.isSingle(start, end, skip + bits)) continue;
      const node = this.table.takeAligned(NODE_WORDS, 1);
      this.table.words[at + slot] = node;
      this.buildNode(node, start, end, skip + bits, slots.value[slot], 0);
    }
    const table = this.table.words;
    table[header + FAMILY_BITS] = bits;
    table[header + FAMILY_DIRECT] = at;
    table[header + FAMILY_SKIP] = skip;
    table[header + FAMILY_FALLBACK] = fallback;
    table.set(pattern, header + FAMILY_PATTERN);
  }

  /** Whether prefixes first … end − 1, all longer than `depth`, are one that a single can hold. */
  private isSingle(first: number, end: number, depth: number): boolean {
    return end - first === 1 && this.lengths[first] - depth <= SINGLE_LENGTH_MAX;
  }

  /** Writes the slots of the direct table at `at` that hold one longer prefix; the singles stand side by side. */
  private buildSingles(at: number, slots: Slots, depth: number): void {
    for (let slot = 0; slot < slots.first.length; slot++) {
      const index = slots.first[slot];
      if (!this.isSingle(index, slots.end[slot], depth)) continue;
      const single = this.table.takeAligned(SINGLE_WORDS, 1);
      const words = this.table.words;
      words[at + slot] = single + SINGLE_MARK;
      words[single + SINGLE_PATTERN] = this.bitsFrom(index, depth);
      words[single + SINGLE_PATTERN + 1] = this.bitsFrom(index, depth + 32);
      words[single + SINGLE_LENGTH] = ((this.lengths[index] - depth - 1) << SKIP_SHIFT) | this.values[index];
      words[single + SINGLE_FALLBACK] = slots.value[slot];
    }
  }

  /** Fills the node at `at` for prefixes first … end − 1, all longer than `depth`, in a region worth `inherited`. */
  private buildNode(
    at: number,
    first: number,
    end: number,
    depth: number,
    inherited: number,
    level: number,
  ): void {
    const skip = Math.min(SKIP_MAX, this.sameBits(first, end) - depth);
    const words = this.table.words;
    words[at + NODE_PATTERN] = this.bitsFrom(first, depth);
    words[at + NODE_SKIP] = (skip << SKIP_SHIFT) | inherited;
    this.scratch[level] ??= newSlots(1 << STRIDE);
    const slots = this.scratch[level];
    this.divide(slots, first, end, depth + skip, STRIDE, inherited);
    this.writeLeaves(at, slots);
    this.writeChildren(at, slots, depth + skip + STRIDE, level);
  }

  /** Divides prefixes first … end − 1, all in one region at `depth` or as long, among 2^bits slots worth `value`. */
  private divide(slots: Slots, first: number, end: number, depth: number, bits: number, value: number): void {
    slots.value.fill(value);
    slots.first.fill(0);
    slots.end.fill(0);
    const deeper = depth + bits;
    for (let i = first; i < end; i++) {
      const slot = this.bitsFrom(i, depth) >>> (32 - bits);
      const length = this.lengths[i];
      if (length <= deeper) {
        // Covering prefixes come first in the order, so a longer one overwrites.
        slots.value.fill(this.values[i], slot, slot + (1 << (deeper - length)));
      } else {
        if (slots.first[slot] === slots.end[slot]) slots.first[slot] = i;
        slots.end[slot] = i + 1;
      }
    }
  }

  private writeLeaves(at: number, slots: Slots): void {
    let runs = 0;
    let last = -1;
    const vector = [0, 0];
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      if (slots.first[slot] !== slots.end[slot] || slots.value[slot] === last) continue;
      last = slots.value[slot];
      vector[slot >> 5] |= 1 << (slot & 31);
      runs++;
    }
    const inNode = runs <= 1;
    const leaves = inNode ? ~Math.max(last, 0) : this.table.take(runs);
    const words = this.table.words;
    words[at + NODE_LEAVES] = leaves;
    words[at + NODE_LEAF_VECTOR] = vector[0];
    words[at + NODE_LEAF_VECTOR + 1] = vector[1];
    if (inNode) return;
    let run = 0;
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      if (((vector[slot >> 5] >>> (slot & 31)) & 1) !== 0) words[leaves + run++] = slots.value[slot] - 1;
    }
  }

  private writeChildren(at: number, slots: Slots, depth: number, level: number): void {
    let children = 0;
    const vector = [0, 0];
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      if (slots.first[slot] === slots.end[slot]) continue;
      vector[slot >> 5] |= 1 << (slot & 31);
      children++;
    }
    let node = this.table.takeAligned(NODE_WORDS, children);
    this.table.words[at + NODE_CHILDREN] = node;
    this.table.words[at + NODE_VECTOR] = vector[0];
    this.table.words[at + NODE_VECTOR + 1] = vector[1];
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      if (slots.first[slot] === slots.end[slot]) continue;
      this.buildNode(node, slots.first[slot], slots.end[slot], depth, slots.value[slot], level + 1);
      node += NODE_WORDS;
    }
  }

  /** The 32 address bits from `depth` on, zero beyond the end. */
  private bitsFrom(index: number, depth: number): number {
    const word = depth >> 5;
    if (word >= this.stride) return 0;
    const at = index * this.stride + word;
    const next = word + 1 < this.stride ? this.keys[at + 1] : 0;
    const shift = depth & 31;
    return (this.keys[at] << shift) | ((next >>> 1) >>> (31 - shift));
  }

  /** Bits that prefixes first … end − 1 have and share. */
  private sameBits(first: number, end: number): number {
    const { stride } = this;
    let shared = stride * 32;
    for (let w = 0; w < stride && shared === stride * 32; w++) {
      const difference = this.keys[first * stride + w] ^ this.keys[(end - 1) * stride + w];
      if (difference !== 0) shared = w * 32 + Math.clz32(difference);
    }
    for (let i = first; i < end; i++) shared = Math.min(shared, this.lengths[i]);
    return shared;
  }
}

function newSlots(count: number): Slots {
  return { value: new Int32Array(count), first: new Int32Array(count), end: new Int32Array(count) };
}
