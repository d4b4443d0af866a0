/**
 * What the control thread and the data-plane workers share about paths, so that a settled path wakes nobody: one row a
 * path. The control thread writes what a path repeats, what it expects and how often; a worker repeats it, absorbs what
 * says nothing new, and writes when it did so. 64-bit columns have one writer each.
 *
 * Rows are taken for paths that there are (row-pool.ts), since few peers have as many as one may. `rowAt` is where those of
 * a peer are found: PATHS_PER_PEER places, of which `mask` says which are in use.
 *
 * A row's content, an inner packet to repeat and the payload to expect, stands twice: the control thread fills the
 * buffer that is not in use and then raises `version`, whose lowest bit says which one is. Endpoint records stand twice
 * likewise, in slots of SharedTables.paths.
 */
import { ENDPOINT_BYTES } from '../base/endpoint.js';
import { BFD_BYTES } from '../path/bfd-packet.js';
import { PATHS_MAX } from '../path/path-table.js';

export const PATHS_PER_PEER = PATHS_MAX;
/** Slots for endpoint records a row, and those of a peer that belong to none (control/tables.ts). */
export const SLOTS_PER_ROW = 2;
export const FREE_SLOTS = 4;

/** The inner packet of a BFD control packet: IPv6, UDP, 24 bytes. */
export const BEAT_BYTES = 40 + 8 + BFD_BYTES;
const CONTENT_BYTES = BEAT_BYTES + BFD_BYTES;

/** `flags`: received packets that equal the expected payload say nothing new. */
export const BEAT_ABSORBS = 1;
/** The path's session is Up: whatever is authentic is a sign of life, and echo packets measure. */
export const BEAT_UP = 2;

export class BeatTable {
  /** In peers. */
  readonly capacity: number;
  readonly rows: number;
  readonly buffer: SharedArrayBuffer;
  /** Written by the control thread. Before jitter; +Infinity = repeat nothing. */
  readonly intervalMs: Float64Array;
  readonly jitterMin: Float64Array;
  readonly jitterMax: Float64Array;
  /** When the next repetition is due, as decided when `schedule` last moved. */
  readonly nextAtMs: Float64Array;
  /** So long without a sign of life is news for the control thread; and the last sign that it has seen itself. */
  readonly detectionMs: Float64Array;
  readonly basisAtMs: Float64Array;
  /** Interval of echo packets (+Infinity = none), and after how long one counts as lost. */
  readonly echoMs: Float64Array;
  readonly echoLostAfterMs: Float64Array;
  /** Written by a worker: the last absorbed packet, repetition, and anything authentic from the path's endpoint. */
  readonly absorbedAtMs: Float64Array;
  readonly repeatedAtMs: Float64Array;
  readonly heardAtMs: Float64Array;
  /** Round trip of the last echo packet that came back; how many came back, and how many did not, modulo 2^32. */
  readonly echoRttMs: Float64Array;
  readonly echoAnswered: Uint32Array;
  readonly echoLost: Uint32Array;
  /** Slot of the endpoint record, −1 = the row is free. */
  readonly slot: Int32Array;
  readonly flags: Int32Array;
  /** Moves with `nextAtMs`. */
  readonly schedule: Int32Array;
  readonly version: Int32Array;
  /** Our discriminator of the path. */
  readonly discriminator: Uint32Array;
  /** Per peer: bit k is set while place k of the peer is in use. */
  readonly mask: Int32Array;
  /** PATHS_PER_PEER places a peer: the row of each that is in use. Written before the bit of `mask` is set. */
  readonly rowAt: Int32Array;
  /** Per peer: 1 while `peers.path` is a path that works; what comes from elsewhere then moves nothing. */
  readonly pinned: Int32Array;
  /** Per peer: largest inner packet that its path in use carries; 0 = whatever the tunnel takes. */
  readonly mtu: Int32Array;
  /** Per peer: a worker sets 1 where it sends a packet more than half as long, and the control thread takes it away. */
  readonly large: Int32Array;
  readonly content: Uint8Array;

  static bytesFor(capacity: number, rows: number): number {
    return rows * (8 * 12 + 4 * 7 + 2 * CONTENT_BYTES) + capacity * (4 * 4 + 4 * PATHS_PER_PEER);
  }

