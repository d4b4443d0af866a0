/**
 * Rewrites addresses in place for the 1:1 NAT of map.ts and mends every checksum that covers them by differences.
 *
 *   LAN → overlay (TO_NETWORK): source local → network.   overlay → LAN (TO_LOCAL): destination network → local.
 *
 * Fragments: the address changes in each; the upper-layer checksum stands in the first one and is mended there by the
 * difference, which needs none of the other fragments. So fragments are translated without reassembly or state.
 *
 * ICMP errors quote a packet that travelled the other way, so its addresses are the other side's: in an error that
 * leaves the site the quoted destination is local → network, in one that arrives the quoted source network → local
 * (RFC 5508 4.2). Errors are refused, as that RFC asks, when the quoted address has no entry; and when the error is
 * not addressed to the sender of the packet it quotes, since an honest one always is. Type, code and RFC 4884
 * extensions stay. The quoted checksums (IPv4 header; upper layer if quoted far enough) and the error's own follow.
 *
 * Who speaks for an unmapped router? A router inside the site, or this node, may have no NAT entry, and with an
 * admission list that is the rule; yet its errors must leave the site, or traceroute shows a hole and path MTU
 * discovery hangs. RFC 5508 (REQ-5) would give such an error the NAT's own public address, but a 1:1 NAT has none.
 * It gets the quoted packet's destination under its network address (`adoptQuotedDestination`): the one address that
 * the receiver is bound to know, since it sent a packet to it; that passes the reverse-path check of every node on
 * the way back; and that reveals nothing about the site. Hosts match an error by the quoted packet, not by its source.
 */
import { assert } from '../base/assert.js';
import {
  adjustChecksumAt,
  adjustTransport,
  applyDifference,
  difference16,
  difference32,
  difference128,
  fold,
} from '../packet/checksum.js';
import {
  get16,
  get32,
  ICMP_CHECKSUM,
  ICMP_HEADER,
  IP4_CHECKSUM,
  IP4_DESTINATION,
  IP4_SOURCE,
  IP6_DESTINATION,
  IP6_SOURCE,
  put16,
  put32,
} from '../packet/offsets.js';
import type { Parsed } from '../packet/parsed.js';
import { Quoted } from '../packet/quoted.js';
import { type NatDirection, type NatView, TO_NETWORK } from './map.js';

/** `rewriteEmbedded`: the quoted address has no NAT entry. */
export const EMBEDDED_UNMAPPED = -1;
/** `rewriteEmbedded`: the quotation does not parse, or the error is not addressed to the quoted packet's source. */
export const EMBEDDED_MALFORMED = -2;

/** Scratch of this module; never holds anything from one call to the next. */
const quoted = new Quoted();

/** Entry for the packet's source on the LAN side, or −1. */
export function findSourceEntry(nat: NatView, parsed: Parsed): number {
  if (parsed.family === 4) return nat.findLocal4(parsed.source4);
  return nat.findLocal6(parsed.s0, parsed.s1, parsed.s2, parsed.s3);
}

/** Entry for the packet's destination on the overlay side, or −1. */
export function findDestinationEntry(nat: NatView, parsed: Parsed): number {
  if (parsed.family === 4) return nat.findNetwork4(parsed.destination4);
  return nat.findNetwork6(parsed.d0, parsed.d1, parsed.d2, parsed.d3);
}

/** Translates the packet's source by `entry`; `parsed` follows. `partialChecksum`: see packet/checksum.ts. */
export function rewriteSource(
  bytes: Uint8Array,
  parsed: Parsed,
  nat: NatView,
  entry: number,
  direction: NatDirection,
  partialChecksum: boolean,
): void {
  if (parsed.family === 4) {
    setSource4(bytes, parsed, nat.translate(entry, direction, 0, parsed.source4), partialChecksum);
    return;
  }
  setSource6(
    parsed,
    nat.translate(entry, direction, 0, parsed.s0),
    nat.translate(entry, direction, 1, parsed.s1),
    nat.translate(entry, direction, 2, parsed.s2),
    nat.translate(entry, direction, 3, parsed.s3),
    partialChecksum,
  );
}

