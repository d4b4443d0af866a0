/**
 * TTL (RFC 1812 5.3.1) and hop limit (RFC 8200 3): one less at each router that forwards.
 */
import { applyDifference, difference16 } from './checksum.js';
import { get16, IP4_CHECKSUM, IP4_TTL, IP6_HOP_LIMIT, put16 } from './offsets.js';
import type { Parsed } from './parsed.js';

/**
 * Takes one from the TTL or hop limit and mends the IPv4 header checksum. Returns the new value. If that is 0 the
 * packet must not be forwarded (ttl-exceeded); it is then left as it came, for the ICMP error to quote.
 */
export function decrementTtl(bytes: Uint8Array, parsed: Parsed): number {
  const before = parsed.ttl;
  if (before <= 1) return 0;
  parsed.ttl = before - 1;
  if (parsed.family === 6) {
    bytes[parsed.offset + IP6_HOP_LIMIT] = before - 1;
    return before - 1;
  }
  bytes[parsed.offset + IP4_TTL] = before - 1;
  const at = parsed.offset + IP4_CHECKSUM;
  put16(bytes, at, applyDifference(get16(bytes, at), difference16(before << 8, (before - 1) << 8)));
  return before - 1;
}
