/**
 * Compiles the prefixes of one family to its part of the table of lookup.ts. Prefixes are sorted by address and length, so that the ones inside any
 * region are neighbours and a covering prefix stands before those it covers; each node is then built from one slice.
 * Cost is O(n) for n prefixes.
 *
 * A prefix more is added in place (`add`) while workers read: every direct slot is the root of its own subtree, so a copy
 * of the nodes on the way to the prefix is made in spare room, and one store of the slot publishes it. What lies beside
 * that way is shared with the old subtree, which is left as it is: a worker that is in it comes out with the old answer.
 */
import { assert } from '../base/assert.js';
import {
  FAMILY_BITS,
  FAMILY_DIRECT,
  FAMILY_FALLBACK,
  FAMILY_PATTERN,
  FAMILY_SHIFT_MAX,
  FAMILY_SKIP,
  MARKS,
  NODE_CHILDREN,
  NODE_LEAF_VECTOR,
  NODE_LEAVES,
  NODE_PATTERN,
  NODE_SKIP,
  NODE_VECTOR,
  NODE_WORDS,
  RUN_MARK,
  RUN_MAX,
  RUN_MORE_SHIFT,
  RUN_SHIFT,
  SINGLE_FALLBACK,
  SINGLE_LENGTH,
  SINGLE_LENGTH_MAX,
  SINGLE_MARK,
  SINGLE_PATTERN,
  SINGLE_WORDS,
  SKIP_MAX,
  SKIP_SHIFT,
  STRIDE,
  TAIL_LENGTH_MAX,
  VALUE_MASK,
  VALUE_MAX,
} from './layout.js';
import { popcount } from './popcount.js';
import { type Room, RoomError } from './room.js';
import { bitsOfKey, fillSlot, newSlots, type Slots } from './slots.js';
import type { SortedPrefixes } from './sorted.js';

/** 8 MiB. The Poptrie paper takes 2^18 for full IPv4 tables; a million routes gain from three bits more. */
const DIRECT_BITS_MAX = 21;
/** What one addition may touch: it keeps the control thread for a few milliseconds at most. */
const ADD_SLOTS_MAX = 4_096;
const ADD_PREFIXES_MAX = 16_384;
const ADD_LOOKS_MAX = 4 * ADD_PREFIXES_MAX;
/** From so many prefixes on a node finds the slots' beginnings by halving, not by looking at each. */
const HALVING_FROM = 512;

/** About four direct slots a prefix: small networks get small tables, and most lookups end at the first word. */
function directBitsFor(count: number): number {
  return Math.min(DIRECT_BITS_MAX, 34 - Math.clz32(count));
}

/** Builds the tables of one family. `depth` counts bits from the top of the address; values are kept as value + 1. */
export class FamilyBuilder {
  room: Room;
  private readonly prefixes: SortedPrefixes;
  private readonly withRecords: boolean;
  /** Direct table: its position, its bits, and the depth at which it ends. */
  private direct = 0;
  private bits = 0;
  depth = 0;
  /** Slots by level of recursion, reused. */
  private readonly scratch: Slots[] = [];
  private header = 0;
  /** The prefix that is being added: address words and length; length −1 while all is built. */
  private key: Int32Array = new Int32Array(4);
  private length = -1;
  /** Prefixes that the addition has looked at, one by one. */
  private looks = 0;

  constructor(room: Room, prefixes: SortedPrefixes, withRecords = false) {
    this.room = room;
    this.withRecords = withRecords;
    this.prefixes = prefixes;
    for (let i = 0; i < prefixes.count; i++) {
      const value = prefixes.values[i];
      assert(value >= 0 && value <= VALUE_MAX, 'a lookup value is out of range');
    }
  }

