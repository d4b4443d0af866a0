/**
 * Reading ahead: before the packets of a batch are decided one by one, the route table's memory for all their addresses is
 * asked for together. With a million routes each step of a lookup is a cache line that is not there; one after the other
 * they cost more than all the rest of a packet, for many packets at once half of that. Small tables are in the cache.
 */

import { AHEAD_MAX } from '../lpm/lookup.js';
import {
  IP4_DESTINATION,
  IP4_HEADER,
  IP4_SOURCE,
  IP6_DESTINATION,
  IP6_HEADER,
  IP6_SOURCE,
} from '../packet/offsets.js';
import { ROW_LENGTH, ROW_OFFSET, ROW_STRIDE } from '../packet/rows.js';
import type { RouterContext } from './context.js';

/** Rows that are decided together: two addresses of each at most are asked for. */
export const AHEAD_ROWS = AHEAD_MAX / 2;

export class Ahead {
  readonly #four = new Int32Array(AHEAD_MAX);
  readonly #six = new Int32Array(AHEAD_MAX * 4);
  #fours = 0;
  #sixes = 0;
  /** Keeps what was read, so that reading is not optimized away. */
  read = 0;

  /** Reads ahead for the rows at `at` … `end` − 1: their destinations, and their sources where those are asked for too. */
  look(context: RouterContext, at: number, end: number, withSources: boolean): void {
    const { routes } = context.snapshot;
    this.#fours = 0;
    this.#sixes = 0;
    for (let row = at; row < end; row += ROW_STRIDE) this.#gather(context, row, withSources);
    if (this.#fours > 1) this.read ^= routes.ahead4(this.#four, this.#fours);
    if (this.#sixes > 1) this.read ^= routes.ahead6(this.#six, this.#sixes);
  }

  #gather({ rows, bytes }: RouterContext, row: number, withSources: boolean): void {
    const offset = rows[row + ROW_OFFSET];
    const length = rows[row + ROW_LENGTH];
    const version = bytes[offset] >> 4;
    if (version === 4 && length >= IP4_HEADER) {
      if (withSources) this.#take4(bytes, offset + IP4_SOURCE);
      this.#take4(bytes, offset + IP4_DESTINATION);
    } else if (version === 6 && length >= IP6_HEADER) {
      if (withSources) this.#take6(bytes, offset + IP6_SOURCE);
      this.#take6(bytes, offset + IP6_DESTINATION);
    }
  }

  /** One flow's packets follow each other: the same address is taken once. */
  #take4(bytes: Uint8Array, at: number): void {
    const address = wordOf(bytes, at);
    const last = this.#fours - 1;
    if (last >= 0 && (this.#four[last] === address || this.#four[Math.max(0, last - 1)] === address)) return;
    this.#four[this.#fours++] = address;
  }

  #take6(bytes: Uint8Array, at: number): void {
    const to = this.#sixes * 4;
    this.#sixes += 1;
    for (let word = 0; word < 4; word++) this.#six[to + word] = wordOf(bytes, at + word * 4);
  }
}

function wordOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
