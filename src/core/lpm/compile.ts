/**
 * Lookup tables as a whole: both families and the header. How one is built, and edited later, is told in family.ts.
 */
import type { Family, Prefix } from '../base/prefix.js';
import { FamilyBuilder } from './family.js';
import { HEADER_FAMILY4, HEADER_FAMILY6, HEADER_SIZE, HEADER_WORDS, LOOKUP_MAGIC } from './layout.js';
import { Room } from './room.js';
import { SortedPrefixes } from './sorted.js';

/** A prefix and the number (0 … 2^26 − 2) that a lookup inside it answers. */
export interface LookupEntry {
  readonly prefix: Prefix;
  readonly value: number;
}

/** A table of its own, to share with workers. Of a prefix that is given twice the last one counts. */
export function compileLookup(entries: Iterable<LookupEntry>): SharedArrayBuffer {
  const words = buildLookup(entries);
  const buffer = new SharedArrayBuffer(words.byteLength);
  new Int32Array(buffer).set(words);
  return buffer;
}

/** The same table as words, to be placed in a larger buffer. */
export function buildLookup(entries: Iterable<LookupEntry>): Int32Array {
  const of: Record<Family, LookupEntry[]> = { 4: [], 6: [] };
  for (const entry of entries) of[entry.prefix.family].push(entry);
  const sorted = (family: Family): SortedPrefixes =>
    SortedPrefixes.of(
      family,
      of[family].map((entry) => entry.prefix),
      of[family].map((entry) => entry.value),
    );
  return new LookupBuilder(sorted(4), sorted(6)).words;
}

/** Builds a table, and adds to it later. */
export class LookupBuilder {
  readonly #four: FamilyBuilder;
  readonly #six: FamilyBuilder;
  #room: Room;

  /** `withRecords`: the owner keeps a record (layout.ts) for each value, the same for both families. */
  constructor(four: SortedPrefixes, six: SortedPrefixes, withRecords = false) {
    const room = Room.growing();
    const header = room.take(HEADER_WORDS);
    this.#room = room;
    this.#four = new FamilyBuilder(room, four, withRecords);
    this.#six = new FamilyBuilder(room, six, withRecords);
    this.#four.buildFamily(header + HEADER_FAMILY4);
    this.#six.buildFamily(header + HEADER_FAMILY6);
    room.words[header] = LOOKUP_MAGIC;
    room.words[header + HEADER_SIZE] = room.used;
  }

  /** The table so far. */
  get words(): Int32Array {
    return this.#room.words.subarray(0, this.#room.used);
  }

  /** Goes on in `words` (shared, with spare room behind), to where the table is copied. */
  moveTo(words: Int32Array): void {
    words.set(this.words);
    words[HEADER_SIZE] = words.length;
    this.#room = Room.fixed(words, this.#room.used);
    this.#four.room = this.#room;
    this.#six.room = this.#room;
  }

  /** Bits of an address that the direct table uses up. */
  depthOf(family: Family): number {
    return (family === 4 ? this.#four : this.#six).depth;
  }

  /** RECORD_TAIL of a prefix of these address words. */
  tailOf(family: Family, key: Int32Array, length: number): number {
    return (family === 4 ? this.#four : this.#six).tailOf(key, length);
  }

  /** Whether `add` may be tried for a prefix of these address words; what it touches is bounded. */
  canAdd(family: Family, key: Int32Array, length: number): boolean {
    return (family === 4 ? this.#four : this.#six).canAdd(key, length);
  }

  /** Publishes a prefix that has been inserted into the family's list. Throws RoomError, with nothing torn. */
  add(family: Family, key: Int32Array, length: number): void {
    (family === 4 ? this.#four : this.#six).add(key, length);
  }
}
