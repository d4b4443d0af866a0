/** Pings over a tunnel whose inner side is this process: IPv4 ICMP echo packets, made and answered by hand. */
import { OUR_ADDRESS, THEIR_ADDRESS } from './wireguard-go.js';

const IP_BYTES = 20;
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** An echo request from us to them with this sequence number. */
export function echoRequest(sequence: number): Uint8Array {
  const packet = new Uint8Array(IP_BYTES + 8 + 32);
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, 1, 0, 0, ...OUR_ADDRESS, ...THEIR_ADDRESS]);
  write16(packet, 10, sum(packet.subarray(0, IP_BYTES)));
  packet[IP_BYTES] = ECHO_REQUEST;
  write16(packet, IP_BYTES + 4, 0x7457);
  write16(packet, IP_BYTES + 6, sequence);
  write16(packet, IP_BYTES + 2, sum(packet.subarray(IP_BYTES)));
  return packet;
}

/** The sequence number, if the packet is an echo reply to us. */
export function echoReplySequence(packet: Uint8Array): number | undefined {
  return packet[9] === 1 && packet[IP_BYTES] === ECHO_REPLY ? (packet[26] << 8) | packet[27] : undefined;
}

/** The reply, if the packet is an echo request to us. */
export function answerEcho(padded: Uint8Array): Uint8Array | undefined {
  const packet = new Uint8Array(padded.subarray(0, (padded[2] << 8) | padded[3]));
  if (packet[9] !== 1 || packet[IP_BYTES] !== ECHO_REQUEST) return undefined;
  packet.set([...OUR_ADDRESS, ...THEIR_ADDRESS], 12);
  packet[IP_BYTES] = ECHO_REPLY;
  write16(packet, IP_BYTES + 2, 0);
  write16(packet, IP_BYTES + 2, sum(packet.subarray(IP_BYTES)));
  return packet;
}
