/**
 * What the stages of the router share: the rows and bytes of the batch, the tables, the one Parsed object, the clock
 * of this breath. A stage reads and writes rows; nothing is returned per packet and nothing is allocated.
 *
 * Shared 32-bit words are read plainly: an aligned word is never torn, a value that is one batch old is as good, and what
 * a new value points to (keys, columns, path records) was complete before the worker was told of it by a message. Atomics
 * would cost a call for each packet.
 */
import { ENDPOINT_WORDS } from '../base/endpoint.js';
import { DROP } from '../packet/drop.js';
import { Parsed } from '../packet/parsed.js';
import {
  GSO_NONE,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_LENGTH,
  ROW_PATH,
  ROW_PEER,
  ROW_REASON,
  ROW_SESSION,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_DROP,
  VERDICT_SEAL,
} from '../packet/rows.js';
import { noteDataSent, noteKeepaliveSent } from '../wireguard/clocks.js';
import { AHEAD_ROWS, Ahead } from './ahead.js';
import {
  ALONE,
  COUNT_TX_BYTES,
  COUNT_TX_PACKETS,
  PEER_COUNTERS,
  type RouterMemory,
  type SharedTables,
  type WorkerPlace,
} from './memory.js';
import { OUT_WANTED } from './outbox.js';
import { RouteCache, RouteCache6 } from './route-cache.js';
import type { SnapshotView } from './snapshot.js';

export class RouterContext {
  readonly memory: RouterMemory;
  readonly tables: SharedTables;
  readonly bytes: Uint8Array;
  readonly rows: Int32Array;
  /** Number of this worker, and how many there are. */
  readonly worker: number;
  readonly workers: number;
  readonly parsed = new Parsed();
  /** Endpoint records as words, for comparison: received sources and path slots. */
  readonly sourceWords: Int32Array;
  readonly pathWords: Int32Array;
  snapshot: SnapshotView;
  /** What the packet that was refused as too big should not exceed, in bytes. */
  mtu = 0;
  /** Routes of destinations, and by source and peer what the reverse-path check found: a route, or −1. */
  readonly destinationCache = new RouteCache();
  readonly sourceCache = new RouteCache();
  readonly destinationCache6 = new RouteCache6();
  readonly sourceCache6 = new RouteCache6();
  /** Target of the route of the present packet. */
  target = -1;
  readonly #ahead = new Ahead();
  #era = 0;
  /** Time of this breath, ms. */
  now = 0;
  /** Source and peer of this batch whose path is known, and which it is (arrival.ts). */
  settledSource = -1;
  settledPeer = -1;
  /** Row of the path by which the present message came, −1 unknown. */
  arrivalRow = -1;

  constructor(
    memory: RouterMemory,
    tables: SharedTables,
    snapshot: SnapshotView,
    place: WorkerPlace = ALONE,
  ) {
    this.worker = place.worker;
    this.workers = place.workers;
    this.memory = memory;
    this.tables = tables;
    this.bytes = memory.arena;
    this.rows = memory.rows;
    this.snapshot = snapshot;
    this.sourceWords = wordsOf(memory.sources);
    this.pathWords = wordsOf(tables.paths);
  }

  /** Begins a batch: what was remembered under another `tables.era` is forgotten. */
  beginBatch(): void {
    const era = this.tables.era[0];
    this.settledSource = -1;
    if (era === this.#era) return;
    this.#era = era;
    this.forgetRoutes();
  }

  /** Routes have changed. */
  forgetRoutes(): void {
    this.destinationCache.forget();
    this.sourceCache.forget();
    this.destinationCache6.forget();
    this.sourceCache6.forget();
  }

  /** Reads ahead for some rows from `at` on, before `end`; returns where those end. */
  readAhead(at: number, end: number, withSources: boolean): number {
    const until = Math.min(end, at + AHEAD_ROWS * ROW_STRIDE);
    this.#ahead.look(this, at, until, withSources);
    return until;
  }

  /** Refuses the packet of row `at` for `reason`, and counts it. */
  drop(at: number, reason: number): void {
    this.rows[at + ROW_VERDICT] = VERDICT_DROP;
    this.rows[at + ROW_REASON] = reason;
    this.memory.drops[reason] += 1;
  }

  /**
   * Sends the packet of row `at` to `peer` over its current session and path. Without a usable session the control
   * thread is told once that one is wanted, and the answer is false: the row is the caller's to drop.
   */
  seal(at: number, peer: number): boolean {
    return this.sealOn(at, peer, this.tables.peers.path[peer]);
  }

  /** The same, to the endpoint in path slot `path`. */
  sealOn(at: number, peer: number, path: number): boolean {
    const { peers, sessions } = this.tables;
    const rows = this.rows;
    rows[at + ROW_PEER] = peer;
    const slot = peers.session[peer];
    if (slot < 0 || path < 0 || this.now >= sessions.expiresAtMs[slot]) {
      this.want(peer);
      return false;
    }
    rows[at + ROW_SESSION] = slot;
    rows[at + ROW_PATH] = path;
    rows[at + ROW_VERDICT] = VERDICT_SEAL;
    const length = rows[at + ROW_LENGTH];
    if (length > 0) noteDataSent(peers, peer, this.now);
    else noteKeepaliveSent(peers, peer, this.now);
    const counters = this.memory.peerCounters;
    const base = peer * PEER_COUNTERS;
    counters[base + COUNT_TX_PACKETS] +=
      rows[at + ROW_GSO_TYPE] === GSO_NONE ? 1 : Math.ceil(length / Math.max(1, rows[at + ROW_GSO_SIZE]));
    counters[base + COUNT_TX_BYTES] += length;
    return true;
  }

  /** Tells the control thread, once until it has answered, that `peer` needs a session. */
  want(peer: number): void {
    const { wanted } = this.tables.peers;
    if (wanted[peer] !== 0) return;
    wanted[peer] = 1;
    this.memory.outbox.push(OUT_WANTED, peer, 0, this.bytes, 0, 0);
  }

  /** Drops and counts what the control thread has no room for. */
  dropFull(at: number): void {
    this.drop(at, DROP['control-queue-full']);
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, (bytes.byteLength >> 5) * ENDPOINT_WORDS);
}
