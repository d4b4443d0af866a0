/** Sample packets for `explain`: what a host would send first — a TCP SYN, a UDP datagram, an echo request. */
import { finish, sum } from '../packet/checksum.js';
import { ICMP4_ECHO_REQUEST, ICMP6_ECHO_REQUEST } from '../packet/icmp.js';
import {
  ICMP_CHECKSUM,
  ICMP_HEADER,
  IP4_CHECKSUM,
  IP4_DESTINATION,
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
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  put16,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_SYN,
  UDP_CHECKSUM,
  UDP_HEADER,
  UDP_LENGTH,
} from '../packet/offsets.js';

/** As a host sends it; the router's kernel takes one off. */
const TTL = 64;
const SOURCE_PORT = 40_000;

export type SampleProtocol = 'tcp' | 'udp' | 'icmp';

/** A packet from `source` to `destination` (4 or 16 bytes each, the same family); `port` is ignored for icmp. */
export function encodeSample(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: SampleProtocol,
  port: number,
): Uint8Array {
  const v4 = source.length === 4;
  const header = v4 ? IP4_HEADER : IP6_HEADER;
  const upper = protocol === 'tcp' ? TCP_HEADER : protocol === 'udp' ? UDP_HEADER : ICMP_HEADER;
  const icmp = v4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6;
  const number = protocol === 'tcp' ? PROTOCOL_TCP : protocol === 'udp' ? PROTOCOL_UDP : icmp;
  const packet = new Uint8Array(header + upper);
  if (v4) writeHeader4(packet, number, source, destination);
  else writeHeader6(packet, number, source, destination);
  const checksumAt = header + writeUpper(packet, header, protocol, port, v4);
  const pseudo = protocol === 'icmp' && v4 ? 0 : pseudoSum(source, destination, upper, number);
  put16(packet, checksumAt, finish(sum(packet, header, upper, pseudo)));
  return packet;
}

function writeHeader4(packet: Uint8Array, number: number, source: Uint8Array, destination: Uint8Array): void {
  packet[0] = 0x45;
  put16(packet, IP4_LENGTH, packet.length);
  packet[IP4_TTL] = TTL;
  packet[IP4_PROTOCOL] = number;
  packet.set(source, IP4_SOURCE);
  packet.set(destination, IP4_DESTINATION);
  put16(packet, IP4_CHECKSUM, finish(sum(packet, 0, IP4_HEADER, 0)));
}

function writeHeader6(packet: Uint8Array, number: number, source: Uint8Array, destination: Uint8Array): void {
  packet[0] = 0x60;
  put16(packet, IP6_PAYLOAD_LENGTH, packet.length - IP6_HEADER);
  packet[IP6_NEXT_HEADER] = number;
  packet[IP6_HOP_LIMIT] = TTL;
  packet.set(source, IP6_SOURCE);
  packet.set(destination, IP6_DESTINATION);
}

/** Writes the upper-layer header; returns where in it the checksum stands. */
function writeUpper(
  packet: Uint8Array,
  at: number,
  protocol: SampleProtocol,
  port: number,
  v4: boolean,
): number {
  if (protocol === 'icmp') {
    packet[at] = v4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST;
    return ICMP_CHECKSUM;
  }
  put16(packet, at, SOURCE_PORT);
  put16(packet, at + 2, port);
  if (protocol === 'udp') {
    put16(packet, at + UDP_LENGTH, UDP_HEADER);
    return UDP_CHECKSUM;
  }
  packet[at + TCP_DATA_OFFSET] = (TCP_HEADER / 4) << 4;
  packet[at + TCP_FLAGS] = TCP_SYN;
  return TCP_CHECKSUM;
}

function pseudoSum(source: Uint8Array, destination: Uint8Array, length: number, number: number): number {
  return sum(destination, 0, destination.length, sum(source, 0, source.length, length + number));
}
