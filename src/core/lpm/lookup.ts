/**
 * Longest-prefix match on flat memory: a Poptrie (Asai and Ohara, "Poptrie: A Compressed Trie with Population Count
 * for Fast and Scalable Software IP Routing Table Lookup", SIGCOMM 2015) with direct pointing for the first bits of
 * either family (after those that all its prefixes share), 64-way nodes, and four additions that sparse tables need:
 *
 * - *Skip.* Routes of /48 and longer leave long chains of nodes with one child. A node says how many bits (≤ 25)
 *   must first match a pattern; an address that differs there takes the node's fallback, the value that a shorter
 *   prefix gave to the whole region. The check happens on the way down, so a lookup never goes back.
 * - *Single.* A direct slot with one longer prefix, which is most of those that hold any, needs no node: four words
 *   hold the prefix and its fallback, and one comparison answers.
 * - *Run.* Where the owner of the table keeps a record for each value, which a question ends at anyway, the records of a slot's
 *   few prefixes (≤ 4) lie side by side and say themselves which prefixes they are: there such a slot needs nothing else, and
 *   a question to a large table touches two cache lines, the slot's and the record's.
 * - *Leaf in the node.* A node whose leaves all have one value holds it itself and saves the last memory access.
 *
 * Everything is one Int32Array: header, the direct table of each family, nodes, leaves. Positions are words from the
 * start of the table, so a table can stand anywhere in a larger buffer. A reference (in a direct table) is a node's
 * position, or the complement of value + 1 (layout.ts). The table holds no JavaScript objects. What a lookup may meet is
 * never changed but for the words of the direct table, so that prefixes can be added while workers read (family.ts).
 */
import { assert } from '../base/assert.js';
import * as layout from './layout.js';
import { popcount } from './popcount.js';

export { compileLookup, type LookupEntry } from './compile.js';

/**
 * V8 loads an imported constant at each use and checks that it is there; a module's own are part of the code. With
 * imported ones lookups take a quarter longer.
 */
const {
  FAMILY_BITS,
  FAMILY_DIRECT,
  FAMILY_FALLBACK,
  FAMILY_PATTERN,
  FAMILY_SKIP,
  HEADER_FAMILY4,
  HEADER_FAMILY6,
  HEADER_SIZE,
  HEADER_WORDS,
  LOOKUP_MAGIC,
  MARKS,
  NODE_CHILDREN,
  NODE_LEAF_VECTOR,
  NODE_LEAVES,
  NODE_PATTERN,
  NODE_SKIP,
  NODE_VECTOR,
  NODE_WORDS,
  RECORD_FALLBACK,
  RECORD_TAIL,
  RECORD_WORDS,
  RUN_MARK,
  RUN_MAX,
  RUN_MORE,
  RUN_MORE_SHIFT,
  RUN_SHIFT,
  SINGLE_FALLBACK,
  SINGLE_LENGTH,
  SINGLE_MARK,
  SINGLE_PATTERN,
  SKIP_SHIFT,
  STRIDE,
  VALUE_MASK,
} = layout;

/** Addresses that are looked up at once. */
export const MANY_MAX = 64;

/** Where the lookups of one family begin. */
class Root {
  readonly direct: number;
  readonly bits: number;
  readonly indexShift: number;
  readonly fallback: number;
  /** Bits skipped before the direct table: whole words, and bits of the word after them. */
  readonly words: number;
  readonly skip: number;
  /** What the skipped bits must be, and which they are. */
  readonly p0: number;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;
  readonly m0: number;
  readonly m1: number;
  readonly m2: number;
  readonly m3: number;

  constructor(header: Int32Array, at: number) {
    const skipped = header[at + FAMILY_SKIP];
    const mask = (index: number) => {
      const bits = skipped - index * 32;
      return bits >= 32 ? -1 : bits <= 0 ? 0 : ~(-1 >>> bits);
    };
    this.bits = header[at + FAMILY_BITS];
    this.indexShift = 32 - this.bits;
    this.direct = header[at + FAMILY_DIRECT];
    this.fallback = header[at + FAMILY_FALLBACK] - 1;
    this.words = skipped >> 5;
    this.skip = skipped & 31;
    this.p0 = header[at + FAMILY_PATTERN];
    this.p1 = header[at + FAMILY_PATTERN + 1];
    this.p2 = header[at + FAMILY_PATTERN + 2];
    this.p3 = header[at + FAMILY_PATTERN + 3];
    this.m0 = mask(0);
    this.m1 = mask(1);
    this.m2 = mask(2);
    this.m3 = mask(3);
  }
}