/** Translates the packet's destination by `entry`; `parsed` follows. */
export function rewriteDestination(
  bytes: Uint8Array,
  parsed: Parsed,
  nat: NatView,
  entry: number,
  direction: NatDirection,
  partialChecksum: boolean,
): void {
  if (parsed.family === 4) {
    setDestination4(bytes, parsed, nat.translate(entry, direction, 0, parsed.destination4), partialChecksum);
    return;
  }
  setDestination6(
    parsed,
    nat.translate(entry, direction, 0, parsed.d0),
    nat.translate(entry, direction, 1, parsed.d1),
    nat.translate(entry, direction, 2, parsed.d2),
    nat.translate(entry, direction, 3, parsed.d3),
    partialChecksum,
  );
}

/**
 * Translates the quotation inside the ICMP error `parsed` (isIcmpError) and mends the error's own checksum; call it
 * before the error's own addresses are rewritten. Returns the NAT entry used, EMBEDDED_UNMAPPED or
 * EMBEDDED_MALFORMED; in the last two cases nothing is changed. A malformed one must not be forwarded, an unmapped one
 * only where unmatched addresses pass as they are.
 */
export function rewriteEmbedded(
  bytes: Uint8Array,
  parsed: Parsed,
  nat: NatView,
  direction: NatDirection,
  partialChecksum: boolean,
): number {
  assert(parsed.isIcmpError, 'only an ICMP error quotes a packet');
  if (!quoted.parse(bytes, parsed)) return EMBEDDED_MALFORMED;
  return parsed.family === 4
    ? rewriteQuoted4(bytes, parsed, nat, direction, partialChecksum)
    : rewriteQuoted6(bytes, parsed, nat, direction, partialChecksum);
}

/**
 * Gives an ICMP error the quoted packet's destination as its source: for errors that leave the site from an address
 * without a NAT entry (see the head of this module). Call it after `rewriteEmbedded` has translated that destination.
 */
export function adoptQuotedDestination(bytes: Uint8Array, parsed: Parsed, partialChecksum: boolean): void {
  assert(parsed.isIcmpError, 'only an ICMP error quotes a packet');
  const start = parsed.l4Offset + ICMP_HEADER;
  if (parsed.family === 4) {
    setSource4(bytes, parsed, get32(bytes, start + IP4_DESTINATION), partialChecksum);
    return;
  }
  const at = start + IP6_DESTINATION;
  const s0 = get32(bytes, at);
  const s1 = get32(bytes, at + 4);
  const s2 = get32(bytes, at + 8);
  const s3 = get32(bytes, at + 12);
  setSource6(parsed, s0, s1, s2, s3, partialChecksum);
}

function rewriteQuoted4(
  bytes: Uint8Array,
  parsed: Parsed,
  nat: NatView,
  direction: NatDirection,
  partialChecksum: boolean,
): number {
  const start = quoted.offset;
  if (get32(bytes, start + IP4_SOURCE) !== parsed.destination4) return EMBEDDED_MALFORMED;
  const toNetwork = direction === TO_NETWORK;
  const at = start + (toNetwork ? IP4_DESTINATION : IP4_SOURCE);
  const before = get32(bytes, at);
  const entry = toNetwork ? nat.findLocal4(before) : nat.findNetwork4(before);
  if (entry < 0) return EMBEDDED_UNMAPPED;
  const after = nat.translate(entry, direction, 0, before);
  const difference = difference32(before, after);
  put32(bytes, at, after);
  const checksumBefore = get16(bytes, start + IP4_CHECKSUM);
  mendHeader4(bytes, start, difference);
  const header = difference16(checksumBefore, get16(bytes, start + IP4_CHECKSUM));
  mendError(bytes, parsed, difference, header, partialChecksum);
  return entry;
}

