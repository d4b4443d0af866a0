/**
 * LAN → overlay. For each packet that the kernel routed into the LAN TUN: (1) the route of its destination, (2) the
 * inside NAT of its source, local → network, (3) the session of the peer that serves the route. The kernel has already
 * decremented the TTL when it forwarded the packet to us.
 *
 * A row may be a GSO super-packet; its fate is decided once.
 */
import { martian } from '../packet/addresses.js';
import { DROP } from '../packet/drop.js';
import { ROW_LENGTH, ROW_OFFSET, ROW_STRIDE } from '../packet/rows.js';
import type { RouterContext } from './context.js';
import { breakOut, deliverHere, fits } from './deliver.js';
import type { ReplyWriter } from './reply.js';
import { routeDestination } from './routing.js';
import { translateSource, untranslateSource } from './translate.js';

/** Decides the `count` rows from `first`, read from the LAN TUN. */
export function decideLan(context: RouterContext, replies: ReplyWriter, first: number, count: number): void {
  const end = (first + count) * ROW_STRIDE;
  let ahead = context.snapshot.routes.isLarge ? first * ROW_STRIDE : end;
  for (let at = first * ROW_STRIDE; at < end; at += ROW_STRIDE) {
    if (at === ahead) ahead = context.readAhead(at, end, false);
    const reason = decide(context, at);
    if (reason === 0) continue;
    context.drop(at, reason);
    if (reason !== DROP.malformed && reason !== DROP['not-ip']) replies.toLan(reason);
  }
}

/** The fate of one packet: 0 when its verdict is written, else the reason to drop it. */
function decide(context: RouterContext, at: number): number {
  const { rows, parsed, snapshot, tables } = context;
  const malformed = parsed.parse(context.bytes, rows[at + ROW_OFFSET], rows[at + ROW_LENGTH]);
  if (malformed !== 0) return malformed;
  rows[at + ROW_LENGTH] = parsed.length;
  const invalid = martian(parsed);
  if (invalid !== 0) return invalid;
  const unroutable = routeDestination(context, at);
  if (unroutable !== 0) return unroutable;
  const { target } = context;
  if (target === snapshot.wan) return breakOut(context, at);
  const untranslated = translateSource(context, at);
  if (untranslated !== 0) return untranslated;
  if (target === snapshot.ownCluster) return deliverHere(context, at);
  // Read once: who serves the target may change under us.
  const peer = tables.available[target];
  const refused = peer < 0 ? DROP['peer-down'] : fits(context, at, peer) ? 0 : DROP['too-big'];
  if (refused === 0 && context.seal(at, peer)) return 0;
  untranslateSource(context, at);
  return refused === 0 ? DROP['peer-down'] : refused;
}
