/** The ways out of the router, once the route is known: into our own site, to the WAN, or into a tunnel if it fits. */

import { clampMss } from '../packet/mss.js';
import { IP4_DONT_FRAGMENT, IP4_FRAGMENT } from '../packet/offsets.js';
import {
  FLAG_FRAGMENT_SHIFT,
  FLAG_NEEDS_CSUM,
  GSO_NONE,
  GSO_UDP_L4,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_LENGTH,
  ROW_PEER,
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
/** Every link takes so much of IPv6 (RFC 8200, 5); where the path does not, the outer packet is fragmented, not ours. */
const MTU6_MIN = 1_280;

/** Into our own site by the LAN TUN, after the destination NAT. Returns 0 or a drop reason. */
export function deliverHere(context: RouterContext, at: number): number {
  const untranslated = translateDestination(context, at);
  if (untranslated !== 0) return untranslated;
  clamp(context, at, mtuOf(context, context.rows[at + ROW_PEER]));
  context.rows[at + ROW_VERDICT] = VERDICT_LAN;
  return 0;
}

/** Local breakout: out by the WAN TUN, unchanged; the kernel masquerades it. */
export function breakOut(context: RouterContext, at: number): number {
  context.rows[at + ROW_VERDICT] = VERDICT_WAN;
  return 0;
}

/**
 * Makes the packet fit into what the path to `peer` carries, or says that it does not (`context.mtu` is then what to tell
 * its sender). TCP is told beforehand: the MSS of a SYN is clamped here on the way in, and in deliverHere on the way out,
 * so that both directions know. What comes larger nevertheless, because the path has become narrower:
 *
 *   a super-packet of TCP is cut into smaller segments; IPv4 that allows it leaves in fragments, each sealed by itself;
 *   the rest is refused, but for IPv6 up to 1280 bytes, which only the outer packet may be fragmented for.
 */
export function fits(context: RouterContext, at: number, peer: number): boolean {
  const { rows, parsed, bytes, tables } = context;
  const mtu = mtuOf(context, peer);
  clamp(context, at, mtu);
  const length = rows[at + ROW_LENGTH];
  if (length * 2 > mtu) tables.beats.large[peer] = 1;
  const type = rows[at + ROW_GSO_TYPE];
  if (type === GSO_NONE) return length <= mtu || bends(context, at, length, mtu);
  const start = rows[at + ROW_CSUM_START];
  const isUdp = type === GSO_UDP_L4;
  const headers = start + (isUdp ? UDP_HEADER_BYTES : (bytes[parsed.offset + start + 12] >> 4) * 4);
  const size = headers + rows[at + ROW_GSO_SIZE];
  if (size <= mtu) return true;
  if (isUdp || headers >= mtu) return bends(context, at, size, mtu);
  rows[at + ROW_GSO_SIZE] = mtu - headers;
  return true;
}

/** The largest inner packet that the path to `peer` carries (−1: to nobody, the tunnel's). */
function mtuOf({ tables, snapshot }: RouterContext, peer: number): number {
  const bytes = peer < 0 ? 0 : tables.beats.mtu[peer];
  return bytes > 0 && bytes < snapshot.mtu ? bytes : snapshot.mtu;
}

/** Whether a packet of `size` bytes, too long for `mtu`, can go nevertheless. */
function bends(context: RouterContext, at: number, size: number, mtu: number): boolean {
  const { rows, parsed, bytes, snapshot } = context;
  if (parsed.family === 6) {
    context.mtu = Math.max(mtu, Math.min(MTU6_MIN, snapshot.mtu));
    return size <= context.mtu;
  }
  context.mtu = mtu;
  if ((bytes[parsed.offset + IP4_FRAGMENT] & (IP4_DONT_FRAGMENT >> 8)) !== 0) return false;
  rows[at + ROW_FLAGS] |= mtu << FLAG_FRAGMENT_SHIFT;
  return true;
}

function clamp(context: RouterContext, at: number, mtu: number): void {
  const { parsed, bytes, rows } = context;
  const headers = parsed.family === 4 ? HEADERS_4 : HEADERS_6;
  clampMss(bytes, parsed, mtu - headers, (rows[at + ROW_FLAGS] & FLAG_NEEDS_CSUM) !== 0);
}
