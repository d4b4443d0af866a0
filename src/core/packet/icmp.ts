/**
 * ICMP errors that this router sends (RFC 792, RFC 1812 4.3; ICMPv6: RFC 4443), and when it may (RFC 1122 3.2.2,
 * RFC 4443 2.4(e)). The code tells a LAN host what is wrong, so that an operator can read it off a ping:
 *
 *   no inside NAT here 6 · no route 0 · peer down 1 · policy 13 · no inside NAT there 7
 *
 * ICMPv6 has fewer codes; `unreachable6For` gives each of the five a different one again. The RateLimit of
 * ratelimit.ts belongs in front of every call of a builder.
 */
import { isAnswerableSource, isToMany } from './addresses.js';
import { finish, fold, sum } from './checksum.js';
import {
  ICMP_CHECKSUM,
  ICMP_CODE,
  ICMP_HEADER,
  ICMP_REST,
  ICMP_TYPE,
  IP4_CHECKSUM,
  IP4_DESTINATION,
  IP4_DONT_FRAGMENT,
  IP4_FRAGMENT,
  IP4_HEADER,
  IP4_LENGTH,
  IP4_PROTOCOL,
  IP4_SOURCE,
  IP4_TTL,
  IP6_DESTINATION,
  IP6_HEADER,
  IP6_HOP_LIMIT,
  IP6_NEXT_HEADER,
  IP6_PAYLOAD_LENGTH,
  IP6_SOURCE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMP6,
  put16,
  put32,
} from './offsets.js';
import { FRAGMENT_LATER, type Parsed } from './parsed.js';

export const ICMP4_ECHO_REPLY = 0;
export const ICMP4_UNREACHABLE = 3;
export const ICMP4_ECHO_REQUEST = 8;
export const ICMP4_TIME_EXCEEDED = 11;

export const ICMP6_UNREACHABLE = 1;
export const ICMP6_TOO_BIG = 2;
export const ICMP6_TIME_EXCEEDED = 3;
export const ICMP6_ECHO_REQUEST = 128;
export const ICMP6_ECHO_REPLY = 129;
const ICMP6_REDIRECT = 137;

/** Codes of ICMP destination unreachable (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
export const UNREACHABLE4 = {
  net: 0,
  host: 1,
  /** `rest32` = MTU of the next hop (RFC 1191 4). */
  fragmentationNeeded: 4,
  netUnknown: 6,
  hostUnknown: 7,
  prohibited: 13,
} as const;

/** Codes of ICMPv6 destination unreachable (RFC 4443 3.1). */
export const UNREACHABLE6 = {
  noRoute: 0,
  prohibited: 1,
  beyondScope: 2,
  address: 3,
  sourcePolicy: 5,
  rejectRoute: 6,
} as const;

/** A host need not take more than this (RFC 1812 4.3.2.3), and every IPv6 link takes this (RFC 4443 2.4(c)). */
export const ERROR4_BYTES_MAX = 576;
export const ERROR6_BYTES_MAX = 1280;

const TTL = 64;
/** Precedence 6, internetwork control (RFC 1812 4.3.2.5). */
const TOS_CONTROL = 0xc0;

/**
 * The ICMPv6 code that stands for an UNREACHABLE4 code of ours. RFC 7915 would fold 0, 1, 6 and 7 into "no route"; we
 * keep them apart: 6 (the source has no inside NAT) → source address failed policy; 1 (peer down) → address
 * unreachable, which RFC 4443 also gives to link problems; 7 (the destination has no inside NAT) → beyond the scope
 * of the source, which Linux reports as "no route to host", like 7.
 */
export function unreachable6For(code4: number): number {
  switch (code4) {
    case UNREACHABLE4.host:
      return UNREACHABLE6.address;
    case UNREACHABLE4.netUnknown:
      return UNREACHABLE6.sourcePolicy;
    case UNREACHABLE4.hostUnknown:
      return UNREACHABLE6.beyondScope;
    case UNREACHABLE4.prohibited:
      return UNREACHABLE6.prohibited;
    default:
      return UNREACHABLE6.noRoute;
  }
}

/**
 * Whether an ICMP error about this packet may be sent: not about ICMP errors and redirects, not about later
 * fragments, not about packets to many, not to a source that is not one host.
 */
export function mayAnswer(parsed: Parsed): boolean {
  return !isToMany(parsed) && mayAnswerTooBig(parsed);
}