  /** Builds the whole family and describes it in the header at `header`. */
  buildFamily(header: number): void {
    const { count, keys, lengths, stride, values } = this.prefixes;
    const bits = directBitsFor(count);
    let first = 0;
    let fallback = 0;
    while (first < count && lengths[first] === 0) fallback = values[first++] + 1;
    const shared = first < count ? this.sameBits(first, count) : 0;
    const words = stride === 1 ? 0 : shared >> 5;
    const skip = words * 32 + Math.min(FAMILY_SHIFT_MAX - bits, shared - words * 32);
    this.bits = bits;
    this.depth = skip + bits;
    this.direct = this.room.take(1 << bits);
    const slots = newSlots(1 << bits);
    this.divide(slots, first, count, skip, bits, fallback);
    // Singles stand side by side, apart from the nodes.
    for (const singles of [true, false]) {
      for (let slot = 0; slot < 1 << bits; slot++) {
        const start = slots.first[slot];
        const end = slots.end[slot];
        if (this.isSingle(start, end) !== singles) continue;
        const reference = this.buildSlot(start, end, slots.value[slot], -1);
        this.room.words[this.direct + slot] = reference;
      }
    }
    const table = this.room.words;
    table[header + FAMILY_BITS] = bits;
    table[header + FAMILY_DIRECT] = this.direct;
    table[header + FAMILY_SKIP] = skip;
    table[header + FAMILY_FALLBACK] = fallback;
    table.set(keys.slice(first * stride, (first + 1) * stride), header + FAMILY_PATTERN);
    this.header = header;
  }

  /** Whether `add` would touch little enough, and the table's shape has a place for the prefix. */
  canAdd(key: Int32Array, length: number): boolean {
    const { prefixes, depth } = this;
    if (length === 0 || length < depth - this.bits) return false;
    if (!this.fitsPattern(key)) return false;
    if (length > depth) return true;
    const inside = prefixes.upperBound(key, length) - prefixes.lowerBound(key, length);
    return 1 << Math.min(30, depth - length) <= ADD_SLOTS_MAX && inside <= ADD_PREFIXES_MAX;
  }

  /** Publishes a prefix that is in the list now, slot by slot. Throws RoomError, with nothing torn. */
  add(key: Int32Array, length: number): void {
    const { prefixes, depth } = this;
    this.key = key;
    this.length = length;
    this.looks = 0;
    const base = bitsOfKey(key, 0, key.length, depth - this.bits) >>> (32 - this.bits);
    if (length > depth) {
      let first = prefixes.lowerBound(key, depth);
      const end = prefixes.upperBound(key, depth);
      while (first < end && prefixes.lengths[first] <= depth) first++;
      const old = this.room.words[this.direct + base];
      const isNode = old >= 0 && (old & MARKS) === 0;
      this.publish(base, this.buildSlot(first, end, this.valueUnder(old), isNode ? old : -1));
      return;
    }
    const place = prefixes.find(key, length);
    const value = prefixes.values[place] + 1;
    const slots = newSlots(1 << (depth - length));
    const end = prefixes.upperBound(key, length);
    if (length < depth) this.divide(slots, place + 1, end, length, depth - length, value);
    else fillSlot(slots, 0, value, place + 1, end);
    for (let slot = 0; slot < slots.first.length; slot++) {
      // Where a longer prefix decides, nothing changes.
      if (slots.value[slot] !== value) continue;
      this.publish(base + slot, this.buildSlot(slots.first[slot], slots.end[slot], value, -1));
    }
  }

  /** What is in the new subtree was written before; a worker that sees the slot sees all of it. */
  private publish(slot: number, reference: number): void {
    Atomics.store(this.room.words, this.direct + slot, reference);
  }

  /** RECORD_TAIL of a prefix. */
  tailOf(key: Int32Array, length: number): number {
    const more = length - this.depth;
    if (more < 1 || more > TAIL_LENGTH_MAX) return 0;
    return bitsOfKey(key, 0, key.length, this.depth) | (1 << (31 - more));
  }

  private fitsPattern(key: Int32Array): boolean {
    const at = this.header + FAMILY_PATTERN;
    const pattern = this.room.words.subarray(at, at + this.prefixes.stride);
    return key.every((word, w) => {
      const bits = this.depth - this.bits - w * 32;
      return bits <= 0 || (word ^ pattern[w]) >>> Math.max(0, 32 - bits) === 0;
    });
  }

  /** Value + 1 of a whole slot, from what its word refers to. */
  private valueUnder(reference: number): number {
    if (reference < 0) return ~reference;
    const { words } = this.room;
    if ((reference & RUN_MARK) !== 0) return this.prefixes.coveringValue(this.key, this.depth + 1) + 1;
    if ((reference & SINGLE_MARK) !== 0) return words[reference - SINGLE_MARK + SINGLE_FALLBACK];
    return words[reference + NODE_SKIP] & VALUE_MASK;
  }

