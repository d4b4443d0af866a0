/**
 * By which path an authentic message came: the row whose endpoint record is its source. Our own nodes choose paths by
 * what BFD says (peers.path is pinned), so what comes from elsewhere moves a path's clock and nothing more. Of a peer
 * without a path that is known to work, plain WireGuard above all, the control thread is told when it speaks from
 * another endpoint than the one we send to (paper, 2.1: roaming).
 */
import { ENDPOINT_BYTES, ENDPOINT_WORDS, ENDPOINT_WORDS_COMPARED } from '../base/endpoint.js';
import { IP6_HEADER, IP6_NEXT_HEADER, PROTOCOL_UDP, UDP_DESTINATION_PORT } from '../packet/offsets.js';
import { ROW_LENGTH, ROW_OFFSET, ROW_SOURCE } from '../packet/rows.js';
import { BFD_CONTROL_PORT, BFD_ECHO_PORT } from '../path/datagram.js';
import { PATHS_PER_PEER, rowOfSlot } from './beat-table.js';
import type { RouterContext } from './context.js';
import { OUT_ROAMED } from './outbox.js';
import { WATCH_WORDS } from './snapshot.js';

/** Notes in `context.arrivalRow`, and in the path's clock, by which path the message of row `at` came. */
export function noteArrival(context: RouterContext, at: number, peer: number, session: number): void {
  const { rows, tables, memory } = context;
  const source = rows[at + ROW_SOURCE];
  // A message's datagrams share their source; the answer for one of this batch usually serves for the next one.
  if (source === context.settledSource && peer === context.settledPeer) return;
  const inUse = tables.peers.path[peer];
  const isInUse = inUse >= 0 && isFrom(context, source, inUse);
  const row = isInUse ? rowOfSlot(tables.beats, inUse) : findRow(context, source, peer);
  context.arrivalRow = row;
  if (row >= 0) tables.beats.heardAtMs[row] = context.now;
  if (isInUse || tables.beats.pinned[peer] === 1) {
    context.settledSource = source;
    context.settledPeer = peer;
    return;
  }
  context.settledSource = -1;
  // While paths are tried probes come by all of them: what they say is not "send to me here". Plain WireGuard has one.
  const isPlain = context.snapshot.data.peerWatch[peer * WATCH_WORDS] !== 0;
  if (!isPlain && looksLikeBfd(context, at)) return;
  memory.outbox.push(OUT_ROAMED, peer, session, memory.sources, source * ENDPOINT_BYTES, ENDPOINT_BYTES);
}

function findRow(context: RouterContext, source: number, peer: number): number {
  const { mask, rowAt, slot } = context.tables.beats;
  for (let used = mask[peer], at = peer * PATHS_PER_PEER; used !== 0; used >>>= 1, at++) {
    if ((used & 1) !== 0 && isFrom(context, source, slot[rowAt[at]])) return rowAt[at];
  }
  return -1;
}

/** Whether two path slots lead to one place. */
export function isSamePlace({ pathWords }: RouterContext, a: number, b: number): boolean {
  return isSame(pathWords, a * ENDPOINT_WORDS, pathWords, b * ENDPOINT_WORDS);
}

function isFrom({ sourceWords, pathWords }: RouterContext, source: number, path: number): boolean {
  return isSame(sourceWords, source * ENDPOINT_WORDS, pathWords, path * ENDPOINT_WORDS);
}

function isSame(these: Int32Array, a: number, those: Int32Array, b: number): boolean {
  let i = 0;
  while (i < ENDPOINT_WORDS_COMPARED && these[a + i] === those[b + i]) i++;
  return i === ENDPOINT_WORDS_COMPARED;
}

/** A guess before the packet is parsed: it costs a wrong one no more than to wait for its next packet. */
function looksLikeBfd({ rows, bytes }: RouterContext, at: number): boolean {
  const offset = rows[at + ROW_OFFSET];
  if (rows[at + ROW_LENGTH] < IP6_HEADER + 8 || bytes[offset] >> 4 !== 6) return false;
  if (bytes[offset + IP6_NEXT_HEADER] !== PROTOCOL_UDP) return false;
  const port = offset + IP6_HEADER + UDP_DESTINATION_PORT;
  const number = (bytes[port] << 8) | bytes[port + 1];
  return number === BFD_CONTROL_PORT || number === BFD_ECHO_PORT;
}