/** The same for ICMPv6 packet-too-big, which multicast needs too (RFC 4443 2.4(e.3)). */
export function mayAnswerTooBig(parsed: Parsed): boolean {
  if (parsed.isIcmpError || parsed.fragment === FRAGMENT_LATER) return false;
  if (parsed.family === 4 && isToMany(parsed)) return false;
  if (parsed.family === 6 && parsed.isIcmp && parsed.icmpType === ICMP6_REDIRECT) return false;
  return isAnswerableSource(parsed);
}

/**
 * Writes an ICMP error about the IPv4 packet `parsed` in `bytes` to `out[at …]`, from `source` (address word), to the
 * packet's source, with as much of the packet as fits. `rest32` are the four bytes after the checksum. Returns its
 * length, or 0 if `out` has no room for the headers. `out` may be `bytes`, also overlapping the packet.
 */
export function writeError4(
  out: Uint8Array,
  at: number,
  parsed: Parsed,
  bytes: Uint8Array,
  source: number,
  type: number,
  code: number,
  rest32: number,
): number {
  const headers = IP4_HEADER + ICMP_HEADER;
  const room = Math.min(out.length - at, ERROR4_BYTES_MAX);
  if (room < headers) return 0;
  const quoted = Math.min(parsed.length, room - headers);
  const length = headers + quoted;
  move(out, at + headers, bytes, parsed.offset, quoted);
  out[at] = 0x45;
  out[at + 1] = TOS_CONTROL;
  put16(out, at + IP4_LENGTH, length);
  // Never fragmented, so the identification may be 0 (RFC 6864 4.1).
  put32(out, at + IP4_FRAGMENT - 2, IP4_DONT_FRAGMENT);
  out[at + IP4_TTL] = TTL;
  out[at + IP4_PROTOCOL] = PROTOCOL_ICMP;
  put16(out, at + IP4_CHECKSUM, 0);
  put32(out, at + IP4_SOURCE, source);
  put32(out, at + IP4_DESTINATION, parsed.source4);
  put16(out, at + IP4_CHECKSUM, finish(sum(out, at, IP4_HEADER, 0)));
  writeIcmp(out, at + IP4_HEADER, type, code, rest32);
  const total = sum(out, at + IP4_HEADER, length - IP4_HEADER, 0);
  put16(out, at + IP4_HEADER + ICMP_CHECKSUM, finish(total));
  return length;
}

/** The same for IPv6; `source` is 16 bytes. */
export function writeError6(
  out: Uint8Array,
  at: number,
  parsed: Parsed,
  bytes: Uint8Array,
  source: Uint8Array,
  type: number,
  code: number,
  rest32: number,
): number {
  const headers = IP6_HEADER + ICMP_HEADER;
  const room = Math.min(out.length - at, ERROR6_BYTES_MAX);
  if (room < headers) return 0;
  const quoted = Math.min(parsed.length, room - headers);
  const upper = ICMP_HEADER + quoted;
  move(out, at + headers, bytes, parsed.offset, quoted);
  put32(out, at, 0x60000000);
  put16(out, at + IP6_PAYLOAD_LENGTH, upper);
  out[at + IP6_NEXT_HEADER] = PROTOCOL_ICMP6;
  out[at + IP6_HOP_LIMIT] = TTL;
  for (let i = 0; i < 16; i++) out[at + IP6_SOURCE + i] = source[i];
  put32(out, at + IP6_DESTINATION, parsed.s0);
  put32(out, at + IP6_DESTINATION + 4, parsed.s1);
  put32(out, at + IP6_DESTINATION + 8, parsed.s2);
  put32(out, at + IP6_DESTINATION + 12, parsed.s3);
  writeIcmp(out, at + IP6_HEADER, type, code, rest32);
  const pseudo = fold(sum(out, at + IP6_SOURCE, 32, 0) + upper + PROTOCOL_ICMP6);
  put16(out, at + IP6_HEADER + ICMP_CHECKSUM, finish(sum(out, at + IP6_HEADER, upper, pseudo)));
  return headers + quoted;
}

function writeIcmp(out: Uint8Array, at: number, type: number, code: number, rest32: number): void {
  out[at + ICMP_TYPE] = type;
  out[at + ICMP_CODE] = code;
  put16(out, at + ICMP_CHECKSUM, 0);
  put32(out, at + ICMP_REST, rest32);
}

/** memmove without a view object; the direction matters only where both arrays are views of one buffer. */
function move(out: Uint8Array, to: number, bytes: Uint8Array, from: number, length: number): void {
  if (out.byteOffset + to > bytes.byteOffset + from) {
    for (let i = length - 1; i >= 0; i--) out[to + i] = bytes[from + i];
  } else {
    for (let i = 0; i < length; i++) out[to + i] = bytes[from + i];
  }
}