  /** What a slot's word is to be for prefixes first … end − 1, all inside; `old`: the node that it has now, or −1. */
  private buildSlot(first: number, end: number, value: number, old: number): number {
    if (first === end) return ~value;
    if (this.isRun(first, end)) {
      return (this.prefixes.values[first] << RUN_SHIFT) | ((end - first - 1) << RUN_MORE_SHIFT) | RUN_MARK;
    }
    if (this.isSingle(first, end)) return this.buildSingle(first, value);
    const node = this.room.takeAligned(NODE_WORDS, 1);
    this.buildNode(node, first, end, this.depth, value, 0, old);
    return node;
  }

  /** Whether prefixes first … end − 1, all inside a slot, are one that a single can hold. */
  private isSingle(first: number, end: number): boolean {
    return end - first === 1 && this.prefixes.lengths[first] - this.depth <= SINGLE_LENGTH_MAX;
  }

  /** Whether they are few, and have records side by side that tell all about them. */
  private isRun(first: number, end: number): boolean {
    if (!this.withRecords || end - first > RUN_MAX) return false;
    const { lengths, values } = this.prefixes;
    for (let i = first; i < end; i++) {
      if (lengths[i] - this.depth > TAIL_LENGTH_MAX || values[i] - values[first] !== i - first) return false;
    }
    return true;
  }

  private buildSingle(index: number, value: number): number {
    const { depth, prefixes } = this;
    const single = this.room.takeAligned(SINGLE_WORDS, 1);
    const { words } = this.room;
    const more = prefixes.lengths[index] - depth - 1;
    words[single + SINGLE_PATTERN] = this.bitsFrom(index, depth);
    words[single + SINGLE_PATTERN + 1] = this.bitsFrom(index, depth + 32);
    words[single + SINGLE_LENGTH] = (more << SKIP_SHIFT) | (prefixes.values[index] + 1);
    words[single + SINGLE_FALLBACK] = value;
    return single + SINGLE_MARK;
  }

  /**
   * Fills the node at `at` for prefixes first … end − 1, all longer than `depth`, in a region worth `inherited`. `old` is
   * the node that this one replaces, of which is kept what the added prefix does not touch; −1 none.
   */
  private buildNode(
    at: number,
    first: number,
    end: number,
    depth: number,
    inherited: number,
    level: number,
    old: number,
  ): void {
    const skip = Math.min(SKIP_MAX, this.sameBits(first, end) - depth);
    const words = this.room.words;
    words[at + NODE_PATTERN] = this.bitsFrom(first, depth);
    words[at + NODE_SKIP] = (skip << SKIP_SHIFT) | inherited;
    this.scratch[level] ??= newSlots(1 << STRIDE);
    const slots = this.scratch[level];
    const kept = old >= 0 && words[old + NODE_SKIP] >> SKIP_SHIFT === skip ? old : -1;
    this.divide(slots, first, end, depth + skip, STRIDE, inherited);
    this.writeLeaves(at, slots);
    this.writeChildren(at, slots, depth + skip + STRIDE, level, kept);
  }

  /** Divides prefixes first … end − 1, all in one region at `depth` or as long, among 2^bits slots worth `value`. */
  private divide(slots: Slots, first: number, end: number, depth: number, bits: number, value: number): void {
    slots.value.fill(value);
    slots.first.fill(0);
    slots.end.fill(0);
    if (this.length >= 0 && bits === STRIDE && end - first > HALVING_FROM) {
      this.divideByHalves(slots, first, end, depth);
      return;
    }
    this.looks += end - first;
    if (this.length >= 0 && this.looks > ADD_LOOKS_MAX) throw new RoomError('too much to build anew');
    const { lengths, values } = this.prefixes;
    const deeper = depth + bits;
    for (let i = first; i < end; i++) {
      const slot = this.bitsFrom(i, depth) >>> (32 - bits);
      const length = lengths[i];
      if (length <= deeper) {
        // Covering prefixes come first in the order, so a longer one overwrites.
        slots.value.fill(values[i] + 1, slot, slot + (1 << (deeper - length)));
      } else {
        if (slots.first[slot] === slots.end[slot]) slots.first[slot] = i;
        slots.end[slot] = i + 1;
      }
    }
  }

