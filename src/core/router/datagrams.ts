/**
 * Received datagrams, before they are opened. Transport data (type 4) of a known, living session is marked to be opened;
 * everything else goes to the control thread, which knows handshakes. Nothing here is trusted yet: the index is only a
 * guess that the AEAD will confirm (paper, 5.4.6).
 *
 * The kernel gives each worker the messages of its own peers, but for a few: it may join a handshake message and the short
 * data message behind it to one train, and a socket that is new is shared out by chance for a moment. Such a stray is never
 * opened here, where a second writer would meet the replay window: it goes to its owner by way of the control thread.
 */
import { DROP } from '../packet/drop.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_PEER,
  ROW_SESSION,
  ROW_SOURCE,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_CONTROL,
  VERDICT_OPEN,
} from '../packet/rows.js';
import { workerOf } from '../wireguard/slots.js';
import { SLOT_MASK } from '../wireguard/tables.js';
import type { RouterContext } from './context.js';
import { CONTROL_BYTES } from './memory.js';
import { OUT_DATAGRAM, OUT_STRAY } from './outbox.js';

const TYPE_DATA = 4;
const HANDSHAKE_BYTES_MAX = 148;
const DATA_BYTES_MIN = 32;
const ENDPOINT_BYTES = 32;

/** Marks each of the `count` rows from `first`: open, control, or drop. */
export function classifyDatagrams(context: RouterContext, first: number, count: number): void {
  const { rows, bytes, tables } = context;
  const { sessions } = tables;
  const end = (first + count) * ROW_STRIDE;
  for (let at = first * ROW_STRIDE; at < end; at += ROW_STRIDE) {
    const offset = rows[at + ROW_OFFSET];
    const length = rows[at + ROW_LENGTH];
    if (length >= DATA_BYTES_MIN && bytes[offset] === TYPE_DATA) {
      const index =
        (bytes[offset + 4] |
          (bytes[offset + 5] << 8) |
          (bytes[offset + 6] << 16) |
          (bytes[offset + 7] << 24)) >>>
        0;
      const slot = index & SLOT_MASK;
      if (index === 0 || slot >= sessions.capacity || sessions.localIndex[slot] !== index) {
        context.drop(at, DROP['unknown-session']);
      } else if (context.now >= sessions.expiresAtMs[slot]) {
        context.drop(at, DROP['session-expired']);
      } else if (context.workers > 1 && workerOf(slot, context.workers) !== context.worker) {
        handOver(context, at, OUT_STRAY, slot, length <= CONTROL_BYTES);
      } else {
        rows[at + ROW_SESSION] = slot;
        rows[at + ROW_PEER] = sessions.peer[slot];
        rows[at + ROW_VERDICT] = VERDICT_OPEN;
      }
    } else {
      toControl(context, at, offset, length);
    }
  }
}

function toControl(context: RouterContext, at: number, offset: number, length: number): void {
  const type = length > 0 ? context.bytes[offset] : 0;
  if (type < 1 || type > 3 || length > HANDSHAKE_BYTES_MAX) context.drop(at, DROP['datagram-malformed']);
  else handOver(context, at, OUT_DATAGRAM, 0, true);
}

/** Gives the datagram of row `at` and its source to the control thread, if it `fits` where it is to go. */
function handOver(context: RouterContext, at: number, type: number, argument: number, fits: boolean): void {
  const { rows, bytes, memory } = context;
  const { outbox, sources } = memory;
  const source = rows[at + ROW_SOURCE] * ENDPOINT_BYTES;
  const offset = rows[at + ROW_OFFSET];
  const length = rows[at + ROW_LENGTH];
  if (fits && outbox.push(type, argument, 0, bytes, offset, length, sources, source, ENDPOINT_BYTES)) {
    rows[at + ROW_VERDICT] = VERDICT_CONTROL;
  } else {
    context.dropFull(at);
  }
}
