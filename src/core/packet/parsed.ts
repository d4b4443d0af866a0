/**
 * One packet, checked once and then read freely. The data path owns one `Parsed` and fills it for each packet; it
 * holds small integers (and one view), so that filling it allocates nothing and every reader stays monomorphic.
 *
 * Address words are *signed* 32-bit integers (0xfd000000 reads as a negative number). Functions that take words treat
 * signed and unsigned alike; compare with `isFrom`/`isTo` or after `| 0`.
 *
 * What is refused, and why there is no finer answer than a drop reason: a header that does not fit its length, lengths
 * that contradict each other, a wrong IPv4 header checksum (RFC 1812 5.2.2), an IPv6 extension chain longer than
 * EXTENSIONS_MAX or out of order, a first fragment without the whole upper-layer header (RFC 7112, RFC 1858), data
 * beyond 65,535 bytes after reassembly. Source routing that is still in progress (IPv4 LSRR and SSRR, IPv6 routing
 * headers with segments left) is refused as `policy`: it would lead past the NAT's admission list, and RFC 7126 and
 * RFC 5095 advise the same. So a packet that parses has its true last destination in its IP header.
 *
 * All fields describe the packet of the last `parse`; it must have returned 0, or `policy`, so that the refusal can be
 * answered. After another refusal they hold nothing of value.
 */
import { DROP } from './drop.js';
import {
  ICMP_CODE,
  ICMP_HEADER,
  ICMP_TYPE,
  IP4_FRAGMENT_OFFSET_MASK,
  IP4_HEADER,
  IP4_MORE_FRAGMENTS,
  IP6_HEADER,
  IP6_SOURCE,
  PROTOCOL_DCCP,
  PROTOCOL_DESTINATION,
  PROTOCOL_FRAGMENT,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMP6,
  PROTOCOL_ROUTING,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDP_LITE,
  pseudoChecksumOffset,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  UDP_HEADER,
  UDP_LENGTH,
} from './offsets.js';

/** IPv6 extension headers walked before the upper layer; real packets carry at most three or four. */
export const EXTENSIONS_MAX = 8;

/** Values of `Parsed.fragment`. */
export const FRAGMENT_NONE = 0;
export const FRAGMENT_FIRST = 1;
export const FRAGMENT_LATER = 2;

const OK = DROP.none;
const MALFORMED = DROP.malformed;
const NOT_IP = DROP['not-ip'];
const POLICY = DROP.policy;

export class Parsed {
  /** A view of the array last given to `parse`: 16 and 32 bits at a time, at the same offsets. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** 4 or 6. */
  family = 0;
  /** Byte offset of the IP header. */
  offset = 0;
  /** Length by the IP header, ≤ the length given; trailing bytes are not part of the packet. */
  length = 0;
  /** Upper-layer protocol, after IPv6 extension headers. Of a later fragment: the value in its fragment header. */
  protocol = 0;
  /** Byte offset of the upper-layer header; of a later fragment: of its data. */
  l4Offset = 0;
  /** l4Offset − offset: IPv4 header with options, or IPv6 header with extensions. */
  headerLength = 0;
  /** TTL or hop limit. */
  ttl = 0;
  /** FRAGMENT_NONE (also an "atomic" IPv6 fragment, RFC 6946), FRAGMENT_FIRST or FRAGMENT_LATER. */
  fragment = 0;
  moreFragments = false;
  /** IPv4 addresses; 0 in IPv6. */
  source4 = 0;
  destination4 = 0;
  /** IPv6 addresses, most significant word first; 0 in IPv4. */
  s0 = 0;
  s1 = 0;
  s2 = 0;
  s3 = 0;
  d0 = 0;
  d1 = 0;
  d2 = 0;
  d3 = 0;
  /** Of TCP, UDP, UDP-Lite and DCCP, else 0; 0 in a later fragment. */
  sourcePort = 0;
  destinationPort = 0;
  /** Of TCP, else 0. */
  tcpFlags = 0;
  /** Of ICMP in IPv4 and ICMPv6 in IPv6, else 0: look at `isIcmp` first. */
  icmpType = 0;
  icmpCode = 0;
  /** ICMP in IPv4 or ICMPv6 in IPv6, with its header in this packet (not a later fragment). */
  isIcmp = false;
  /** ICMP types 3, 4, 5, 11, 12 (RFC 1122 3.2.2) and ICMPv6 types below 128 (RFC 4443 2.1): they quote a packet. */
  isIcmpError = false;
  /** Byte offset of the upper-layer checksum that covers the addresses; 0 = none in this packet. */
  checksumAt = 0;
  private bytes: Uint8Array = new Uint8Array(0);

