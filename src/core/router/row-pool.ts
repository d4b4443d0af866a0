/**
 * Who has which row of the beat table. Rows are few where peers are many: each peer is promised some, and what nobody is
 * promised goes to whoever asks first, so one that keeps making paths takes no other's. Free rows queue up and rest for
 * SLOT_REST_MS before they are taken again: a worker that met the former path in the middle of a batch must not write the
 * next one's clocks. BOUNDED by the table.
 */
import { assert } from '../base/assert.js';
import { SLOT_REST_MS } from '../wireguard/constants.js';
import { PATHS_PER_PEER } from './beat-table.js';

/** Peers of which each may have as many paths as a peer ever has. */
const GENEROUS_PEERS = 256;
/** Uplinks that another node is taken to have. */
const FAR_UPLINKS = 2;

/** Rows that every peer of a node with `uplinks` is promised, whether it is dialled or dials. */
export function promisedRows(uplinks: number): number {
  return Math.min(PATHS_PER_PEER, FAR_UPLINKS * Math.max(1, uplinks));
}

/**
 * Rows for `peers` peers of a node with `uplinks`. `configured` are the paths that the configuration asks for, of each peer
 * that it names: for these there is always room.
 */
export function rowCapacityFor(peers: number, uplinks: number, configured: readonly number[]): number {
  const promised = promisedRows(uplinks);
  let rows = peers * promised + Math.min(peers, GENEROUS_PEERS) * (PATHS_PER_PEER - promised);
  for (const paths of configured) rows += Math.max(0, Math.min(PATHS_PER_PEER, paths) - promised);
  return Math.min(rows, peers * PATHS_PER_PEER);
}

export class RowPool {
  readonly #least: number;
  /** A ring of free rows, the one that has been free longest first. */
  readonly #free: Int32Array;
  readonly #restedAtMs: Float64Array;
  readonly #owner: Int32Array;
  /** By peer. */
  readonly #held: Uint8Array;
  readonly #promised: Uint8Array;
  #head = 0;
  #count: number;
  /** Of the free rows, those that are kept for peers which hold less than they are promised. */
  #owed: number;

  /** Each of `peers` is promised `least` of the `rows`. */
  constructor(rows: number, peers: number, least: number) {
    assert(rows >= peers * least, 'every promise of rows can be kept');
    this.#least = least;
    this.#free = Int32Array.from({ length: rows }, (_, row) => row);
    this.#restedAtMs = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
    this.#owner = new Int32Array(rows).fill(-1);
    this.#held = new Uint8Array(peers);
    this.#promised = new Uint8Array(peers).fill(least);
    this.#count = rows;
    this.#owed = peers * least;
  }

  /** Promises `peer` so many rows, or the least if that is more. Returns false, with nothing changed, if they are not there. */
  promise(peer: number, rows: number): boolean {
    const promised = Math.min(PATHS_PER_PEER, Math.max(this.#least, rows));
    const held = this.#held[peer];
    const owed = this.#owed + Math.max(0, promised - held) - Math.max(0, this.#promised[peer] - held);
    if (promised > this.#promised[peer] && owed > this.#count) return false;
    this.#promised[peer] = promised;
    this.#owed = owed;
    return true;
  }

  /** Takes a row for `peer`; −1 while none may be had. */
  take(peer: number, now: number): number {
    const isPromised = this.#held[peer] < this.#promised[peer];
    if (this.#count === 0 || (!isPromised && this.#count <= this.#owed)) return -1;
    const row = this.#free[this.#head];
    if (this.#restedAtMs[row] > now) return -1;
    this.#head = (this.#head + 1) % this.#free.length;
    this.#count -= 1;
    this.#owner[row] = peer;
    this.#held[peer] += 1;
    if (isPromised) this.#owed -= 1;
    return row;
  }

  /** Gives a row back. */
  give(row: number, now: number): void {
    const peer = this.#owner[row];
    assert(peer >= 0, 'a free row of paths was given back');
    this.#owner[row] = -1;
    this.#restedAtMs[row] = now + SLOT_REST_MS;
    this.#free[(this.#head + this.#count) % this.#free.length] = row;
    this.#count += 1;
    this.#held[peer] -= 1;
    if (this.#held[peer] < this.#promised[peer]) this.#owed += 1;
  }

  /** The peer that has `row`, −1 nobody. */
  ownerOf(row: number): number {
    return this.#owner[row];
  }
}
