/**
 * Received datagrams, before they are opened. Transport data (type 4) of a known, living session is marked to be opened;
 * everything else goes to the control thread, which knows handshakes. Nothing here is trusted yet: the index is only a
 * guess that the AEAD will confirm (paper, 5.4.6).
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
import { SLOT_MASK } from '../wireguard/tables.js';
import type { RouterContext } from './context.js';
import { OUT_DATAGRAM } from './outbox.js';

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
  const { rows, bytes, memory } = context;
  const type = length > 0 ? bytes[offset] : 0;
  if (type < 1 || type > 3 || length > HANDSHAKE_BYTES_MAX) {
    context.drop(at, DROP['datagram-malformed']);
    return;
  }
  const source = rows[at + ROW_SOURCE] * ENDPOINT_BYTES;
  if (memory.outbox.push(OUT_DATAGRAM, 0, 0, bytes, offset, length, memory.sources, source, ENDPOINT_BYTES)) {
    rows[at + ROW_VERDICT] = VERDICT_CONTROL;
  } else {
    context.dropFull(at);
  }
}
