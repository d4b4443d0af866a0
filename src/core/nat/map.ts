/**
 * Inside NAT: which local prefix appears in the overlay as which network prefix. The mapping is 1:1 and stateless
 * (RFC 2663 calls it basic NAT; RFC 6296 does the like for IPv6): both prefixes have one length, host bits are kept,
 * so there are no ports, no bindings and nothing to time out or hand over to a cluster partner.
 *
 * Compiled, it is a longest-prefix table for either side and the entries' words; the longest covering prefix wins.
 *
 *   header  0 magic   1 entries   2 position of entries   3 position of the local table   4 of the network table
 *   entry   0–3 local address words   4–7 network address words   8–11 masks of the host bits   12 prefix length
 */
import { assert } from '../base/assert.js';
import { bitsOf, type Prefix, wordAt } from '../base/prefix.js';
import { buildLookup } from '../lpm/compile.js';
import { lineAfter } from '../lpm/layout.js';
import { Lookup } from '../lpm/lookup.js';

/** One row of the inside NAT table: two prefixes of one family and length. */
export interface NatEntry {
  readonly local: Prefix;
  readonly network: Prefix;
}

/** Which way addresses are translated. */
export const TO_NETWORK = 0;
export const TO_LOCAL = 1;
export type NatDirection = typeof TO_NETWORK | typeof TO_LOCAL;

const MAGIC = 0x4e415431;
const HEADER_WORDS = 16;
const ENTRY_WORDS = 16;
const ENTRY_NETWORK = 4;
const ENTRY_MASK = 8;
const ENTRY_LENGTH = 12;

/** Compiles entries for workers. An entry's index is its position in the list. */
export function compileNat(entries: readonly NatEntry[]): SharedArrayBuffer {
  const local = buildLookup(entries.map((entry, value) => ({ prefix: entry.local, value })));
  const network = buildLookup(entries.map((entry, value) => ({ prefix: entry.network, value })));
  const localAt = lineAfter(HEADER_WORDS + entries.length * ENTRY_WORDS);
  const networkAt = lineAfter(localAt + local.length);
  const buffer = new SharedArrayBuffer((networkAt + network.length) * 4);
  const words = new Int32Array(buffer);
  words.set([MAGIC, entries.length, HEADER_WORDS, localAt, networkAt]);
  words.set(local, localAt);
  words.set(network, networkAt);
  entries.forEach((entry, index) => {
    const sameShape =
      entry.local.family === entry.network.family && entry.local.length === entry.network.length;
    assert(sameShape, 'the two sides of a NAT entry differ in family or length');
    const at = HEADER_WORDS + index * ENTRY_WORDS;
    for (let w = 0; w < bitsOf(entry.local.family) / 32; w++) {
      words[at + w] = wordAt(entry.local.bytes, w * 4);
      words[at + ENTRY_NETWORK + w] = wordAt(entry.network.bytes, w * 4);
      const bits = entry.local.length - w * 32;
      words[at + ENTRY_MASK + w] = bits >= 32 ? 0 : bits <= 0 ? -1 : -1 >>> bits;
    }
    words[at + ENTRY_LENGTH] = entry.local.length;
  });
  return buffer;
}

/** A worker's view of the compiled map. Nothing here allocates. */
export class NatView {
  /** Number of entries. */
  readonly count: number;
  private readonly words: Int32Array;
  private readonly local: Lookup;
  private readonly network: Lookup;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    assert(this.words[0] === MAGIC, 'no NAT map in this buffer');
    this.count = this.words[1];
    this.local = new Lookup(buffer, this.words[3] * 4);
    this.network = new Lookup(buffer, this.words[4] * 4);
  }

  /** Index of the entry whose local prefix covers the address word, or −1. */
  findLocal4(address: number): number {
    return this.local.find4(address);
  }

  findLocal6(w0: number, w1: number, w2: number, w3: number): number {
    return this.local.find6(w0, w1, w2, w3);
  }

  /** Index of the entry whose network prefix covers the address word, or −1. */
  findNetwork4(address: number): number {
    return this.network.find4(address);
  }

  findNetwork6(w0: number, w1: number, w2: number, w3: number): number {
    return this.network.find6(w0, w1, w2, w3);
  }

  /** Prefix length of an entry. */
  lengthOf(entry: number): number {
    return this.words[HEADER_WORDS + entry * ENTRY_WORDS + ENTRY_LENGTH];
  }

  /** Word `index` (0 in IPv4, 0–3 in IPv6) of `address` under `entry`: prefix bits replaced, host bits kept. */
  translate(entry: number, direction: NatDirection, index: number, address: number): number {
    const at = HEADER_WORDS + entry * ENTRY_WORDS + index;
    const side = this.words[direction === TO_NETWORK ? at + ENTRY_NETWORK : at];
    return side | (address & this.words[at + ENTRY_MASK]);
  }
}
