/** The ways out of the router, once the route is known: into our own site, to the WAN, or into a tunnel if it fits. */

import { clampMss } from '../packet/mss.js';
import {
  FLAG_NEEDS_CSUM,
  GSO_NONE,
  GSO_UDP_L4,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_LENGTH,
  ROW_VERDICT,
  VERDICT_LAN,
  VERDICT_WAN,
} from '../packet/rows.js';
import type { RouterContext } from './context.js';
import { translateDestination } from './translate.js';

/** IP and TCP headers without options: what an MSS leaves out (RFC 6691). */
const HEADERS_4 = 40;
const HEADERS_6 = 60;
const UDP_HEADER_BYTES = 8;

/** Into our own site by the LAN TUN, after the destination NAT. Returns 0 or a drop reason. */
export function deliverHere(context: RouterContext, at: number): number {
  const untranslated = translateDestination(context, at);
  if (untranslated !== 0) return untranslated;
  clamp(context, at);
  context.rows[at + ROW_VERDICT] = VERDICT_LAN;
  return 0;
}

/** Local breakout: out by the WAN TUN, unchanged; the kernel masquerades it. */
export function breakOut(context: RouterContext, at: number): number {
  context.rows[at + ROW_VERDICT] = VERDICT_WAN;
  return 0;
}

/**
 * Whether the packet (or each segment of a super-packet) fits into the tunnel. TCP is told beforehand: the MSS of a SYN
 * is clamped here on the way in, and in deliverHere on the way out, so that both directions know.
 */
export function fits(context: RouterContext, at: number): boolean {
  const { rows, parsed, snapshot, bytes } = context;
  clamp(context, at);
  if (rows[at + ROW_GSO_TYPE] === GSO_NONE) return rows[at + ROW_LENGTH] <= snapshot.mtu;
  const start = rows[at + ROW_CSUM_START];
  const l4Header =
    rows[at + ROW_GSO_TYPE] === GSO_UDP_L4 ? UDP_HEADER_BYTES : (bytes[parsed.offset + start + 12] >> 4) * 4;
  return start + l4Header + rows[at + ROW_GSO_SIZE] <= snapshot.mtu;
}

function clamp(context: RouterContext, at: number): void {
  const { parsed, bytes, rows, snapshot } = context;
  const headers = parsed.family === 4 ? HEADERS_4 : HEADERS_6;
  clampMss(bytes, parsed, snapshot.mtu - headers, (rows[at + ROW_FLAGS] & FLAG_NEEDS_CSUM) !== 0);
}
