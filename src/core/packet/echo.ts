/**
 * Echo replies (RFC 792; RFC 4443 4.2) for addresses that the router itself owns, written over the request.
 */
import { applyDifference, difference16 } from './checksum.js';
import { ICMP4_ECHO_REPLY, ICMP4_ECHO_REQUEST, ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST } from './icmp.js';
import {
  get16,
  get32,
  ICMP_CHECKSUM,
  ICMP_TYPE,
  IP4_CHECKSUM,
  IP4_DESTINATION,
  IP4_SOURCE,
  IP4_TTL,
  IP6_DESTINATION,
  IP6_HOP_LIMIT,
  IP6_SOURCE,
  put16,
  put32,
} from './offsets.js';
import { FRAGMENT_NONE, type Parsed } from './parsed.js';

/** TTL and hop limit of packets that the router itself sends. */
const TTL = 64;

/** Whether `parsed` is an echo request that can be answered in place: whole, and code 0. */
export function isEchoRequest(parsed: Parsed): boolean {
  if (!parsed.isIcmp || parsed.fragment !== FRAGMENT_NONE || parsed.icmpCode !== 0) return false;
  return parsed.icmpType === (parsed.family === 4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST);
}

/**
 * Turns an echo request into its reply: addresses swapped, TTL fresh, checksums mended; `parsed` follows. Returns
 * false, and changes nothing, if it is no echo request. A request that came with a wrong checksum gets a reply with a
 * wrong checksum, which its sender discards.
 */
export function writeEchoReply(bytes: Uint8Array, parsed: Parsed): boolean {
  if (!isEchoRequest(parsed)) return false;
  const { offset, l4Offset } = parsed;
  const v4 = parsed.family === 4;
  const type = v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;
  const at = l4Offset + ICMP_CHECKSUM;
  const checksum = applyDifference(get16(bytes, at), difference16(parsed.icmpType << 8, type << 8));
  bytes[l4Offset + ICMP_TYPE] = type;
  // Type 0 without a pseudo-header may leave nothing but zeros, whose checksum is 0xffff; in all other cases 0xffff
  // is the other name of 0 and as right.
  put16(bytes, at, checksum === 0 ? 0xffff : checksum);
  parsed.icmpType = type;
  if (v4) {
    const ttlChange = difference16(parsed.ttl << 8, TTL << 8);
    bytes[offset + IP4_TTL] = TTL;
    put16(bytes, offset + IP4_CHECKSUM, applyDifference(get16(bytes, offset + IP4_CHECKSUM), ttlChange));
  } else {
    bytes[offset + IP6_HOP_LIMIT] = TTL;
  }
  parsed.ttl = TTL;
  // Addresses stand at even offsets and change places: no sum sees it.
  const from = offset + (v4 ? IP4_SOURCE : IP6_SOURCE);
  const to = offset + (v4 ? IP4_DESTINATION : IP6_DESTINATION);
  for (let i = 0; i < to - from; i += 4) {
    const word = get32(bytes, from + i);
    put32(bytes, from + i, get32(bytes, to + i));
    put32(bytes, to + i, word);
  }
  swapAddresses(parsed);
  return true;
}

function swapAddresses(parsed: Parsed): void {
  const { source4, s0, s1, s2, s3 } = parsed;
  parsed.source4 = parsed.destination4;
  parsed.s0 = parsed.d0;
  parsed.s1 = parsed.d1;
  parsed.s2 = parsed.d2;
  parsed.s3 = parsed.d3;
  parsed.destination4 = source4;
  parsed.d0 = s0;
  parsed.d1 = s1;
  parsed.d2 = s2;
  parsed.d3 = s3;
}