  /** The same among the slots of a node with very many prefixes, of which most are not looked at. */
  private divideByHalves(slots: Slots, first: number, end: number, depth: number): void {
    const { lengths, values } = this.prefixes;
    const slotOf = (index: number): number => this.bitsFrom(index, depth) >>> (32 - STRIDE);
    const deeper = depth + STRIDE;
    for (let slot = 0, at = first; slot < 1 << STRIDE; slot++) {
      for (; at < end && lengths[at] <= deeper && slotOf(at) === slot; at++) {
        slots.value.fill(values[at] + 1, slot, slot + (1 << (deeper - lengths[at])));
      }
      let low = at;
      let high = end;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (slotOf(middle) <= slot) low = middle + 1;
        else high = middle;
      }
      if (at < low) {
        slots.first[slot] = at;
        slots.end[slot] = low;
      }
      at = low;
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
    const leaves = inNode ? ~Math.max(last, 0) : this.room.take(runs);
    const words = this.room.words;
    words[at + NODE_LEAVES] = leaves;
    words[at + NODE_LEAF_VECTOR] = vector[0];
    words[at + NODE_LEAF_VECTOR + 1] = vector[1];
    if (inNode) return;
    let run = 0;
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      if (((vector[slot >> 5] >>> (slot & 31)) & 1) !== 0) words[leaves + run++] = slots.value[slot] - 1;
    }
  }

  private writeChildren(at: number, slots: Slots, depth: number, level: number, old: number): void {
    let children = 0;
    const vector = [0, 0];
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      if (slots.first[slot] === slots.end[slot]) continue;
      vector[slot >> 5] |= 1 << (slot & 31);
      children++;
    }
    let node = this.room.takeAligned(NODE_WORDS, children);
    this.room.words[at + NODE_CHILDREN] = node;
    this.room.words[at + NODE_VECTOR] = vector[0];
    this.room.words[at + NODE_VECTOR + 1] = vector[1];
    for (let slot = 0; slot < 1 << STRIDE; slot++) {
      const first = slots.first[slot];
      const end = slots.end[slot];
      if (first === end) continue;
      const child = old < 0 ? -1 : this.childOf(old, slot);
      if (child >= 0 && !this.isTouched(slot, depth)) {
        this.room.words.copyWithin(node, child, child + NODE_WORDS);
      } else {
        this.buildNode(node, first, end, depth, slots.value[slot], level + 1, child);
      }
      node += NODE_WORDS;
    }
  }

  /** Position of a node's child in `slot`, or −1. */
  private childOf(node: number, slot: number): number {
    const { words } = this.room;
    const half = slot >> 5;
    const vector = words[node + NODE_VECTOR + half];
    if (((vector >>> (slot & 31)) & 1) === 0) return -1;
    let rank = popcount(vector & ((1 << (slot & 31)) - 1));
    if (half !== 0) rank += popcount(words[node + NODE_VECTOR]);
    return words[node + NODE_CHILDREN] + rank * NODE_WORDS;
  }

  /**
   * Whether the prefix that is added lies in, or over, a slot of a node on its way; `depth`: where the slots end. Over all
   * slots where it covers the node: then it is the fallback of all below.
   */
  private isTouched(slot: number, depth: number): boolean {
    const own = bitsOfKey(this.key, 0, this.key.length, depth - STRIDE) >>> (32 - STRIDE);
    const wide = Math.min(STRIDE, Math.max(0, depth - this.length));
    return slot >>> wide === own >>> wide;
  }

  /** The 32 address bits from `depth` on, zero beyond the end. */
  private bitsFrom(index: number, depth: number): number {
    return bitsOfKey(this.prefixes.keys, index * this.prefixes.stride, this.prefixes.stride, depth);
  }

  /** Bits that prefixes first … end − 1 have and share. One shorter than what the addresses share stands first. */
  private sameBits(first: number, end: number): number {
    const { keys, lengths, stride } = this.prefixes;
    for (let w = 0; w < stride; w++) {
      const difference = keys[first * stride + w] ^ keys[(end - 1) * stride + w];
      if (difference !== 0) return Math.min(lengths[first], w * 32 + Math.clz32(difference));
    }
    return lengths[first];
  }
}
