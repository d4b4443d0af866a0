/**
 * What BFD travels in (RFC 5881): UDP in IPv4 or IPv6, between the two ends of one hop, which here is the tunnel. Control
 * packets go to port 3784 and echo packets to 3785, from a port of 49152–65535, with TTL or hop limit 255: a packet
 * that arrives with less has been forwarded by somebody and is refused (RFC 5881 5, RFC 5082).
 *
 * An `Envelope` prepares the headers of one conversation once; sealing a payload into it writes whole IP packets into
 * the caller's buffer and allocates nothing.
 */
import { assert } from '../base/assert.js';
import { fold, pseudoHeaderSum, sum } from '../packet/checksum.js';
import {
  get16,
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
  PROTOCOL_UDP,
  put16,
  put32,
  UDP_CHECKSUM,
  UDP_DESTINATION_PORT,
  UDP_HEADER,
  UDP_LENGTH,
  UDP_SOURCE_PORT,
} from '../packet/offsets.js';
import { FRAGMENT_NONE, type Parsed } from '../packet/parsed.js';
import { BFD_REFUSAL } from './bfd-packet.js';

export const BFD_CONTROL_PORT = 3784;
export const BFD_ECHO_PORT = 3785;
export const BFD_TTL = 255;
const SOURCE_PORT_MIN = 49_152;
/** Traffic class CS6, network control (RFC 4594): probes go before what they judge. */
const TRAFFIC_CLASS = 0xc0;

/** A source port of RFC 5881's range for session number `index`: sessions of one node get different ones. */
export function bfdSourcePort(index: number): number {
  return SOURCE_PORT_MIN + (index & 0x3fff);
}

export class Envelope {
  /** Bytes before the payload: IP and UDP headers. */
  readonly headerBytes: number;
  readonly #header: Uint8Array;
  readonly #v4: boolean;
  /** The sum of everything in the UDP checksum that does not change with the payload: addresses, protocol, ports. */
  readonly #fixedSum: number;

  /** `source` and `destination` have 4 or 16 bytes, of one family; they are copied. */
  constructor(source: Uint8Array, destination: Uint8Array, sourcePort: number, destinationPort: number) {
    assert(source.length === destination.length, 'both ends are of one family');
    this.#v4 = source.length === 4;
    const ipBytes = this.#v4 ? IP4_HEADER : IP6_HEADER;
    this.headerBytes = ipBytes + UDP_HEADER;
    const header = new Uint8Array(this.headerBytes);
    this.#header = header;
    header.set(source, this.#v4 ? IP4_SOURCE : IP6_SOURCE);
    header.set(destination, this.#v4 ? IP4_DESTINATION : IP6_DESTINATION);
    if (this.#v4) {
      put16(header, 0, 0x4500 | TRAFFIC_CLASS);
      put16(header, IP4_FRAGMENT, IP4_DONT_FRAGMENT);
      header[IP4_TTL] = BFD_TTL;
      header[IP4_PROTOCOL] = PROTOCOL_UDP;
    } else {
      put32(header, 0, 0x6000_0000 | (TRAFFIC_CLASS << 20));
      header[IP6_NEXT_HEADER] = PROTOCOL_UDP;
      header[IP6_HOP_LIMIT] = BFD_TTL;
    }
    put16(header, ipBytes + UDP_SOURCE_PORT, sourcePort);
    put16(header, ipBytes + UDP_DESTINATION_PORT, destinationPort);
    const addresses = sum(header, this.#v4 ? IP4_SOURCE : IP6_SOURCE, source.length * 2, PROTOCOL_UDP);
    this.#fixedSum = fold(addresses + sourcePort + destinationPort);
  }

  /**
   * Makes a whole IP packet at `at` around a payload of `length` bytes that already stands at `at + headerBytes`.
   * Returns the packet's length.
   */
  close(bytes: Uint8Array, at: number, length: number): number {
    const header = this.#header;
    for (let i = 0; i < header.length; i++) bytes[at + i] = header[i];
    const udp = at + header.length - UDP_HEADER;
    const udpBytes = UDP_HEADER + length;
    const total = header.length + length;
    if (this.#v4) {
      put16(bytes, at + IP4_LENGTH, total);
      put16(bytes, at + IP4_CHECKSUM, ~sum(bytes, at, IP4_HEADER, 0) & 0xffff);
    } else {
      put16(bytes, at + IP6_PAYLOAD_LENGTH, udpBytes);
    }
    put16(bytes, udp + UDP_LENGTH, udpBytes);
    const checksum =
      ~sum(bytes, udp + UDP_HEADER, length, fold(this.#fixedSum + udpBytes + udpBytes)) & 0xffff;
    put16(bytes, udp + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum);
    return total;
  }
}

/** Whether `parsed` is whole UDP to a port of BFD, so that `checkDatagram` is worth asking. */
export function isBfd(parsed: Parsed): boolean {
  if (parsed.protocol !== PROTOCOL_UDP || parsed.fragment !== FRAGMENT_NONE) return false;
  return parsed.destinationPort === BFD_CONTROL_PORT || parsed.destinationPort === BFD_ECHO_PORT;
}

/**
 * The checks of RFC 5881 on a parsed packet that `bytes` holds: whole UDP to `port`, with a TTL or hop limit of at least
 * `ttlMin` and a checksum that is right (RFC 768: none is allowed in IPv4 alone). Returns 0 or a refusal; then the
 * payload is `bytes[parsed.l4Offset + 8 …)`, of `payloadLength(parsed)` bytes.
 */
export function checkDatagram(bytes: Uint8Array, parsed: Parsed, port: number, ttlMin = BFD_TTL): number {
  if (parsed.protocol !== PROTOCOL_UDP || parsed.fragment !== FRAGMENT_NONE) return BFD_REFUSAL['not-udp'];
  if (parsed.destinationPort !== port) return BFD_REFUSAL.port;
  if (parsed.ttl < ttlMin) return BFD_REFUSAL.ttl;
  const at = parsed.l4Offset;
  const length = get16(bytes, at + UDP_LENGTH);
  if (get16(bytes, at + UDP_CHECKSUM) === 0) return parsed.family === 4 ? 0 : BFD_REFUSAL.checksum;
  const whole = sum(bytes, at, length, pseudoHeaderSum(parsed, length));
  return whole === 0xffff ? 0 : BFD_REFUSAL.checksum;
}

/** Bytes of UDP payload of a packet that `checkDatagram` has passed. */
export function payloadLength(bytes: Uint8Array, parsed: Parsed): number {
  return get16(bytes, parsed.l4Offset + UDP_LENGTH) - UDP_HEADER;
}
