/**
 * Overlay → LAN, the mirror image: opened packets pass the replay window, move the clocks, and then their inner packet is
 * judged: its source must belong behind the peer (reverse-path check), its destination decides: our own cluster
 * (destination NAT network → local, out by the LAN TUN), the WAN, our control address, or another cluster, to which we
 * forward as a hub with the TTL decremented. Every member delivers what it receives, active or not.
 */

import { martian } from '../packet/addresses.js';
import { DROP } from '../packet/drop.js';
import { writeEchoReply } from '../packet/echo.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_PEER,
  ROW_SESSION,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_CONTROL,
  VERDICT_DROP,
  VERDICT_OPEN_FAILED,
  VERDICT_OPENED,
} from '../packet/rows.js';
import { decrementTtl } from '../packet/ttl.js';
import { isBfd } from '../path/datagram.js';
import { noteAuthenticatedReceived } from '../wireguard/clocks.js';
import { acceptCounter } from '../wireguard/replay.js';
import { SESSION_UNCONFIRMED } from '../wireguard/tables.js';
import { noteArrival } from './arrival.js';
import type { Beats } from './beats.js';
import type { RouterContext } from './context.js';
import { breakOut, deliverHere, fits } from './deliver.js';
import { COUNT_RX_BYTES, COUNT_RX_PACKETS, PEER_COUNTERS } from './memory.js';
import { OUT_INNER, OUT_SESSION_USED } from './outbox.js';
import { isOfWatch, takePathPacket } from './path-packets.js';
import type { ReplyWriter } from './reply.js';
import { routeDestination, sourceBelongs } from './routing.js';

/** Counters are exact as numbers below 2^53: the high word below 2^21. A session never gets there. */
const COUNTER_HIGH_MAX = 1 << 21;
const TWO_TO_32 = 0x1_0000_0000;

/** Decides the `count` rows from `first` after the addon has opened them. */
export function decideOpened(
  context: RouterContext,
  replies: ReplyWriter,
  beats: Beats,
  first: number,
  count: number,
): void {
  const { rows } = context;
  const end = (first + count) * ROW_STRIDE;
  let ahead = context.snapshot.routes.isLarge ? first * ROW_STRIDE : end;
  for (let at = first * ROW_STRIDE; at < end; at += ROW_STRIDE) {
    if (at === ahead) ahead = context.readAhead(at, end, true);
    if (rows[at + ROW_VERDICT] === VERDICT_OPEN_FAILED) {
      context.drop(at, DROP.authentication);
      continue;
    }
    if (rows[at + ROW_VERDICT] !== VERDICT_OPENED) continue;
    const refused = admit(context, at);
    if (refused !== 0) {
      context.drop(at, refused);
      continue;
    }
    if (rows[at + ROW_LENGTH] === 0) {
      rows[at + ROW_VERDICT] = VERDICT_DROP;
      continue;
    }
    decideInner(context, replies, beats, at);
  }
}

/** Decides one opened packet, whose message has been admitted; `explain` starts here. */
export function decideInner(context: RouterContext, replies: ReplyWriter, beats: Beats, at: number): void {
  const reason = decide(context, beats, at);
  if (reason === 0) return;
  context.drop(at, reason);
  if (reason !== DROP.malformed && reason !== DROP['not-ip']) {
    replies.toPeer(reason, context.rows[at + ROW_PEER]);
  }
}

/** Replay window, clocks, confirmation and roaming: what an authentic message does whatever is inside it. */
function admit(context: RouterContext, at: number): number {
  const { rows, bytes, tables, memory, now } = context;
  const { sessions, peers } = tables;
  const slot = rows[at + ROW_SESSION];
  const peer = rows[at + ROW_PEER];
  const header = rows[at + ROW_OFFSET] - 16;
  const high = word32(bytes, header + 12);
  if (high >= COUNTER_HIGH_MAX) return DROP['counter-limit'];
  if (!acceptCounter(sessions, slot, high * TWO_TO_32 + word32(bytes, header + 8))) return DROP.replay;
  const length = rows[at + ROW_LENGTH];
  noteAuthenticatedReceived(peers, peer, now, length > 0);
  const counters = peer * PEER_COUNTERS;
  memory.peerCounters[counters + COUNT_RX_PACKETS] += 1;
  memory.peerCounters[counters + COUNT_RX_BYTES] += length;
  if ((sessions.flags[slot] & SESSION_UNCONFIRMED) !== 0) {
    if (memory.outbox.push(OUT_SESSION_USED, slot, peer, bytes, 0, 0)) {
      Atomics.and(sessions.flags, slot, ~SESSION_UNCONFIRMED);
    }
  }
  noteArrival(context, at, peer, slot);
  return 0;
}

/** The fate of an inner packet: 0 when its verdict is written, else the reason to drop it. */
function decide(context: RouterContext, beats: Beats, at: number): number {
  const { rows, parsed, bytes, snapshot, tables } = context;
  const peer = rows[at + ROW_PEER];
  const malformed = parsed.parse(bytes, rows[at + ROW_OFFSET], rows[at + ROW_LENGTH]);
  if (malformed !== 0) return malformed;
  rows[at + ROW_LENGTH] = parsed.length;
  if (parsed.family === 6 && isOwnControl(context)) return toControl(context, beats, at, peer);
  if (isOfWatch(context, peer)) return takePathPacket(context, beats, at, peer);
  const invalid = martian(parsed);
  if (invalid !== 0) return invalid;
  if (!sourceBelongs(context, peer)) return DROP['reverse-path'];
  const unroutable = routeDestination(context, at);
  if (unroutable !== 0) return unroutable;
  const { target } = context;
  if (target === snapshot.ownCluster) return deliverHere(context, at);
  if (target === snapshot.wan) return breakOut(context, at);
  const next = tables.available[target];
  if (next === peer) return DROP.loop;
  if (next < 0) return DROP['peer-down'];
  if (parsed.ttl <= 1) return DROP['ttl-exceeded'];
  if (!fits(context, at, next)) return DROP['too-big'];
  decrementTtl(bytes, parsed);
  return context.seal(at, next) ? 0 : DROP['peer-down'];
}

function isOwnControl(context: RouterContext): boolean {
  const own = context.snapshot.data.ownControl;
  const { parsed } = context;
  return parsed.d0 === own[0] && parsed.d1 === own[1] && parsed.d2 === own[2] && parsed.d3 === own[3];
}

/** Packets to our control address: only from the peer's own control address. */
function toControl(context: RouterContext, beats: Beats, at: number, peer: number): number {
  const { parsed, bytes, rows, memory, snapshot } = context;
  const control = snapshot.data.peerControl;
  const base = peer * 4;
  if (
    parsed.s0 !== control[base] ||
    parsed.s1 !== control[base + 1] ||
    parsed.s2 !== control[base + 2] ||
    parsed.s3 !== control[base + 3]
  ) {
    return DROP['reverse-path'];
  }
  if (isBfd(parsed)) return takePathPacket(context, beats, at, peer);
  if (writeEchoReply(bytes, parsed)) return context.seal(at, peer) ? 0 : DROP['peer-down'];
  if (!memory.outbox.push(OUT_INNER, peer, 0, bytes, rows[at + ROW_OFFSET], parsed.length)) {
    return DROP['control-queue-full'];
  }
  rows[at + ROW_VERDICT] = VERDICT_CONTROL;
  return 0;
}

function word32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
