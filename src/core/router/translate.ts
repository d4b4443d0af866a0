/**
 * The inside NAT on the packet in `context.parsed`: which entry, what about ICMP errors, and what about a host that no
 * entry covers. The rewriting itself is nat/rewrite.ts; here are the router's decisions.
 */

import { type NatDirection, TO_LOCAL, TO_NETWORK } from '../nat/map.js';
import {
  adoptQuotedDestination,
  EMBEDDED_MALFORMED,
  EMBEDDED_UNMAPPED,
  findDestinationEntry,
  findSourceEntry,
  rewriteDestination,
  rewriteEmbedded,
  rewriteSource,
} from '../nat/rewrite.js';
import { isPartialChecksum } from '../packet/checksum.js';
import { DROP } from '../packet/drop.js';
import { ROW_CSUM_START, ROW_FLAGS, ROW_NAT } from '../packet/rows.js';
import type { RouterContext } from './context.js';
import { UNMATCHED_IDENTITY } from './snapshot.js';

/** LAN → overlay: source local → network. Returns 0 or a drop reason. */
export function translateSource(context: RouterContext, at: number): number {
  const { parsed, bytes, rows, snapshot } = context;
  const partial = isPartial(context, at);
  if (parsed.isIcmpError) {
    const refused = translateQuoted(context, TO_NETWORK, partial, DROP['no-nat-source']);
    if (refused !== 0) return refused;
  }
  const entry = findSourceEntry(snapshot.nat, parsed);
  rows[at + ROW_NAT] = entry;
  if (entry >= 0) {
    rewriteSource(bytes, parsed, snapshot.nat, entry, TO_NETWORK, partial);
    return 0;
  }
  if (snapshot.data.unmatched === UNMATCHED_IDENTITY) return 0;
  if (!parsed.isIcmpError) return DROP['no-nat-source'];
  adoptQuotedDestination(bytes, parsed, partial);
  return 0;
}

/** Takes translateSource back, so that the site host that sent the packet can be told what became of it. */
export function untranslateSource(context: RouterContext, at: number): void {
  const { parsed, bytes, rows, snapshot } = context;
  const entry = rows[at + ROW_NAT];
  if (entry >= 0) rewriteSource(bytes, parsed, snapshot.nat, entry, TO_LOCAL, isPartial(context, at));
}

/** Overlay → LAN: destination network → local. Returns 0 or a drop reason. */
export function translateDestination(context: RouterContext, at: number): number {
  const { parsed, bytes, rows, snapshot } = context;
  const partial = isPartial(context, at);
  const entry = findDestinationEntry(snapshot.nat, parsed);
  rows[at + ROW_NAT] = entry;
  if (entry < 0 && snapshot.data.unmatched !== UNMATCHED_IDENTITY) return DROP['no-nat-destination'];
  if (parsed.isIcmpError) {
    const refused = translateQuoted(context, TO_LOCAL, partial, DROP['no-nat-destination']);
    if (refused !== 0) return refused;
  }
  if (entry >= 0) rewriteDestination(bytes, parsed, snapshot.nat, entry, TO_LOCAL, partial);
  return 0;
}

/** The packet that an ICMP error quotes travelled the other way and must be shown as its sender knew it. */
function translateQuoted(
  context: RouterContext,
  direction: NatDirection,
  partial: boolean,
  unmapped: number,
): number {
  const { parsed, bytes, snapshot } = context;
  const entry = rewriteEmbedded(bytes, parsed, snapshot.nat, direction, partial);
  if (entry === EMBEDDED_MALFORMED) return DROP.malformed;
  const refused = entry === EMBEDDED_UNMAPPED && snapshot.data.unmatched !== UNMATCHED_IDENTITY;
  return refused ? unmapped : 0;
}

function isPartial(context: RouterContext, at: number): boolean {
  const { rows, parsed } = context;
  return isPartialChecksum(rows[at + ROW_FLAGS], rows[at + ROW_CSUM_START], parsed);
}