  /**
   * Reads the packet at `bytes[offset … offset + length)`, which must lie inside `bytes`; reads nothing else.
   * Returns 0, or the drop reason: malformed, not-ip or policy.
   */
  parse(bytes: Uint8Array, offset: number, length: number): number {
    if (length < 1) return MALFORMED;
    if (bytes !== this.bytes) this.bind(bytes);
    this.offset = offset;
    this.fragment = FRAGMENT_NONE;
    this.moreFragments = false;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.tcpFlags = 0;
    this.icmpType = 0;
    this.icmpCode = 0;
    this.isIcmp = false;
    this.isIcmpError = false;
    this.checksumAt = 0;
    const version = this.view.getUint8(offset) >> 4;
    if (version === 4) return this.parse4(this.view, offset, length);
    if (version === 6) return this.parse6(this.view, offset, length);
    return NOT_IP;
  }

  /** Whether the packet's source is this address: one word for IPv4 (in `w0`), four for IPv6. */
  isFrom(w0: number, w1 = 0, w2 = 0, w3 = 0): boolean {
    if (this.family === 4) return ((this.source4 ^ w0) | w1 | w2 | w3) === 0;
    return ((this.s0 ^ w0) | (this.s1 ^ w1) | (this.s2 ^ w2) | (this.s3 ^ w3)) === 0;
  }

  /** Whether the packet's destination is this address. */
  isTo(w0: number, w1 = 0, w2 = 0, w3 = 0): boolean {
    if (this.family === 4) return ((this.destination4 ^ w0) | w1 | w2 | w3) === 0;
    return ((this.d0 ^ w0) | (this.d1 ^ w1) | (this.d2 ^ w2) | (this.d3 ^ w3)) === 0;
  }

