/**
 * Frames by which a LAN learns who has an address: ARP (RFC 826, RFC 5227) for IPv4, neighbour discovery (RFC 4861) for
 * IPv6. An *announcement* says "this address is here": an ARP request for one's own address (RFC 5227, section 3, which
 * moves caches as no other form does), or an unsolicited neighbour advertisement with the override flag. A *probe* asks
 * who has an address and is answered by whoever holds it.
 */
import { finish, fold, sum } from './checksum.js';
import { get16, PROTOCOL_ICMP6, put16 } from './offsets.js';

export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
export const MAC_BYTES = 6;

const ETHERNET_HEADER = 14;
const ARP_BYTES = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** IPv6 header, 24 bytes of the message, one link-layer address option. */
const ND_FRAME = ETHERNET_HEADER + 40 + 32;
const ND_FLAG_ROUTER = 0x80;
const ND_FLAG_OVERRIDE = 0x20;
const OPTION_SOURCE_MAC = 1;
const OPTION_TARGET_MAC = 2;
const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255);
const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** What a frame says: `mac` has (or asks with) `address`. */
export interface Neighbour {
  /** The address that is claimed, 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** Whether it answers a probe of ours (an ARP reply or a solicited advertisement). */
  readonly answer: boolean;
}

/** The frame by which `mac` announces that it has `address` (4 or 16 bytes). */
export function encodeAnnouncement(mac: Uint8Array, address: Uint8Array): Uint8Array {
  if (address.length === 4) return encodeArp(mac, address, address, BROADCAST);
  const frame = ndFrame(mac, address, ALL_NODES, ADVERTISEMENT, OPTION_TARGET_MAC);
  frame[ETHERNET_HEADER + 44] = ND_FLAG_ROUTER | ND_FLAG_OVERRIDE;
  frame.set(address, ETHERNET_HEADER + 48);
  return withChecksum(frame);
}

/**
 * The frame by which `mac`, whose own address is `source`, asks who has `address`: sent to `to` where that is known, else
 * to all. A `source` of zeros asks without telling anything (RFC 5227, section 1.1): whoever holds `address` defends it.
 */
export function encodeProbe(
  mac: Uint8Array,
  source: Uint8Array,
  address: Uint8Array,
  to?: Uint8Array,
): Uint8Array {
  if (address.length === 4) return encodeArp(mac, source, address, to ?? BROADCAST);
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...address.subarray(13));
  const option = source.every((byte) => byte === 0) ? 0 : OPTION_SOURCE_MAC;
  const frame = ndFrame(mac, source, to === undefined ? group : address, SOLICITATION, option);
  if (to !== undefined) frame.set(to, 0);
  frame.set(address, ETHERNET_HEADER + 48);
  return withChecksum(frame);
}

/** What an ARP frame or a neighbour advertisement tells; undefined for every other frame. */
export function parseNeighbour(frame: Uint8Array): Neighbour | undefined {
  if (frame.length < ETHERNET_HEADER) return undefined;
  const type = get16(frame, 12);
  if (type === ETHERTYPE_ARP) return parseArp(frame.subarray(ETHERNET_HEADER));
  return type === ETHERTYPE_IPV6 ? parseAdvertisement(frame.subarray(ETHERNET_HEADER)) : undefined;
}

function parseArp(arp: Uint8Array): Neighbour | undefined {
  if (arp.length < ARP_BYTES || get16(arp, 0) !== 1 || get16(arp, 2) !== 0x0800) return undefined;
  const operation = get16(arp, 6);
  if (arp[4] !== MAC_BYTES || arp[5] !== 4 || (operation !== ARP_REQUEST && operation !== ARP_REPLY)) {
    return undefined;
  }
  return { address: arp.slice(14, 18), mac: arp.slice(8, 14), answer: operation === ARP_REPLY };
}

function parseAdvertisement(packet: Uint8Array): Neighbour | undefined {
  const length = packet.length < 40 ? 0 : get16(packet, 4);
  // A hop limit other than 255 came through a router: RFC 4861, section 7.1.2.
  if (length < 24 || packet.length < 40 + length || packet[6] !== PROTOCOL_ICMP6 || packet[7] !== 255) {
    return undefined;
  }
  if (packet[40] !== ADVERTISEMENT || checksumOf(packet, length) !== 0) return undefined;
  for (let at = 64; at + 8 <= 40 + length; at += packet[at + 1] * 8) {
    if (packet[at + 1] === 0) return undefined;
    if (packet[at] !== OPTION_TARGET_MAC) continue;
    const answer = (packet[44] & 0x40) !== 0;
    return { address: packet.slice(48, 64), mac: packet.slice(at + 2, at + 8), answer };
  }
  return undefined;
}

function encodeArp(mac: Uint8Array, source: Uint8Array, address: Uint8Array, to: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER + ARP_BYTES);
  frame.set(to, 0);
  frame.set(mac, 6);
  frame.set([ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 255, 0, 1, 8, 0, MAC_BYTES, 4, 0, ARP_REQUEST], 12);
  frame.set(mac, 22);
  frame.set(source, 28);
  frame.set(address, 38);
  return frame;
}

/** Everything but the message's own fields and the checksum; without an option the frame is 8 bytes shorter. */
function ndFrame(
  mac: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
  type: number,
  option: number,
): Uint8Array {
  const frame = new Uint8Array(option === 0 ? ND_FRAME - 8 : ND_FRAME);
  frame.set([0x33, 0x33, ...destination.subarray(12)], 0);
  frame.set(mac, 6);
  put16(frame, 12, ETHERTYPE_IPV6);
  frame[14] = 0x60;
  put16(frame, 18, frame.length - ETHERNET_HEADER - 40);
  frame[20] = PROTOCOL_ICMP6;
  frame[21] = 255;
  frame.set(source, 22);
  frame.set(destination, 38);
  frame[54] = type;
  if (option !== 0) frame.set([option, 1, ...mac], 78);
  return frame;
}

function withChecksum(frame: Uint8Array): Uint8Array {
  const packet = frame.subarray(ETHERNET_HEADER);
  put16(packet, 42, checksumOf(packet, packet.length - 40));
  return frame;
}

/** RFC 4443, section 2.3; 0 over a message whose checksum is right. */
function checksumOf(packet: Uint8Array, length: number): number {
  return finish(sum(packet, 40, length, sum(packet, 8, 32, fold(PROTOCOL_ICMP6 + length))));
}
