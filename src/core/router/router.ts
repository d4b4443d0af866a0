/**
 * The router: one pure object. Rows in (from the TUN, from the sockets, from the control thread), verdicts and ICMP
 * replies out; the caller reads and writes the devices. Set `now`, call one handleX for a batch, carry out its rows,
 * then the reply rows; nothing is kept from one batch to the next but the tables.
 */

import { ENDPOINT_BYTES } from '../base/endpoint.js';
import { clearRow } from '../packet/clear-row.js';
import {
  FLAG_SEAL_WHOLE,
  ROW_FLAGS,
  ROW_PEER,
  ROW_SOURCE,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_LAN,
  VERDICT_SEAL,
  VERDICT_WAN,
} from '../packet/rows.js';
import { Beats } from './beats.js';
import { RouterContext } from './context.js';
import { classifyDatagrams } from './datagrams.js';
import { decideLan } from './lan.js';
import {
  ALONE,
  CONTROL_BYTES,
  CONTROL_ROWS,
  REPLY_BYTES,
  REPLY_ROWS,
  type RouterMemory,
  type SharedTables,
  type WorkerPlace,
} from './memory.js';
import { decideInner, decideOpened } from './opened.js';
import { IN_SEAL_WHOLE, IN_STRAY } from './outbox.js';
import { ReplyWriter } from './reply.js';
import { type Snapshot, SnapshotView } from './snapshot.js';

export class Router {
  readonly context: RouterContext;
  /** What this worker sends by itself, into the control rows. */
  readonly beats: Beats;
  readonly #replies: ReplyWriter;
  /** After a handleX: how many rows of the batch have each verdict. */
  sealCount = 0;
  lanCount = 0;
  wanCount = 0;

  /** `seed` varies the times of what the worker sends by itself. */
  constructor(
    memory: RouterMemory,
    tables: SharedTables,
    snapshot: Snapshot,
    seed = 1,
    place: WorkerPlace = ALONE,
  ) {
    this.context = new RouterContext(memory, tables, new SnapshotView(snapshot), place);
    this.beats = new Beats(this.context, seed);
    this.#replies = new ReplyWriter(this.context);
  }

  /** Time of the coming batches, ms. */
  set now(ms: number) {
    this.context.now = ms;
  }

  /** First reply row, and how many the last batch has filled. */
  get replyRow(): number {
    return this.context.memory.replyRow;
  }

  get replyCount(): number {
    return this.#replies.count;
  }

  get controlRow(): number {
    return this.context.memory.controlRow;
  }

  /** Routes by `snapshot` from the next batch on. */
  useSnapshot(snapshot: Snapshot): void {
    this.context.snapshot = new SnapshotView(snapshot);
    this.context.forgetRoutes();
  }

  /** Packets read from the LAN TUN. */
  handleLan(first: number, count: number): void {
    this.#begin();
    decideLan(this.context, this.#replies, first, count);
    this.#tally(first, count);
  }

  /** Packets read from the WAN TUN: replies to local breakout, which the kernel has translated back. */
  handleWan(first: number, count: number): void {
    this.#begin();
    const { rows } = this.context;
    for (let at = first * ROW_STRIDE; at < (first + count) * ROW_STRIDE; at += ROW_STRIDE) {
      rows[at + ROW_VERDICT] = VERDICT_LAN;
    }
    this.#tally(first, count);
  }

  /** Datagrams as received: marks what is to be opened. */
  handleDatagrams(first: number, count: number): void {
    this.#begin();
    classifyDatagrams(this.context, first, count);
  }

  /** The same rows after the addon has opened them. */
  handleOpened(first: number, count: number): void {
    this.context.beginBatch();
    decideOpened(this.context, this.#replies, this.beats, first, count);
    this.#tally(first, count);
  }

  /** One inner packet that `peer` is supposed to have sent, without the message around it: for `explain`. */
  handleInner(row: number, peer: number): void {
    this.#begin();
    const at = row * ROW_STRIDE;
    this.context.rows[at + ROW_PEER] = peer;
    this.context.arrivalRow = -1;
    decideInner(this.context, this.#replies, this.beats, at);
    this.#tally(row, 1);
  }

  /**
   * Takes packets that the control thread wants sealed from the inbox into the control rows, up to the first record that is
   * none. Returns how many rows are filled; call this and handleStrays while the inbox has something.
   */
  handleInbox(): number {
    const { memory, rows, bytes } = this.context;
    const { inbox } = memory;
    let count = 0;
    while (count < CONTROL_ROWS && inbox.next() && inbox.type !== IN_STRAY) {
      const { payload } = inbox;
      const at = (memory.controlRow + count) * ROW_STRIDE;
      const offset = memory.scratchAt + REPLY_ROWS * REPLY_BYTES + count * CONTROL_BYTES;
      if (payload.length <= CONTROL_BYTES) {
        bytes.set(payload, offset);
        clearRow(rows, at, offset, payload.length);
        // Without a session the row keeps its VERDICT_DROP: nobody's packet is lost, the control thread asks again.
        const peer = inbox.argument;
        const path = inbox.argument2 > 0 ? inbox.argument2 - 1 : this.context.tables.peers.path[peer];
        this.context.sealOn(at, peer, path);
        if (inbox.type === IN_SEAL_WHOLE) rows[at + ROW_FLAGS] = FLAG_SEAL_WHOLE;
        count += 1;
      }
      inbox.release();
    }
    return count;
  }

  /** The same with datagrams that other workers have received: rows as they come from a socket. */
  handleStrays(): number {
    const { memory, rows, bytes } = this.context;
    const { inbox, sources } = memory;
    let count = 0;
    while (count < CONTROL_ROWS && inbox.next() && inbox.type === IN_STRAY) {
      const { payload } = inbox;
      const at = (memory.controlRow + count) * ROW_STRIDE;
      const offset = memory.scratchAt + REPLY_ROWS * REPLY_BYTES + count * CONTROL_BYTES;
      const source = memory.straySource + count;
      const length = payload.length - ENDPOINT_BYTES;
      for (let i = 0; i < ENDPOINT_BYTES; i++) sources[source * ENDPOINT_BYTES + i] = payload[i];
      for (let i = 0; i < length; i++) bytes[offset + i] = payload[ENDPOINT_BYTES + i];
      clearRow(rows, at, offset, length);
      rows[at + ROW_SOURCE] = source;
      count += 1;
      inbox.release();
    }
    return count;
  }

  #begin(): void {
    this.context.beginBatch();
    this.#replies.begin();
  }

  #tally(first: number, count: number): void {
    const { rows } = this.context;
    let seal = 0;
    let lan = 0;
    let wan = 0;
    for (let at = first * ROW_STRIDE; at < (first + count) * ROW_STRIDE; at += ROW_STRIDE) {
      const verdict = rows[at + ROW_VERDICT];
      if (verdict === VERDICT_SEAL) seal += 1;
      else if (verdict === VERDICT_LAN) lan += 1;
      else if (verdict === VERDICT_WAN) wan += 1;
    }
    this.sealCount = seal;
    this.lanCount = lan;
    this.wanCount = wan;
  }
}