/** A view of a compiled table; finding allocates nothing. */
export class Lookup {
  private readonly table: Int32Array;
  /** Of lookups that are made together: where each stands, its place among all, and the address bits that are used up. */
  private readonly references = new Int32Array(MANY_MAX);
  private readonly places = new Int32Array(MANY_MAX);
  private readonly depths = new Int32Array(MANY_MAX);
  /** Keeps what was read, so that reading is not optimized away. */
  touched = 0;
  private readonly recordsAt: number;
  private readonly root4: Root;
  private readonly root6: Root;

  /**
   * `buffer` holds a table of compileLookup at `byteOffset` (a multiple of 4, best of 64). Where there are records (layout.ts)
   * they are at word `recordsAt` from there on, behind the table.
   */
  constructor(buffer: ArrayBufferLike, byteOffset = 0, recordsAt = 0) {
    const header = new Int32Array(buffer, byteOffset, HEADER_WORDS);
    assert(header[0] === LOOKUP_MAGIC, 'no lookup table at this offset');
    this.table = new Int32Array(buffer, byteOffset, recordsAt > 0 ? undefined : header[HEADER_SIZE]);
    this.recordsAt = recordsAt;
    this.root4 = new Root(header, HEADER_FAMILY4);
    this.root6 = new Root(header, HEADER_FAMILY6);
  }

  /** Value of the longest prefix that covers the IPv4 address word (signed or unsigned), or −1. */
  find4(address: number): number {
    const table = this.table;
    const root = this.root4;
    if (((address ^ root.p0) & root.m0) !== 0) return root.fallback;
    let rest = address << root.skip;
    let node = table[root.direct + (rest >>> root.indexShift)];
    rest <<= root.bits;
    if (node >= 0 && (node & MARKS) !== 0) {
      if ((node & RUN_MARK) !== 0) return this.run(node, rest);
      return this.single(node - SINGLE_MARK, rest, 0);
    }
    while (node >= 0) {
      const control = table[node + NODE_SKIP];
      const skip = control >> SKIP_SHIFT;
      if (((rest ^ table[node + NODE_PATTERN]) >>> 1) >>> (31 - skip) !== 0) {
        return (control & VALUE_MASK) - 1;
      }
      rest <<= skip;
      const slot = rest >>> (32 - STRIDE);
      rest <<= STRIDE;
      const half = slot >> 5;
      const vector = table[node + NODE_VECTOR + half];
      const upTo = ((2 << slot) - 1) | 0;
      if (((vector >>> slot) & 1) === 0) return this.leaf(node, half, upTo);
      let rank = popcount(vector & upTo);
      if (half !== 0) rank += popcount(table[node + NODE_VECTOR]);
      node = table[node + NODE_CHILDREN] + (rank - 1) * NODE_WORDS;
    }
    return -2 - node;
  }

  /** The same for the four words of an IPv6 address, most significant first. */
  find6(w0: number, w1: number, w2: number, w3: number): number {
    const table = this.table;
    const root = this.root6;
    const other =
      ((w0 ^ root.p0) & root.m0) |
      ((w1 ^ root.p1) & root.m1) |
      ((w2 ^ root.p2) & root.m2) |
      ((w3 ^ root.p3) & root.m3);
    if (other !== 0) return root.fallback;
    let a = w0;
    let b = w1;
    let c = w2;
    let d = w3;
    for (let word = root.words; word > 0; word--) {
      a = b;
      b = c;
      c = d;
      d = 0;
    }
    const top = (a << root.skip) | ((b >>> 1) >>> (31 - root.skip));
    let node = table[root.direct + (top >>> root.indexShift)];
    let shift = root.skip + root.bits;
    if (node >= 0 && (node & MARKS) !== 0) {
      const first = (a << shift) | ((b >>> 1) >>> (31 - shift));
      if ((node & RUN_MARK) !== 0) return this.run(node, first);
      return this.single(node - SINGLE_MARK, first, (b << shift) | ((c >>> 1) >>> (31 - shift)));
    }
    while (node >= 0) {
      a = (a << shift) | (b >>> (32 - shift));
      b = (b << shift) | (c >>> (32 - shift));
      c = (c << shift) | (d >>> (32 - shift));
      d <<= shift;
      const control = table[node + NODE_SKIP];
      const skip = control >> SKIP_SHIFT;
      if (((a ^ table[node + NODE_PATTERN]) >>> 1) >>> (31 - skip) !== 0) return (control & VALUE_MASK) - 1;
      const slot = ((a << skip) | ((b >>> 1) >>> (31 - skip))) >>> (32 - STRIDE);
      shift = skip + STRIDE;
      const half = slot >> 5;
      const vector = table[node + NODE_VECTOR + half];
      const upTo = ((2 << slot) - 1) | 0;
      if (((vector >>> slot) & 1) === 0) return this.leaf(node, half, upTo);
      let rank = popcount(vector & upTo);
      if (half !== 0) rank += popcount(table[node + NODE_VECTOR]);
      node = table[node + NODE_CHILDREN] + (rank - 1) * NODE_WORDS;
    }
    return -2 - node;
  }

