/**
 * BFD packets between control addresses, as a worker sees them (RFC 5881). Control packets that say nothing new are
 * absorbed, of which only the time is kept; the others go to the control thread together with the place that they came from.
 * Echo packets of the peer go straight back by the path that they came by; answers to ours are measured here, those to the
 * control thread's handed on.
 */
import { ENDPOINT_BYTES } from '../base/endpoint.js';
import { DROP } from '../packet/drop.js';
import { get32, UDP_HEADER } from '../packet/offsets.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_SOURCE,
  ROW_VERDICT,
  VERDICT_CONTROL,
  VERDICT_DROP,
} from '../packet/rows.js';
import { BFD_BYTES } from '../path/bfd-packet.js';
import { BFD_CONTROL_PORT, BFD_TTL, isBfd, payloadLength } from '../path/datagram.js';
import { ECHO_ANSWER_TTL, ECHO_BYTES, echoDiscriminator, writeEchoAnswer } from '../path/echo.js';
import { isSamePlace } from './arrival.js';
import { BEAT_ABSORBS, type BeatTable, PATHS_PER_PEER } from './beat-table.js';
import type { Beats } from './beats.js';
import type { RouterContext } from './context.js';
import { OUT_PATH } from './outbox.js';
import { WATCH_WORDS } from './snapshot.js';

/** In a control packet (RFC 5880 4.1). */
const YOUR_DISCRIMINATOR = 8;

/** Decides the packet of `context.parsed`, for which isBfd holds, that `peer` sent: 0, or the reason to drop it. */
export function takePathPacket(context: RouterContext, beats: Beats, at: number, peer: number): number {
  const { parsed, rows } = context;
  if (parsed.destinationPort === BFD_CONTROL_PORT) return takeControl(context, at, peer);
  if (parsed.ttl === BFD_TTL) return answerEcho(context, at, peer);
  if (parsed.ttl === ECHO_ANSWER_TTL && !measure(context, beats, peer)) return handOn(context, at, peer);
  rows[at + ROW_VERDICT] = VERDICT_DROP;
  return 0;
}

/** Whether the packet of `context.parsed` is BFD of an external peer, between the addresses agreed with it. */
export function isOfWatch({ parsed, snapshot }: RouterContext, peer: number): boolean {
  const words = snapshot.data.peerWatch;
  const at = peer * WATCH_WORDS;
  if (words[at] !== parsed.family || parsed.destinationPort !== BFD_CONTROL_PORT || !isBfd(parsed))
    return false;
  if (parsed.family === 4) return words[at + 1] === parsed.destination4 && words[at + 5] === parsed.source4;
  return (
    words[at + 1] === parsed.d0 &&
    words[at + 2] === parsed.d1 &&
    words[at + 3] === parsed.d2 &&
    words[at + 4] === parsed.d3 &&
    words[at + 5] === parsed.s0 &&
    words[at + 6] === parsed.s1 &&
    words[at + 7] === parsed.s2 &&
    words[at + 8] === parsed.s3
  );
}

function takeControl(context: RouterContext, at: number, peer: number): number {
  const { parsed, rows, bytes, tables } = context;
  const payload = parsed.l4Offset + UDP_HEADER;
  const row = rowOfSession(context, peer, get32(bytes, payload + YOUR_DISCRIMINATOR) >>> 0);
  if (
    row >= 0 &&
    (tables.beats.flags[row] & BEAT_ABSORBS) !== 0 &&
    parsed.ttl === BFD_TTL &&
    payloadLength(bytes, parsed) === BFD_BYTES &&
    tables.beats.expects(row, bytes, payload)
  ) {
    tables.beats.absorbedAtMs[row] = context.now;
    rows[at + ROW_VERDICT] = VERDICT_DROP;
    return 0;
  }
  return handOn(context, at, peer);
}

/** To the control thread, with the place that it came from. */
function handOn(context: RouterContext, at: number, peer: number): number {
  const { parsed, rows, bytes, memory } = context;
  const source = rows[at + ROW_SOURCE] * ENDPOINT_BYTES;
  const { outbox, sources } = memory;
  const offset = rows[at + ROW_OFFSET];
  if (!outbox.push(OUT_PATH, peer, 0, bytes, offset, parsed.length, sources, source, ENDPOINT_BYTES)) {
    return DROP['control-queue-full'];
  }
  rows[at + ROW_VERDICT] = VERDICT_CONTROL;
  return 0;
}

/**
 * The row of the session with this discriminator of ours, if the packet came from its place; −1 otherwise. Two sessions may
 * have one place: where the peer is dialled at one address and speaks from another, each end has dialled and has learned.
 */
function rowOfSession(context: RouterContext, peer: number, discriminator: number): number {
  const { arrivalRow, tables } = context;
  const { slot } = tables.beats;
  if (arrivalRow < 0 || tables.beats.discriminator[arrivalRow] === discriminator) return arrivalRow;
  const row = rowOf(tables.beats, peer, discriminator);
  return row >= 0 && isSamePlace(context, slot[row], slot[arrivalRow]) ? row : -1;
}

/** The row of `peer` with this discriminator of ours, −1 where there is none. */
function rowOf(beats: BeatTable, peer: number, discriminator: number): number {
  const { mask, rowAt } = beats;
  for (let used = mask[peer], at = peer * PATHS_PER_PEER; used !== 0; used >>>= 1, at++) {
    if ((used & 1) !== 0 && beats.discriminator[rowAt[at]] === discriminator) return rowAt[at];
  }
  return -1;
}

function answerEcho(context: RouterContext, at: number, peer: number): number {
  const { tables, rows, bytes, parsed, arrivalRow } = context;
  rows[at + ROW_LENGTH] = writeEchoAnswer(bytes, parsed);
  const slot = arrivalRow >= 0 ? tables.beats.slot[arrivalRow] : tables.peers.path[peer];
  return context.sealOn(at, peer, slot) ? 0 : DROP['peer-down'];
}

/** Whether the answer is for a worker: one to a question that the control thread has asked has no row. */
function measure(context: RouterContext, beats: Beats, peer: number): boolean {
  const { parsed, bytes, tables } = context;
  const at = parsed.l4Offset + UDP_HEADER;
  if (payloadLength(bytes, parsed) !== ECHO_BYTES) return false;
  const row = rowOf(tables.beats, peer, echoDiscriminator(bytes, at));
  if (row >= 0) beats.handleEcho(row, get32(bytes, at + 4) >>> 0);
  return row >= 0;
}
