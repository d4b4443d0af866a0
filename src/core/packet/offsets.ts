/**
 * Where fields stand in IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792) and ICMPv6
 * (RFC 4443) headers, in bytes from the start of that header, and how to read and write them. `…_HEADER` is the
 * shortest header. Numbers on the wire are big-endian. Words of 32 bits are read as *signed* integers: an int32 is
 * always a small integer to the JavaScript engine, an unsigned one above 2^31 may cost a heap number at a call.
 */
export const IP4_LENGTH = 2;
export const IP4_ID = 4;
/** Flags (3 bits) and fragment offset (13 bits, in units of 8 bytes). */
export const IP4_FRAGMENT = 6;
export const IP4_TTL = 8;
export const IP4_PROTOCOL = 9;
export const IP4_CHECKSUM = 10;
export const IP4_SOURCE = 12;
export const IP4_DESTINATION = 16;
export const IP4_HEADER = 20;
export const IP4_DONT_FRAGMENT = 0x4000;
export const IP4_MORE_FRAGMENTS = 0x2000;
export const IP4_FRAGMENT_OFFSET_MASK = 0x1fff;

export const IP6_PAYLOAD_LENGTH = 4;
export const IP6_NEXT_HEADER = 6;
export const IP6_HOP_LIMIT = 7;
export const IP6_SOURCE = 8;
export const IP6_DESTINATION = 24;
export const IP6_HEADER = 40;

export const TCP_SOURCE_PORT = 0;
export const TCP_DESTINATION_PORT = 2;
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_CHECKSUM = 16;
export const TCP_HEADER = 20;
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_ACK = 0x10;

export const UDP_SOURCE_PORT = 0;
export const UDP_DESTINATION_PORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;
export const UDP_HEADER = 8;

/** ICMP and ICMPv6 share the first eight bytes; the second four depend on the type. */
export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
export const ICMP_REST = 4;
export const ICMP_HEADER = 8;

/** IP protocol numbers and IPv6 next-header values (IANA). */
export const PROTOCOL_HOP_BY_HOP = 0;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_DCCP = 33;
export const PROTOCOL_ROUTING = 43;
export const PROTOCOL_FRAGMENT = 44;
export const PROTOCOL_ICMP6 = 58;
export const PROTOCOL_NONE = 59;
export const PROTOCOL_DESTINATION = 60;
export const PROTOCOL_UDP_LITE = 136;

/** The unsigned 16-bit number at `at`. */
export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** The 32-bit word at `at`, as a signed integer. */
export function get32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Writes 16 bits. */
export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** Writes 32 bits; signed and unsigned values are alike. */
export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

/**
 * Where the checksum that covers the pseudo-header stands in an upper-layer header of `protocol`, or −1 if there is
 * none: ICMPv4 has no pseudo-header, SCTP's CRC32c does not cover addresses. Only such checksums change with an
 * address.
 */
export function pseudoChecksumOffset(family: number, protocol: number): number {
  switch (protocol) {
    case PROTOCOL_TCP:
      return TCP_CHECKSUM;
    case PROTOCOL_UDP:
    case PROTOCOL_UDP_LITE: // RFC 3828
    case PROTOCOL_DCCP: // RFC 4340
      return UDP_CHECKSUM;
    case PROTOCOL_ICMP6:
      return family === 6 ? ICMP_CHECKSUM : -1;
    default:
      return -1;
  }
}
