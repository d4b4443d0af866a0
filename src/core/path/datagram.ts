/**
 * What BFD travels in (RFC 5881): UDP in IPv4 or IPv6, between the two ends of one hop, which here is the tunnel. Control
 * packets go to port 3784 and echo packets to 3785, from a port of 49152–65535, with TTL or hop limit 255: a packet
 * that arrives with less has been forwarded by somebody and is refused (RFC 5881 5, RFC 5082).
 *
 * An `Envelope` is the headers of one conversation; sealing a payload into it writes whole IP packets into the caller's
 * buffer and allocates nothing. It keeps no bytes of its own: a node has one for each of thousands of peers.
 */
import { assert } from '../base/assert.js';
import { pseudoHeaderSum, sum } from '../packet/checksum.js';
import {
  get16,
  IP4_CHECKSUM,
  IP4_DONT_FRAGMENT,
  IP4_FRAGMENT,
  IP4_HEADER,
  IP4_ID,
  IP4_LENGTH,
  IP4_PROTOCOL,
  IP4_SOURCE,
  IP4_TTL,
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
  readonly #source: Uint8Array;
  readonly #destination: Uint8Array;
  readonly #sourcePort: number;
  readonly #destinationPort: number;

  /** `source` and `destination` have 4 or 16 bytes, of one family; they are kept, not copied. */
  constructor(source: Uint8Array, destination: Uint8Array, sourcePort: number, destinationPort: number) {
    assert(source.length === destination.length, 'both ends are of one family');
    this.#source = source;
    this.#destination = destination;
    this.#sourcePort = sourcePort;
    this.#destinationPort = destinationPort;
    this.headerBytes = (source.length === 4 ? IP4_HEADER : IP6_HEADER) + UDP_HEADER;
  }

  /**
   * Makes a whole IP packet at `at` around a payload of `length` bytes that already stands at `at + headerBytes`, to another
   * port where one is given. Returns the packet's length.
   */
  close(bytes: Uint8Array, at: number, length: number, destinationPort = this.#destinationPort): number {
    const total = this.headerBytes + length;
    const udp = at + this.headerBytes - UDP_HEADER;
    const udpBytes = UDP_HEADER + length;
    const addressBytes = this.#source.length;
    const v4 = addressBytes === 4;
    const addresses = at + (v4 ? IP4_SOURCE : IP6_SOURCE);
    for (let i = 0; i < addressBytes; i++) {
      bytes[addresses + i] = this.#source[i];
      bytes[addresses + addressBytes + i] = this.#destination[i];
    }
    if (v4) writeHeader4(bytes, at, total);
    else writeHeader6(bytes, at, udpBytes);
    put16(bytes, udp + UDP_SOURCE_PORT, this.#sourcePort);
    put16(bytes, udp + UDP_DESTINATION_PORT, destinationPort);
    put16(bytes, udp + UDP_LENGTH, udpBytes);
    put16(bytes, udp + UDP_CHECKSUM, 0);
    const pseudo = sum(bytes, addresses, 2 * addressBytes, PROTOCOL_UDP + udpBytes);
    const checksum = ~sum(bytes, udp, udpBytes, pseudo) & 0xffff;
    put16(bytes, udp + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum);
    return total;
  }
}

/** All but the addresses, which stand already. */
function writeHeader4(bytes: Uint8Array, at: number, total: number): void {
  put16(bytes, at, 0x4500 | TRAFFIC_CLASS);
  put16(bytes, at + IP4_LENGTH, total);
  put16(bytes, at + IP4_ID, 0);
  put16(bytes, at + IP4_FRAGMENT, IP4_DONT_FRAGMENT);
  bytes[at + IP4_TTL] = BFD_TTL;
  bytes[at + IP4_PROTOCOL] = PROTOCOL_UDP;
  put16(bytes, at + IP4_CHECKSUM, 0);
  put16(bytes, at + IP4_CHECKSUM, ~sum(bytes, at, IP4_HEADER, 0) & 0xffff);
}

function writeHeader6(bytes: Uint8Array, at: number, payload: number): void {
  put32(bytes, at, 0x6000_0000 | (TRAFFIC_CLASS << 20));
  put16(bytes, at + IP6_PAYLOAD_LENGTH, payload);
  bytes[at + IP6_NEXT_HEADER] = PROTOCOL_UDP;
  bytes[at + IP6_HOP_LIMIT] = BFD_TTL;
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