  constructor(buffer: SharedArrayBuffer, capacity: number, rows: number) {
    this.buffer = buffer;
    this.capacity = capacity;
    this.rows = rows;
    let at = 0;
    const take = (bytes: number): number => {
      at += bytes;
      return at - bytes;
    };
    const clocks = Array.from({ length: 12 }, () => new Float64Array(buffer, take(8 * rows), rows));
    [this.intervalMs, this.jitterMin, this.jitterMax, this.nextAtMs] = clocks;
    [this.detectionMs, this.basisAtMs, this.echoMs, this.echoLostAfterMs] = clocks.slice(4);
    [this.absorbedAtMs, this.repeatedAtMs, this.heardAtMs, this.echoRttMs] = clocks.slice(8);
    this.echoAnswered = new Uint32Array(buffer, take(4 * rows), rows);
    this.echoLost = new Uint32Array(buffer, take(4 * rows), rows);
    this.slot = new Int32Array(buffer, take(4 * rows), rows);
    this.flags = new Int32Array(buffer, take(4 * rows), rows);
    this.schedule = new Int32Array(buffer, take(4 * rows), rows);
    this.version = new Int32Array(buffer, take(4 * rows), rows);
    this.discriminator = new Uint32Array(buffer, take(4 * rows), rows);
    this.mask = new Int32Array(buffer, take(4 * capacity), capacity);
    this.pinned = new Int32Array(buffer, take(4 * capacity), capacity);
    this.mtu = new Int32Array(buffer, take(4 * capacity), capacity);
    this.large = new Int32Array(buffer, take(4 * capacity), capacity);
    this.rowAt = new Int32Array(buffer, take(4 * capacity * PATHS_PER_PEER), capacity * PATHS_PER_PEER);
    this.content = new Uint8Array(buffer, take(rows * 2 * CONTENT_BYTES), rows * 2 * CONTENT_BYTES);
  }

  /** Left out, `rows` are as many as all peers may have. */
  static create(capacity: number, rows = capacity * PATHS_PER_PEER): BeatTable {
    const buffer = new SharedArrayBuffer(BeatTable.bytesFor(capacity, rows));
    const table = new BeatTable(buffer, capacity, rows);
    table.slot.fill(-1);
    return table;
  }

  /** Where the packet to repeat stands in `content`, of version `version`; the payload to expect follows it. */
  contentAt(row: number, version: number): number {
    return (row * 2 + (version & 1)) * CONTENT_BYTES;
  }

  /** Control thread: the packet of BEAT_BYTES at `at` of `packet` is repeated and `expected` absorbed from now on. */
  publish(row: number, packet: Uint8Array, at: number, expected: Uint8Array): void {
    const version = this.version[row] + 1;
    const to = this.contentAt(row, version);
    for (let i = 0; i < BEAT_BYTES; i++) this.content[to + i] = packet[at + i];
    for (let i = 0; i < BFD_BYTES; i++) this.content[to + BEAT_BYTES + i] = expected[i];
    Atomics.store(this.version, row, version);
  }

  /** Whether the `BFD_BYTES` bytes at `at` are what row `row` expects. */
  expects(row: number, bytes: Uint8Array, at: number): boolean {
    const from = this.contentAt(row, Atomics.load(this.version, row)) + BEAT_BYTES;
    for (let i = 0; i < BFD_BYTES; i++) if (bytes[at + i] !== this.content[from + i]) return false;
    return true;
  }
}

/** The row whose endpoint record is in `slot`, −1 where the slot belongs to no row. */
export function rowOfSlot({ rows }: BeatTable, slot: number): number {
  return slot < rows * SLOTS_PER_ROW ? slot >> 1 : -1;
}

/** The first of the FREE_SLOTS of `peer`: they stand behind those of all rows. */
export function freeSlotsOf({ rows }: BeatTable, peer: number): number {
  return rows * SLOTS_PER_ROW + peer * FREE_SLOTS;
}

/** Bytes of SharedTables.paths. */
export function pathSlotBytes({ rows, capacity }: BeatTable): number {
  return (rows * SLOTS_PER_ROW + capacity * FREE_SLOTS) * ENDPOINT_BYTES;
}
