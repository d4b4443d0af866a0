/** The control thread's side of the shared tables: taking the memory, and publishing paths. */

import { assert } from '../../core/base/assert.js';
import { ENDPOINT_BYTES, sameEndpoint } from '../../core/base/endpoint.js';
import { type Configuration, endpointsOf } from '../../core/config/configuration.js';
import { BeatTable, FREE_SLOTS, freeSlotsOf, pathSlotBytes } from '../../core/router/beat-table.js';
import type { SharedTables } from '../../core/router/memory.js';
import { rowCapacityFor } from '../../core/router/row-pool.js';
import { sessionCapacityFor } from '../../core/wireguard/slots.js';
import { PeerTable, SessionTable } from '../../core/wireguard/tables.js';

/**
 * Tables for `peerCount` peers and `targetCount` route targets; each of the `workers` has slots for its share of peers.
 * `pathRows`: as many as all peers may have, if left out.
 */
export function createSharedTables(
  peerCount: number,
  targetCount: number,
  workers = 1,
  pathRows?: number,
): SharedTables {
  const capacity = Math.max(1, peerCount);
  const beats = BeatTable.create(capacity, pathRows);
  const available = new Int32Array(new SharedArrayBuffer(Math.max(1, targetCount) * 4)).fill(-1);
  return {
    sessions: SessionTable.create(sessionCapacityFor(capacity, workers)),
    peers: PeerTable.create(capacity),
    beats,
    paths: new Uint8Array(new SharedArrayBuffer(pathSlotBytes(beats))),
    available,
    era: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/** Rows for the paths of `capacity` peers, and for all that the configuration asks for. */
export function pathRowsFor(configuration: Configuration, capacity: number): number {
  const { uplinks } = configuration.local;
  const configured = configuration.nodes.map(
    (node) => endpointsOf(configuration, node).length * uplinks.length,
  );
  return rowCapacityFor(capacity, uplinks.length, configured);
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
    const slot = freeSlotsOf(this.#tables.beats, peer) + (this.#turn[peer] % FREE_SLOTS);
    this.#tables.paths.set(record, slot * ENDPOINT_BYTES);
    Atomics.store(this.#tables.peers.path, peer, slot);
  }
}
