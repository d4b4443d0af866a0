/**
 * Builders for test packets, and the slow twins of the checksum code: everything is computed in full, by the plainest
 * means, from nothing but the RFCs. Nothing here may use src/core/packet.
 */
import { type Prefix, prefixOf } from '../../src/core/base/prefix.js';

/** Bytes of an address in text: dotted quad, or IPv6 with at most one `::`. */
export function address(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number));
  const [head, tail] = text.split('::');
  const groups = (part: string | undefined) =>
    part ? part.split(':').map((g) => Number.parseInt(g, 16)) : [];
  const before = groups(head);
  const after = groups(tail);
  const middle = tail === undefined ? [] : new Array<number>(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...middle, ...after].flatMap((group) => [group >> 8, group & 255]));
}

/** The prefix `text`, such as 10.0.0.0/8. */
export function prefix(text: string): Prefix {
  const [bytes, length] = text.split('/');
  return prefixOf(address(bytes), Number(length));
}

/** Word `index` of an address, signed. */
export function word(bytes: Uint8Array, index = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getInt32(index * 4);
}

/** The one's complement sum of all 16-bit words, by the book (RFC 1071 4.1). */
export function slowSum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i++) total += i % 2 === 0 ? bytes[i] * 256 : bytes[i];
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000);
  return total;
}

export function slowChecksum(bytes: Uint8Array): number {
  return 0xffff - slowSum(bytes);
}

function be16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number[] {
  if (source.length === 4) return [...source, ...destination, 0, protocol, ...be16(length)];
  return [...source, ...destination, 0, 0, ...be16(length), 0, 0, 0, protocol];
}

export const CHECKSUM_OFFSET: Readonly<Record<number, number>> = { 1: 2, 6: 16, 17: 6, 33: 6, 58: 2, 136: 6 };

/** The checksum that the upper layer `l4` ought to carry; the field itself is taken as zero. */
export function upperChecksum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  l4: Uint8Array,
): number {
  const blank = Uint8Array.from(l4);
  blank.set([0, 0], CHECKSUM_OFFSET[protocol]);
  const pseudo = protocol === 1 ? [] : pseudoHeader(source, destination, protocol, l4.length);
  const checksum = slowChecksum(Uint8Array.from([...pseudo, ...blank]));
  return protocol === 17 && checksum === 0 ? 0xffff : checksum;
}

/** The folded sum of the pseudo-header, as a packet with NEEDS_CSUM carries it. */
export function partialSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number {
  return slowSum(Uint8Array.from(pseudoHeader(source, destination, protocol, length)));
}

export interface IpOptions {
  source: string | Uint8Array;
  destination: string | Uint8Array;
  protocol: number;
  payload: Uint8Array;
  ttl?: number;
  /** IPv4: raw options, padded to four bytes. */
  options?: readonly number[];
  /** Fragment offset in units of 8 bytes. */
  fragmentOffset?: number;
  moreFragments?: boolean;
  dontFragment?: boolean;
  /** IPv6: raw extension headers in front of the payload; the first one's number is `extensionProtocol`. */
  extensions?: readonly number[];
  extensionProtocol?: number;
  /** Leave the upper-layer checksum as it is in `payload`. */
  keepChecksum?: boolean;
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? address(value) : value;
}

/** An IP packet of the family of its addresses; the checksum of a known, unfragmented payload is filled in. */
export function ip(o: IpOptions): Uint8Array {
  const source = bytesOf(o.source);
  const destination = bytesOf(o.destination);
  const payload = Uint8Array.from(o.payload);
  const at = CHECKSUM_OFFSET[o.protocol];
  if (at !== undefined && !o.keepChecksum && !o.fragmentOffset && payload.length >= at + 2) {
    payload.set(be16(upperChecksum(source, destination, o.protocol, payload)), at);
  }
  const ttl = o.ttl ?? 64;
  if (source.length === 16) {
    const extensions = o.extensions ?? [];
    const next = extensions.length > 0 ? (o.extensionProtocol ?? 0) : o.protocol;
    const length = extensions.length + payload.length;
    const head = [0x60, 0, 0, 0, ...be16(length), next, ttl, ...source, ...destination];
    return Uint8Array.from([...head, ...extensions, ...payload]);
  }
  const options = [...(o.options ?? [])];
  while (options.length % 4 !== 0) options.push(0);
  const header = 20 + options.length;
  const fragment = (o.dontFragment ? 0x4000 : 0) | (o.moreFragments ? 0x2000 : 0) | (o.fragmentOffset ?? 0);
  const head = Uint8Array.from([
    0x40 | (header / 4),
    0,
    ...be16(header + payload.length),
    0x12,
    0x34,
    ...be16(fragment),
    ttl,
    o.protocol,
    0,
    0,
    ...source,
    ...destination,
    ...options,
  ]);
  head.set(be16(slowChecksum(head)), 10);
  return Uint8Array.from([...head, ...payload]);
}

export function udp(sourcePort: number, destinationPort: number, data: Uint8Array): Uint8Array {
  return Uint8Array.from([
    ...be16(sourcePort),
    ...be16(destinationPort),
    ...be16(8 + data.length),
    0,
    0,
    ...data,
  ]);
}

export function tcp(
  sourcePort: number,
  destinationPort: number,
  flags: number,
  options: readonly number[],
  data: Uint8Array,
): Uint8Array {
  const padded = [...options];
  while (padded.length % 4 !== 0) padded.push(0);
  const words = (20 + padded.length) / 4;
  const head = [...be16(sourcePort), ...be16(destinationPort), 1, 2, 3, 4, 5, 6, 7, 8, words << 4, flags];
  return Uint8Array.from([...head, 0xff, 0xff, 0, 0, 0, 0, ...padded, ...data]);
}

/** ICMP or ICMPv6: type, code and what follows the checksum. */
export function icmp(type: number, code: number, rest: Uint8Array): Uint8Array {
  return Uint8Array.from([type, code, 0, 0, ...rest]);
}

/** An ICMP or ICMPv6 error that quotes `packet`. */
export function icmpError(type: number, code: number, packet: Uint8Array): Uint8Array {
  return icmp(type, code, Uint8Array.from([0, 0, 0, 0, ...packet]));
}

/** Whether every checksum of an unfragmented packet without extension headers is right. */
export function checksumsRight(packet: Uint8Array): boolean {
  const four = packet[0] >> 4 === 4;
  const header = four ? (packet[0] & 15) * 4 : 40;
  if (four && slowSum(packet.subarray(0, header)) !== 0xffff) return false;
  const protocol = four ? packet[9] : packet[6];
  const at = CHECKSUM_OFFSET[protocol];
  if (at === undefined) return true;
  const l4 = packet.subarray(header);
  const carried = (l4[at] << 8) | l4[at + 1];
  if (protocol === 17 && carried === 0) return true;
  const addresses = four ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const half = addresses.length / 2;
  return carried === upperChecksum(addresses.slice(0, half), addresses.slice(half), protocol, l4);
}
