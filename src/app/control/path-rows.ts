/**
 * The control thread's side of the beat table: what each path repeats, expects and where it goes, as workers read it, and
 * what workers have seen of it. A row belongs to one path of one peer for as long as the path lives.
 */
import { assert } from '../../core/base/assert.js';
import { ENDPOINT_BYTES, sameEndpoint } from '../../core/base/endpoint.js';
import { BFD_UP } from '../../core/path/bfd-packet.js';
import type { Path } from '../../core/path/path.js';
import type { PathClocks, PathManager } from '../../core/path/path-manager.js';
import {
  BEAT_ABSORBS,
  BEAT_BYTES,
  BEAT_UP,
  type BeatTable,
  PATHS_PER_PEER,
  SLOTS_PER_ROW,
} from '../../core/router/beat-table.js';
import type { SharedTables } from '../../core/router/memory.js';
import { promisedRows, RowPool } from '../../core/router/row-pool.js';

export class PathRows {
  readonly #tables: SharedTables;
  readonly #beats: BeatTable;
  readonly #pool: RowPool;
  /** By peer: bit k is set while place k has a row, published or not. */
  readonly #taken: Uint8Array;
  /** By row: its place among those of its peer. */
  readonly #place: Uint8Array;
  /** How often there was no row for a path. */
  refusals = 0;
  /** By row: what was last taken over of `rescheduled`, and of the echo counters. */
  readonly #rescheduled: Int32Array;
  readonly #answered: Uint32Array;
  readonly #lost: Uint32Array;
  readonly #packet = new Uint8Array(BEAT_BYTES);

  /** `uplinks` of this node. */
  constructor(tables: SharedTables, uplinks: number) {
    const { rows, capacity } = tables.beats;
    this.#tables = tables;
    this.#beats = tables.beats;
    this.#pool = new RowPool(rows, capacity, promisedRows(uplinks));
    this.#taken = new Uint8Array(capacity);
    this.#place = new Uint8Array(rows);
    this.#rescheduled = new Int32Array(rows).fill(-1);
    this.#answered = new Uint32Array(rows);
    this.#lost = new Uint32Array(rows);
  }

  /** Keeps so many rows for `peer`, beside those that every peer is promised; false: there are not so many. */
  promise(peer: number, rows: number): boolean {
    return this.#pool.promise(peer, rows);
  }