  /**
   * Values for the first `count` IPv4 addresses (at most MANY_MAX), to `values`. Each step is made for all of them before the next
   * one: a processor waits for many cache lines at once where it knows them, but one question alone knows each only from
   * the one before.
   */
  findMany4(addresses: Int32Array, count: number, values: Int32Array): void {
    const { table, root4, references } = this;
    const { direct, skip, indexShift, p0, m0, fallback } = root4;
    for (let i = 0; i < count; i++) {
      const address = addresses[i];
      const reference = table[direct + ((address << skip) >>> indexShift)];
      references[i] = ((address ^ p0) & m0) === 0 ? reference : -2 - fallback;
    }
    this.settle(addresses, 1, count, skip + root4.bits, values);
  }

  /** The same for IPv6, four words an address. */
  findMany6(addresses: Int32Array, count: number, values: Int32Array): void {
    const { table, root6, references } = this;
    const { direct, skip, indexShift, words, fallback, p0, p1, p2, p3, m0, m1, m2, m3 } = root6;
    for (let i = 0, at = 0; i < count; i++, at += 4) {
      const other =
        ((addresses[at] ^ p0) & m0) |
        ((addresses[at + 1] ^ p1) & m1) |
        ((addresses[at + 2] ^ p2) & m2) |
        ((addresses[at + 3] ^ p3) & m3);
      const next = words === 3 ? 0 : addresses[at + words + 1];
      const top = (addresses[at + words] << skip) | ((next >>> 1) >>> (31 - skip));
      const reference = table[direct + (top >>> indexShift)];
      references[i] = other === 0 ? reference : -2 - fallback;
    }
    this.settle(addresses, 4, count, words * 32 + skip + root6.bits, values);
  }

  /** From references to values, for addresses of `stride` words whose first `depth` bits are used up. */
  private settle(
    addresses: Int32Array,
    stride: number,
    count: number,
    depth: number,
    values: Int32Array,
  ): void {
    const { references, places, depths } = this;
    this.touch(count);
    let nodes = 0;
    for (let i = 0, at = 0; i < count; i++, at += stride) {
      const reference = references[i];
      if (reference < 0) {
        values[i] = -2 - reference;
      } else if ((reference & RUN_MARK) !== 0) {
        values[i] = this.run(reference, bitsAt(addresses, at, at + stride, depth));
      } else if ((reference & SINGLE_MARK) !== 0) {
        const first = bitsAt(addresses, at, at + stride, depth);
        const second = stride === 1 ? 0 : bitsAt(addresses, at, at + stride, depth + 32);
        values[i] = this.single(reference - SINGLE_MARK, first, second);
      } else {
        references[nodes] = reference;
        depths[nodes] = depth;
        places[nodes++] = i;
      }
    }
    while (nodes > 0) nodes = this.descend(addresses, stride, nodes, values);
  }

