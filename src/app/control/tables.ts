/** The control thread's side of the shared tables: taking the memory, and publishing paths. */

import { assert } from '../../core/base/assert.js';
import { ENDPOINT_BYTES, sameEndpoint } from '../../core/base/endpoint.js';
import { BeatTable, FREE_SLOTS, pathSlotBytes, SLOTS_PER_PEER } from '../../core/router/beat-table.js';
import type { SharedTables } from '../../core/router/memory.js';
import { sessionCapacityFor } from '../../core/wireguard/slots.js';
import { PeerTable, SessionTable } from '../../core/wireguard/tables.js';

/** Tables for `peerCount` peers and `targetCount` route targets; each of the `workers` has slots for its share of peers. */
export function createSharedTables(peerCount: number, targetCount: number, workers = 1): SharedTables {
  const capacity = Math.max(1, peerCount);
  const available = new Int32Array(new SharedArrayBuffer(Math.max(1, targetCount) * 4)).fill(-1);
  return {
    sessions: SessionTable.create(sessionCapacityFor(capacity, workers)),
    peers: PeerTable.create(capacity),
    beats: BeatTable.create(capacity),
    paths: new Uint8Array(new SharedArrayBuffer(pathSlotBytes(capacity))),
    available,
    era: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/**
 * Where a peer is sent to that has no path which BFD has found to work (paths that have are path-rows.ts): its FREE_SLOTS
 * are used in turn. The record is written into the slot used longest ago, then published; a worker that still reads the
 * old slot finds the old endpoint whole.
 */
export class PathSlots {
  readonly #tables: SharedTables;
  readonly #turn: Uint32Array;

  constructor(tables: SharedTables) {
    this.#tables = tables;
    this.#turn = new Uint32Array(tables.peers.capacity);
  }

  /** The endpoint record that `peer` is sent to, or undefined while it has none. A view: copy it to keep it. */
  current(peer: number): Uint8Array | undefined {
    const slot = this.#tables.peers.path[peer];
    return slot < 0
      ? undefined
      : this.#tables.paths.subarray(slot * ENDPOINT_BYTES, (slot + 1) * ENDPOINT_BYTES);
  }

  /** Sends to `record` (32 bytes) from now on. Returns whether that is a change. */
  publish(peer: number, record: Uint8Array): boolean {
    assert(record.length === ENDPOINT_BYTES, 'an endpoint record has 32 bytes');
    const current = this.current(peer);
    if (current !== undefined && sameEndpoint(current, record)) return false;
    this.copy(peer, record);
    return true;
  }

  /** The same, into a slot of the peer's own whatever there is already. */
  copy(peer: number, record: Uint8Array): void {
    this.#turn[peer] += 1;
    const first = (peer + 1) * SLOTS_PER_PEER - FREE_SLOTS;
    const slot = first + (this.#turn[peer] % FREE_SLOTS);
    this.#tables.paths.set(record, slot * ENDPOINT_BYTES);
    Atomics.store(this.#tables.peers.path, peer, slot);
  }
}