function rewriteQuoted6(
  bytes: Uint8Array,
  parsed: Parsed,
  nat: NatView,
  direction: NatDirection,
  partialChecksum: boolean,
): number {
  const source = quoted.offset + IP6_SOURCE;
  const honest = parsed.isTo(
    get32(bytes, source),
    get32(bytes, source + 4),
    get32(bytes, source + 8),
    get32(bytes, source + 12),
  );
  if (!honest) return EMBEDDED_MALFORMED;
  const toNetwork = direction === TO_NETWORK;
  const at = quoted.offset + (toNetwork ? IP6_DESTINATION : IP6_SOURCE);
  const b0 = get32(bytes, at);
  const b1 = get32(bytes, at + 4);
  const b2 = get32(bytes, at + 8);
  const b3 = get32(bytes, at + 12);
  const entry = toNetwork ? nat.findLocal6(b0, b1, b2, b3) : nat.findNetwork6(b0, b1, b2, b3);
  if (entry < 0) return EMBEDDED_UNMAPPED;
  const a0 = nat.translate(entry, direction, 0, b0);
  const a1 = nat.translate(entry, direction, 1, b1);
  const a2 = nat.translate(entry, direction, 2, b2);
  const a3 = nat.translate(entry, direction, 3, b3);
  putAddress6(parsed.view, at, a0, a1, a2, a3);
  mendError(bytes, parsed, difference128(b0, b1, b2, b3, a0, a1, a2, a3), 0, partialChecksum);
  return entry;
}

/**
 * After the quoted address changed by `address` and the quoted IPv4 header checksum by `header`: mends the quoted
 * upper-layer checksum, and the error's own, which covers all three.
 */
function mendError(
  bytes: Uint8Array,
  parsed: Parsed,
  address: number,
  header: number,
  partialChecksum: boolean,
): void {
  let total = fold(address + header);
  if (quoted.checksumAt !== 0) {
    const before = get16(bytes, quoted.checksumAt);
    adjustChecksumAt(parsed.view, quoted.checksumAt, quoted.protocol, address);
    total = fold(total + difference16(before, get16(bytes, quoted.checksumAt)));
  }
  if (partialChecksum) return;
  const at = parsed.l4Offset + ICMP_CHECKSUM;
  put16(bytes, at, applyDifference(get16(bytes, at), total));
}

function setSource4(bytes: Uint8Array, parsed: Parsed, after: number, partialChecksum: boolean): void {
  const difference = difference32(parsed.source4, after);
  parsed.view.setInt32(parsed.offset + IP4_SOURCE, after);
  mendHeader4(bytes, parsed.offset, difference);
  adjustTransport(parsed, difference, partialChecksum);
  parsed.source4 = after;
}

function setSource6(
  parsed: Parsed,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
  partialChecksum: boolean,
): void {
  const difference = difference128(parsed.s0, parsed.s1, parsed.s2, parsed.s3, s0, s1, s2, s3);
  putAddress6(parsed.view, parsed.offset + IP6_SOURCE, s0, s1, s2, s3);
  adjustTransport(parsed, difference, partialChecksum);
  parsed.s0 = s0;
  parsed.s1 = s1;
  parsed.s2 = s2;
  parsed.s3 = s3;
}

function setDestination4(bytes: Uint8Array, parsed: Parsed, after: number, partialChecksum: boolean): void {
  const difference = difference32(parsed.destination4, after);
  parsed.view.setInt32(parsed.offset + IP4_DESTINATION, after);
  mendHeader4(bytes, parsed.offset, difference);
  adjustTransport(parsed, difference, partialChecksum);
  parsed.destination4 = after;
}

function setDestination6(
  parsed: Parsed,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
  partialChecksum: boolean,
): void {
  const difference = difference128(parsed.d0, parsed.d1, parsed.d2, parsed.d3, d0, d1, d2, d3);
  putAddress6(parsed.view, parsed.offset + IP6_DESTINATION, d0, d1, d2, d3);
  adjustTransport(parsed, difference, partialChecksum);
  parsed.d0 = d0;
  parsed.d1 = d1;
  parsed.d2 = d2;
  parsed.d3 = d3;
}

function mendHeader4(bytes: Uint8Array, offset: number, difference: number): void {
  const at = offset + IP4_CHECKSUM;
  put16(bytes, at, applyDifference(get16(bytes, at), difference));
}

function putAddress6(view: DataView, at: number, w0: number, w1: number, w2: number, w3: number): void {
  view.setInt32(at, w0);
  view.setInt32(at + 4, w1);
  view.setInt32(at + 8, w2);
  view.setInt32(at + 12, w3);
}
