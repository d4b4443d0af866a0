/**
 * The memory of one router: its own arena and rows, and the tables it shares with the control thread and the other
 * workers. All of it is taken once, at start; no packet allocates.
 *
 *   rows = [ batch: BATCH_ROWS | replies: REPLY_ROWS | control: CONTROL_ROWS ]
 *   arena = [ UDP slots | TUN slots | one REPLY_BYTES buffer a reply row | one CONTROL_BYTES buffer a control row ]
 */
import { Ring } from '../base/ring.js';
import { DROP_REASONS } from '../packet/drop.js';
import { ROW_STRIDE } from '../packet/rows.js';
import type { PeerTable, SessionTable } from '../wireguard/tables.js';
import type { BeatTable } from './beat-table.js';

export const REPLY_ROWS = 64;
/** An ICMPv6 error is at most 1280 bytes; the rest is room for the seal's header and tag. */
export const REPLY_BYTES = 1408;
export const CONTROL_ROWS = 64;
/** The largest packet of a tunnel, with room for the seal's tag and padding: probes of what a path carries are as long. */
export const CONTROL_BYTES = 9_216;

/** Which of the workers a router works for. They share tables and sockets; each has a memory of its own. */
export interface WorkerPlace {
  readonly worker: number;
  readonly workers: number;
}

export const ALONE: WorkerPlace = { worker: 0, workers: 1 };

/** Per peer: packets and bytes, inner, as counted by one worker. */
export const PEER_COUNTERS = 4;
export const COUNT_RX_PACKETS = 0;
export const COUNT_RX_BYTES = 1;
export const COUNT_TX_PACKETS = 2;
export const COUNT_TX_BYTES = 3;

/** What stands in `available` for our own cluster and for the WAN: usable, and no peer's number. */
export const AVAILABLE_HERE = 0x7fff_ffff;

/** Tables shared by the control thread and every worker. */
export interface SharedTables {
  readonly sessions: SessionTable;
  readonly peers: PeerTable;
  readonly beats: BeatTable;
  /** Endpoint record of each path slot. A slot is written before it is published in `peers.path` or `beats.slot`. */
  readonly paths: Uint8Array;
  /** For each target of a route: the peer that serves it now, −1 nobody. Own cluster and WAN: ≥ 0 while usable. */
  readonly available: Int32Array;
  /** One word, raised after every change of `available`: what was derived from older values is stale. */
  readonly era: Int32Array;
}

/** Memory that belongs to one worker; the control thread reads the counters and the outbox. */
export class RouterMemory {
  readonly arena: Uint8Array;
  readonly rows: Int32Array;
  readonly sources: Uint8Array;
  readonly batchRows: number;
  /** First byte of the scratch part of the arena. */
  readonly scratchAt: number;
  /** First of CONTROL_ROWS records in `sources`, for what other workers hand over. */
  readonly straySource: number;
  /** Drops by reason, and the counters of each peer. */
  readonly drops: Float64Array;
  readonly peerCounters: Float64Array;
  readonly outbox: Ring;
  readonly inbox: Ring;

  constructor(parts: RouterMemoryParts) {
    this.arena = new Uint8Array(parts.arena);
    this.rows = new Int32Array(parts.rows);
    this.sources = new Uint8Array(parts.sources);
    this.batchRows = parts.batchRows;
    this.scratchAt = parts.scratchAt;
    this.straySource = parts.straySource;
    this.drops = new Float64Array(parts.drops);
    this.peerCounters = new Float64Array(parts.peerCounters);
    this.outbox = new Ring(parts.outbox);
    this.inbox = new Ring(parts.inbox);
  }

  get replyRow(): number {
    return this.batchRows;
  }

  get controlRow(): number {
    return this.batchRows + REPLY_ROWS;
  }
}

/** The buffers behind a RouterMemory: plain data, posted to the worker. */
export interface RouterMemoryParts {
  readonly arena: SharedArrayBuffer;
  readonly rows: SharedArrayBuffer;
  readonly sources: SharedArrayBuffer;
  readonly drops: SharedArrayBuffer;
  readonly peerCounters: SharedArrayBuffer;
  readonly outbox: SharedArrayBuffer;
  readonly inbox: SharedArrayBuffer;
  readonly batchRows: number;
  readonly scratchAt: number;
  readonly straySource: number;
}

export interface RouterSizes {
  /** Rows of one batch. */
  readonly batchRows: number;
  /** Bytes of the slots in front of the scratch part. */
  readonly slotBytes: number;
  /** Received messages whose sources are kept. */
  readonly sourceCount: number;
  readonly peerCapacity: number;
  /** Bytes of each ring, a power of two. */
  readonly ringBytes: number;
}

/** Takes the memory of one worker. */
export function createRouterMemory(sizes: RouterSizes): RouterMemoryParts {
  const rowCount = sizes.batchRows + REPLY_ROWS + CONTROL_ROWS;
  return {
    arena: new SharedArrayBuffer(sizes.slotBytes + REPLY_ROWS * REPLY_BYTES + CONTROL_ROWS * CONTROL_BYTES),
    rows: new SharedArrayBuffer(rowCount * ROW_STRIDE * 4),
    sources: new SharedArrayBuffer((sizes.sourceCount + CONTROL_ROWS) * 32),
    drops: new SharedArrayBuffer(DROP_REASONS.length * 8),
    peerCounters: new SharedArrayBuffer(sizes.peerCapacity * PEER_COUNTERS * 8),
    outbox: Ring.create(sizes.ringBytes).buffer,
    inbox: Ring.create(sizes.ringBytes).buffer,
    batchRows: sizes.batchRows,
    scratchAt: sizes.slotBytes,
    straySource: sizes.sourceCount,
  };
}