  /** One level further down for the lookups that stand at `count` nodes; returns how many still do. */
  private descend(addresses: Int32Array, stride: number, count: number, values: Int32Array): number {
    const { table, references, places, depths } = this;
    let nodes = 0;
    for (let k = 0; k < count; k++) {
      const node = references[k];
      const place = places[k];
      const at = place * stride;
      let depth = depths[k];
      const control = table[node + NODE_SKIP];
      const skip = control >> SKIP_SHIFT;
      const unlike = bitsAt(addresses, at, at + stride, depth) ^ table[node + NODE_PATTERN];
      if ((unlike >>> 1) >>> (31 - skip) !== 0) {
        values[place] = (control & VALUE_MASK) - 1;
        continue;
      }
      depth += skip;
      const slot = bitsAt(addresses, at, at + stride, depth) >>> (32 - STRIDE);
      const half = slot >> 5;
      const vector = table[node + NODE_VECTOR + half];
      const upTo = ((2 << slot) - 1) | 0;
      if (((vector >>> slot) & 1) === 0) {
        values[place] = this.leaf(node, half, upTo);
        continue;
      }
      let rank = popcount(vector & upTo);
      if (half !== 0) rank += popcount(table[node + NODE_VECTOR]);
      references[nodes] = table[node + NODE_CHILDREN] + (rank - 1) * NODE_WORDS;
      depths[nodes] = depth + STRIDE;
      places[nodes++] = place;
    }
    if (nodes > 1) this.touch(nodes);
    return nodes;
  }

  /**
   * Reads what `count` references refer to, and where there are records those of answers. A short loop without a branch on
   * what has just been read, so that the processor waits for many lines at once.
   */
  private touch(count: number): void {
    const { table, references, recordsAt } = this;
    const isOwner = recordsAt > 0 ? -1 : 0;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const reference = references[i];
      const isAnswer = reference >> 31;
      const isRun = 0 - ((reference & ~isAnswer & RUN_MARK) >> 1);
      // Without records an answer reads word 0.
      const answer = (-2 - reference) & isAnswer & isOwner;
      const record = ((answer | ((reference >> RUN_SHIFT) & isRun)) << 2) + (recordsAt & (isAnswer | isRun));
      const at = record | (reference & ~(isAnswer | isRun) & ~MARKS);
      // The last record of a run may lie in the next line.
      sum ^= table[at] ^ table[at + (reference & isRun & RUN_MORE)];
    }
    this.touched = sum;
  }

  /** The answer of a slot with some longer prefixes, by their records; for the 32 address bits after the direct ones. */
  private run(reference: number, first: number): number {
    const table = this.table;
    const value = reference >> RUN_SHIFT;
    const more = (reference >> RUN_MORE_SHIFT) & (RUN_MAX - 1);
    const record = this.recordsAt + value * RECORD_WORDS;
    // What a prefix covers stands after it.
    for (let k = more; k >= 0; k--) {
      const tail = table[record + k * RECORD_WORDS + RECORD_TAIL];
      const last = tail & (0 - tail);
      if (((first ^ tail) & (0 - (last << 1))) === 0) return value + k;
    }
    return table[record + RECORD_FALLBACK];
  }

  /** The answer of a slot with one longer prefix, for the 64 address bits after the direct ones. */
  private single(at: number, first: number, second: number): number {
    const table = this.table;
    const control = table[at + SINGLE_LENGTH];
    const length = (control >>> SKIP_SHIFT) + 1;
    const unlike = first ^ table[at + SINGLE_PATTERN];
    const found =
      length <= 32
        ? unlike >>> (32 - length) === 0
        : unlike === 0 && (second ^ table[at + SINGLE_PATTERN + 1]) >>> (64 - length) === 0;
    return found ? (control & VALUE_MASK) - 1 : table[at + SINGLE_FALLBACK] - 1;
  }

  private leaf(node: number, half: number, upTo: number): number {
    const table = this.table;
    const leaves = table[node + NODE_LEAVES];
    if (leaves < 0) return -2 - leaves;
    let rank = popcount(table[node + NODE_LEAF_VECTOR + half] & upTo);
    if (half !== 0) rank += popcount(table[node + NODE_LEAF_VECTOR]);
    return table[leaves + rank - 1];
  }
}

/** The 32 bits from `depth` on of the address whose words are `at` … `end` − 1, zero beyond its end. */
function bitsAt(words: Int32Array, at: number, end: number, depth: number): number {
  const word = at + (depth >> 5);
  if (word >= end) return 0;
  const next = word + 1 < end ? words[word + 1] : 0;
  const shift = depth & 31;
  return (words[word] << shift) | ((next >>> 1) >>> (31 - shift));
}