  private bind(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  private parse4(view: DataView, offset: number, length: number): number {
    if (length < IP4_HEADER) return MALFORMED;
    const w0 = view.getInt32(offset);
    const w1 = view.getInt32(offset + 4);
    const w2 = view.getInt32(offset + 8);
    const source = view.getInt32(offset + 12);
    const destination = view.getInt32(offset + 16);
    const header = (w0 >>> 22) & 0x3c;
    const total = w0 & 0xffff;
    if (header < IP4_HEADER || total < header || total > length) return MALFORMED;
    let sum =
      (w0 >>> 16) +
      (w1 >>> 16) +
      (w2 >>> 16) +
      (source >>> 16) +
      (destination >>> 16) +
      (w0 & 0xffff) +
      (w1 & 0xffff) +
      (w2 & 0xffff) +
      (source & 0xffff) +
      (destination & 0xffff);
    let routing = OK;
    if (header > IP4_HEADER) {
      for (let at = offset + IP4_HEADER; at < offset + header; at += 2) sum += view.getUint16(at);
      routing = scanOptions4(view, offset + IP4_HEADER, offset + header);
      if (routing === MALFORMED) return MALFORMED;
    }
    sum = (sum >>> 16) + (sum & 0xffff);
    if (sum !== 0xffff && sum !== 0x1fffe) return MALFORMED;
    this.family = 4;
    this.length = total;
    this.headerLength = header;
    this.l4Offset = offset + header;
    this.ttl = w2 >>> 24;
    const protocol = (w2 >>> 16) & 0xff;
    this.protocol = protocol;
    this.source4 = source;
    this.destination4 = destination;
    this.s0 = this.s1 = this.s2 = this.s3 = 0;
    this.d0 = this.d1 = this.d2 = this.d3 = 0;
    if ((w1 & (IP4_MORE_FRAGMENTS | IP4_FRAGMENT_OFFSET_MASK)) !== 0) {
      const at = w1 & IP4_FRAGMENT_OFFSET_MASK;
      this.moreFragments = (w1 & IP4_MORE_FRAGMENTS) !== 0;
      // A TCP fragment at offset 1 can only be meant to overwrite the ports or flags of the first (RFC 1858).
      if (at === 1 && protocol === PROTOCOL_TCP) return MALFORMED;
      if (at * 8 + total > 65_535) return MALFORMED;
      this.fragment = at === 0 ? FRAGMENT_FIRST : FRAGMENT_LATER;
      if (at !== 0) return routing;
    }
    const refusal = this.parseUpper(view, offset + total);
    return refusal === OK ? routing : refusal;
  }

  private parse6(view: DataView, offset: number, length: number): number {
    if (length < IP6_HEADER) return MALFORMED;
    const total = IP6_HEADER + view.getUint16(offset + 4);
    if (total > length) return MALFORMED;
    this.family = 6;
    this.length = total;
    this.ttl = view.getUint8(offset + 7);
    this.source4 = this.destination4 = 0;
    const at = offset + IP6_SOURCE;
    this.s0 = view.getInt32(at);
    this.s1 = view.getInt32(at + 4);
    this.s2 = view.getInt32(at + 8);
    this.s3 = view.getInt32(at + 12);
    this.d0 = view.getInt32(at + 16);
    this.d1 = view.getInt32(at + 20);
    this.d2 = view.getInt32(at + 24);
    this.d3 = view.getInt32(at + 28);
    const next = view.getUint8(offset + 6);
    if (next === PROTOCOL_TCP || next === PROTOCOL_UDP) {
      this.protocol = next;
      this.headerLength = IP6_HEADER;
      this.l4Offset = offset + IP6_HEADER;
      return this.parseUpper(view, offset + total);
    }
    return this.walkExtensions(view, next, offset + total);
  }

  private walkExtensions(view: DataView, first: number, end: number): number {
    let next = first;
    let at = this.offset + IP6_HEADER;
    let fragmented = false;
    let routing = OK;
    for (let count = 0; ; count++) {
      const isExtension =
        next === PROTOCOL_DESTINATION ||
        next === PROTOCOL_ROUTING ||
        next === PROTOCOL_FRAGMENT ||
        next === PROTOCOL_HOP_BY_HOP;
      if (!isExtension) break;
      if (count === EXTENSIONS_MAX || at + 8 > end) return MALFORMED;
      if (next === PROTOCOL_FRAGMENT) {
        if (fragmented) return MALFORMED;
        fragmented = true;
        const field = view.getUint16(at + 2);
        this.moreFragments = (field & 1) !== 0;
        next = view.getUint8(at);
        at += 8;
        if ((field & 0xfff8) + (end - at) > 65_535) return MALFORMED;
        if (field >> 3 !== 0) {
          this.fragment = FRAGMENT_LATER;
          break;
        }
        this.fragment = this.moreFragments ? FRAGMENT_FIRST : FRAGMENT_NONE;
        continue;
      }
      if (next === PROTOCOL_HOP_BY_HOP && count !== 0) return MALFORMED;
      const header = 8 + 8 * view.getUint8(at + 1);
      if (at + header > end) return MALFORMED;
      if (next === PROTOCOL_ROUTING && view.getUint8(at + 3) !== 0) routing = POLICY;
      next = view.getUint8(at);
      at += header;
    }
    this.protocol = next;
    this.l4Offset = at;
    this.headerLength = at - this.offset;
    if (this.fragment === FRAGMENT_LATER) return routing;
    const refusal = this.parseUpper(view, end);
    return refusal === OK ? routing : refusal;
  }

  private parseUpper(view: DataView, end: number): number {
    const at = this.l4Offset;
    const room = end - at;
    const protocol = this.protocol;
    switch (protocol) {
      case PROTOCOL_TCP: {
        if (room < TCP_HEADER) return MALFORMED;
        const header = (view.getUint8(at + TCP_DATA_OFFSET) >> 4) * 4;
        if (header < TCP_HEADER || header > room) return MALFORMED;
        this.tcpFlags = view.getUint8(at + TCP_FLAGS);
        break;
      }
      case PROTOCOL_UDP: {
        if (room < UDP_HEADER) return MALFORMED;
        const datagram = view.getUint16(at + UDP_LENGTH);
        if (datagram < UDP_HEADER || (datagram > room && this.fragment === FRAGMENT_NONE)) return MALFORMED;
        break;
      }
      case PROTOCOL_UDP_LITE:
      case PROTOCOL_DCCP:
        if (room < UDP_HEADER) return MALFORMED;
        break;
      case PROTOCOL_ICMP:
      case PROTOCOL_ICMP6:
        return this.parseIcmp(view, room);
      default:
        return OK;
    }
    this.sourcePort = view.getUint16(at);
    this.destinationPort = view.getUint16(at + 2);
    this.checksumAt = at + pseudoChecksumOffset(this.family, protocol);
    return OK;
  }

  private parseIcmp(view: DataView, room: number): number {
    // ICMP inside the other family is an unknown protocol there (RFC 4443 1): nobody's header, nothing to check.
    if ((this.protocol === PROTOCOL_ICMP6) !== (this.family === 6)) return OK;
    if (room < ICMP_HEADER) return MALFORMED;
    const at = this.l4Offset;
    const type = view.getUint8(at + ICMP_TYPE);
    this.isIcmp = true;
    this.icmpType = type;
    this.icmpCode = view.getUint8(at + ICMP_CODE);
    if (this.family === 6) {
      this.isIcmpError = type < 128;
      this.checksumAt = at + pseudoChecksumOffset(6, PROTOCOL_ICMP6);
    } else {
      this.isIcmpError = (type >= 3 && type <= 5) || type === 11 || type === 12;
    }
    return OK;
  }
}

/** Walks IPv4 options (RFC 791 3.1) between `at` and `end`: 0, malformed, or policy for source routing in progress. */
function scanOptions4(view: DataView, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === 0) return OK;
    if (kind === 1) {
      at++;
      continue;
    }
    if (at + 2 > end) return MALFORMED;
    const size = view.getUint8(at + 1);
    if (size < 2 || at + size > end) return MALFORMED;
    if (kind === 131 || kind === 137) {
      if (size < 3) return MALFORMED;
      if (view.getUint8(at + 2) <= size) return POLICY;
    }
    at += size;
  }
  return OK;
}
