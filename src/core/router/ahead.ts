/**
 * Reading ahead: before the packets of a batch are decided one by one, the routes of all their addresses are asked for
 * together (RouteView.resolveMany4). With a million routes each step of a lookup is a cache line that is not there; one
 * after the other they cost more than all the rest of a packet, for many packets at once half of that. Small tables are in
 * the cache.
 *
 * What was found goes to the caches of the router, where the decision of each packet looks first. So an answer read ahead is
 * worth what one of the packet before is: it holds within the batch, and beyond it as long as neither the table nor who is
 * available changes (route-cache.ts). Refusals are not kept, nor sources of which this does not tell that they belong
 * behind their peer: the decision asks for those again, with all cache lines at hand. While few flows carry the packets,
 * whose answers are in the caches anyway, it is only seldom tried.
 */

import { MANY_MAX } from '../lpm/lookup.js';
import {
  IP4_DESTINATION,
  IP4_HEADER,
  IP4_SOURCE,
  IP6_DESTINATION,
  IP6_HEADER,
  IP6_SOURCE,
} from '../packet/offsets.js';
import { ROW_LENGTH, ROW_OFFSET, ROW_PEER, ROW_STRIDE } from '../packet/rows.js';
import type { RouterContext } from './context.js';
import { FOR_ALL, type RouteCache, type RouteCache6 } from './route-cache.js';

/** Rows that are decided together: two addresses of each at most are asked for. */
export const AHEAD_ROWS = MANY_MAX / 2;
/** Where fewer than one packet in so many asks for something new, nothing is read ahead for the next AHEAD_REST times. */
const FEW = 8;
export const AHEAD_REST = 7;

/** Whom an address is asked for: a peer, as its source, or all, as a destination. */
const DESTINATION = FOR_ALL;

export class Ahead {
  readonly #four = new Int32Array(MANY_MAX);
  readonly #six = new Int32Array(MANY_MAX * 4);
  /** Whom each address is asked for. */
  readonly #peers4 = new Int32Array(MANY_MAX);
  readonly #peers6 = new Int32Array(MANY_MAX);
  readonly #routes = new Int32Array(MANY_MAX);
  readonly #targets = new Int32Array(MANY_MAX);
  #fours = 0;
  #sixes = 0;
  #rest = 0;

  /** Looks for the rows at `at` … `end` − 1: their destinations, and their sources where those are asked for too. */
  look(context: RouterContext, at: number, end: number, withSources: boolean): void {
    if (this.#rest > 0) {
      this.#rest -= 1;
      return;
    }
    this.#fours = 0;
    this.#sixes = 0;
    for (let row = at; row < end; row += ROW_STRIDE) this.#gather(context, row, withSources);
    if (this.#fours > 1) this.#ask4(context);
    if (this.#sixes > 1) this.#ask6(context);
    if ((this.#fours + this.#sixes) * FEW * ROW_STRIDE < end - at) this.#rest = AHEAD_REST;
  }

  #gather(context: RouterContext, row: number, withSources: boolean): void {
    const { rows, bytes } = context;
    const offset = rows[row + ROW_OFFSET];
    const length = rows[row + ROW_LENGTH];
    const version = bytes[offset] >> 4;
    const peer = withSources ? rows[row + ROW_PEER] : DESTINATION;
    if (version === 4 && length >= IP4_HEADER) {
      if (peer >= 0) this.#take4(bytes, offset + IP4_SOURCE, context.sourceCache, peer);
      this.#take4(bytes, offset + IP4_DESTINATION, context.destinationCache, DESTINATION);
    } else if (version === 6 && length >= IP6_HEADER) {
      if (peer >= 0) this.#take6(bytes, offset + IP6_SOURCE, context.sourceCache6, peer);
      this.#take6(bytes, offset + IP6_DESTINATION, context.destinationCache6, DESTINATION);
    }
  }

  #take4(bytes: Uint8Array, at: number, cache: RouteCache, peer: number): void {
    const address = wordOf(bytes, at);
    if (cache.holds(cache.slotOf(address, peer), address, peer)) return;
    this.#peers4[this.#fours] = peer;
    this.#four[this.#fours++] = address;
  }

  #take6(bytes: Uint8Array, at: number, cache: RouteCache6, peer: number): void {
    const to = this.#sixes * 4;
    for (let word = 0; word < 4; word++) this.#six[to + word] = wordOf(bytes, at + word * 4);
    const [w0, w1, w2, w3] = [this.#six[to], this.#six[to + 1], this.#six[to + 2], this.#six[to + 3]];
    if (cache.holds(cache.slotOf(w0, w1, w2, w3, peer), w0, w1, w2, w3, peer)) return;
    this.#peers6[this.#sixes++] = peer;
  }

  #ask4({ snapshot, tables, destinationCache, sourceCache }: RouterContext): void {
    const routes = this.#routes;
    const targets = this.#targets;
    snapshot.routes.resolveMany4(this.#four, this.#fours, tables.available, routes, targets);
    for (let i = 0; i < this.#fours; i++) {
      if (routes[i] < 0) continue;
      const peer = this.#peers4[i];
      const cache = peer === DESTINATION ? destinationCache : sourceCache;
      if (cache === sourceCache && targets[i] !== tables.peers.cluster[peer]) continue;
      const address = this.#four[i];
      cache.remember(cache.slotOf(address, peer), address, peer, routes[i], targets[i]);
    }
  }

  #ask6({ snapshot, tables, destinationCache6, sourceCache6 }: RouterContext): void {
    const routes = this.#routes;
    const targets = this.#targets;
    const six = this.#six;
    snapshot.routes.resolveMany6(six, this.#sixes, tables.available, routes, targets);
    for (let i = 0, at = 0; i < this.#sixes; i++, at += 4) {
      if (routes[i] < 0) continue;
      const peer = this.#peers6[i];
      const cache = peer === DESTINATION ? destinationCache6 : sourceCache6;
      if (cache === sourceCache6 && targets[i] !== tables.peers.cluster[peer]) continue;
      const slot = cache.slotOf(six[at], six[at + 1], six[at + 2], six[at + 3], peer);
      cache.remember(slot, six, at, peer, routes[i], targets[i]);
    }
  }
}

function wordOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
