/**
 * Control datagrams between nodes inside the tunnel: UDP over IPv6 between control addresses. The packet path hands
 * whatever is addressed to us to the control thread, having checked that it comes from its peer's own control address.
 */
import { finish, sum } from '../packet/checksum.js';
import {
  get16,
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
import type { ControlAddress } from './control-address.js';

/** Port of hellos, from the range that IANA leaves to private use. */
export const HELLO_PORT = 51_821;
const PAYLOAD_AT = IP6_HEADER + UDP_HEADER;
const HOP_LIMIT = 255;

/** `payload` from `source` to `destination`, both ports HELLO_PORT, as a whole IPv6 packet. */
export function encodeControlDatagram(
  source: ControlAddress,
  destination: ControlAddress,
  payload: Uint8Array,
): Uint8Array {
  const packet = new Uint8Array(PAYLOAD_AT + payload.length);
  const length = UDP_HEADER + payload.length;
  put32(packet, 0, 0x6000_0000);
  put16(packet, IP6_PAYLOAD_LENGTH, length);
  packet[IP6_NEXT_HEADER] = PROTOCOL_UDP;
  packet[IP6_HOP_LIMIT] = HOP_LIMIT;
  for (let i = 0; i < 4; i++) {
    put32(packet, IP6_SOURCE + i * 4, source[i]);
    put32(packet, IP6_DESTINATION + i * 4, destination[i]);
  }
  put16(packet, IP6_HEADER + UDP_SOURCE_PORT, HELLO_PORT);
  put16(packet, IP6_HEADER + UDP_DESTINATION_PORT, HELLO_PORT);
  put16(packet, IP6_HEADER + UDP_LENGTH, length);
  packet.set(payload, PAYLOAD_AT);
  const pseudo = sum(packet, IP6_SOURCE, 32, length + PROTOCOL_UDP);
  const checksum = finish(sum(packet, IP6_HEADER, length, pseudo));
  put16(packet, IP6_HEADER + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum);
  return packet;
}

/** The payload (a view) of a hello datagram; undefined for any other packet. The tunnel has authenticated its bytes. */
export function parseControlDatagram(packet: Uint8Array): Uint8Array | undefined {
  if (packet.length < PAYLOAD_AT || packet[IP6_NEXT_HEADER] !== PROTOCOL_UDP) return undefined;
  if (get16(packet, IP6_HEADER + UDP_DESTINATION_PORT) !== HELLO_PORT) return undefined;
  if (get16(packet, IP6_HEADER + UDP_LENGTH) !== packet.length - IP6_HEADER) return undefined;
  return packet.subarray(PAYLOAD_AT);
}