  /** A free row for `peer`, −1 if there is none now. It is in use once it is published. */
  take(peer: number, now: number): number {
    const row = this.#pool.take(peer, now);
    if (row < 0) {
      this.refusals += 1;
      return -1;
    }
    const place = lowestClear(this.#taken[peer]);
    assert(place < PATHS_PER_PEER, 'a peer has a place for each of its paths');
    this.#taken[peer] |= 1 << place;
    this.#place[row] = place;
    const beats = this.#beats;
    beats.rowAt[peer * PATHS_PER_PEER + place] = row;
    this.#rescheduled[row] = -1;
    this.#answered[row] = beats.echoAnswered[row];
    this.#lost[row] = beats.echoLost[row];
    beats.absorbedAtMs[row] = 0;
    beats.repeatedAtMs[row] = 0;
    beats.heardAtMs[row] = 0;
    return row;
  }

  /** Gives a row back. */
  release(row: number, now: number): void {
    const peer = this.#pool.ownerOf(row);
    const bit = 1 << this.#place[row];
    Atomics.and(this.#beats.mask, peer, ~bit);
    this.#taken[peer] &= ~bit;
    this.#beats.flags[row] = 0;
    Atomics.store(this.#beats.slot, row, -1);
    this.#pool.give(row, now);
  }

  /** Slot of the row's endpoint record. */
  slot(row: number): number {
    return this.#beats.slot[row];
  }

  /** What workers have seen of the path. */
  clocks(row: number): PathClocks {
    const { absorbedAtMs, repeatedAtMs, heardAtMs } = this.#beats;
    return {
      receivedUnchangedAtMs: absorbedAtMs[row],
      repeatedAtMs: repeatedAtMs[row],
      heardAtMs: heardAtMs[row],
    };
  }

  /** Echo packets whose fate has become known since the last call: answered, lost, and the last round trip. */
  takeEchoes(row: number): { readonly answered: number; readonly lost: number; readonly rttMs: number } {
    const beats = this.#beats;
    const answered = (beats.echoAnswered[row] - this.#answered[row]) >>> 0;
    const lost = (beats.echoLost[row] - this.#lost[row]) >>> 0;
    this.#answered[row] = beats.echoAnswered[row];
    this.#lost[row] = beats.echoLost[row];
    return { answered, lost, rttMs: beats.echoRttMs[row] };
  }

  /**
   * Tells workers what the path is now. `silent`: nothing is to be sent on it; `echoMs`: the interval of echo packets.
   * Returns whether a worker that sleeps must wake to see it.
   */
  publish(row: number, manager: PathManager, path: Path, silent: boolean, echoMs: number): boolean {
    const beats = this.#beats;
    const peer = this.#pool.ownerOf(row);
    const { session, quality } = path;
    const { offload } = session;
    this.#publishEndpoint(row, peer, path.endpoint);
    const isUp = session.state === BFD_UP;
    beats.intervalMs[row] = silent ? Number.POSITIVE_INFINITY : offload.intervalMs;
    beats.jitterMin[row] = offload.jitterMin;
    beats.jitterMax[row] = offload.jitterMax;
    beats.echoMs[row] = Math.max(echoMs, session.echoIntervalMsMin);
    beats.echoLostAfterMs[row] = quality.answerMsMax;
    beats.basisAtMs[row] = Math.max(0, session.lastReceivedAtMs);
    beats.discriminator[row] = session.localDiscriminator;
    const detectionChanged = beats.detectionMs[row] !== offload.detectionMs;
    beats.detectionMs[row] = offload.detectionMs;
    beats.flags[row] = (offload.absorbs ? BEAT_ABSORBS : 0) | (isUp ? BEAT_UP : 0);
    this.#publishContent(row, manager, path);
    Atomics.or(beats.mask, peer, 1 << this.#place[row]);
    if (this.#rescheduled[row] === offload.rescheduled) return detectionChanged;
    this.#rescheduled[row] = offload.rescheduled;
    beats.nextAtMs[row] = silent ? Number.POSITIVE_INFINITY : offload.nextTransmitAtMs;
    Atomics.add(beats.schedule, row, 1);
    return true;
  }

  /** The peer is sent to by this row's path, and moves to no other by what it sends. */
  pin(peer: number, row: number): void {
    Atomics.store(this.#tables.peers.path, peer, this.#beats.slot[row]);
    Atomics.store(this.#beats.pinned, peer, 1);
  }

  /** No path of the peer is known to work: it is sent to where it last spoke from. */
  unpin(peer: number): void {
    Atomics.store(this.#beats.pinned, peer, 0);
  }

  /** Packets to the peer are as long as `path`, the one in use, carries. */
  publishMtu(peer: number, path: Path | undefined): void {
    const bytes = path?.mtu.isLess ? path.mtu.bytes : 0;
    if (this.#beats.mtu[peer] !== bytes) Atomics.store(this.#beats.mtu, peer, bytes);
  }

  /** Whether a large packet has been sent to the peer since the last call. */
  takeLarge(peer: number): boolean {
    return Atomics.exchange(this.#beats.large, peer, 0) !== 0;
  }

  /** The record goes into the slot that is not in use, and that one into use. */
  #publishEndpoint(row: number, peer: number, endpoint: Uint8Array): void {
    const { paths, peers } = this.#tables;
    const { slot } = this.#beats;
    const old = slot[row];
    const at = old * ENDPOINT_BYTES;
    if (old >= 0 && sameEndpoint(paths.subarray(at, at + ENDPOINT_BYTES), endpoint)) return;
    const first = row * SLOTS_PER_ROW;
    const next = old === first ? first + 1 : first;
    paths.set(endpoint, next * ENDPOINT_BYTES);
    Atomics.store(slot, row, next);
    if (old >= 0 && peers.path[peer] === old) Atomics.store(peers.path, peer, next);
  }

  #publishContent(row: number, manager: PathManager, path: Path): void {
    const beats = this.#beats;
    manager.writeTemplate(path, this.#packet, 0);
    const at = beats.contentAt(row, beats.version[row]);
    const { expected } = path.session.offload;
    const same =
      this.#packet.every((byte, i) => byte === beats.content[at + i]) && beats.expects(row, expected, 0);
    if (!same) beats.publish(row, this.#packet, 0, expected);
  }
}

/** Number of the lowest bit that is clear. */
function lowestClear(bits: number): number {
  return 31 - Math.clz32(~bits & (bits + 1));
}
