/**
 * Packets for the addon's tests, and the slow twins of its packet code: checksums byte by byte, segmentation by
 * taking a packet apart and building each segment anew.
 */
export interface Headers {
  v6: boolean;
  udp: boolean;
  /** Last byte of the source address: tells flows apart. */
  flow: number;
  seq: number;
  ack: number;
  flags: number;
  window: number;
  /** TCP options, a multiple of 4 bytes. */
  options: Uint8Array;
  tos: number;
  ttl: number;
  id: number;
  df: boolean;
}

export const ACK = 0x10;
export const PSH = 0x08;
export const FIN = 0x01;
export const CWR = 0x80;

export const plainHeaders: Headers = {
  v6: false,
  udp: false,
  flow: 1,
  seq: 1000,
  ack: 77,
  flags: ACK,
  window: 512,
  options: new Uint8Array(0),
  tos: 0,
  ttl: 64,
  id: 1,
  df: true,
};

/** RFC 1071 by the letter: folded, not complemented. */
export function slowSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i++) {
    sum += i % 2 === 0 ? bytes[i] * 256 : bytes[i];
    while (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** Whether two folded sums are the same number in ones' complement. */
export function sameSum(a: number, b: number): boolean {
  return a % 0xffff === b % 0xffff;
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

export function get16(bytes: Uint8Array, at: number): number {
  return bytes[at] * 256 + bytes[at + 1];
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

export function layer4Start(packet: Uint8Array): number {
  return packet[0] >> 4 === 6 ? 40 : (packet[0] & 15) * 4;
}

export function protocolOf(packet: Uint8Array): number {
  return packet[0] >> 4 === 6 ? packet[6] : packet[9];
}

/** Folded pseudo-header sum of a packet without extension headers. */
export function slowPseudoSum(packet: Uint8Array): number {
  const start = layer4Start(packet);
  const addresses = packet[0] >> 4 === 6 ? packet.subarray(8, 40) : packet.subarray(12, 20);
  return slowSum(new Uint8Array([0, protocolOf(packet)]), slowSum(addresses, packet.length - start));
}

/** Sets the IPv4 header checksum and the layer-4 checksum. */
export function finish(packet: Uint8Array): Uint8Array {
  const start = layer4Start(packet);
  if (packet[0] >> 4 === 4) {
    put16(packet, 10, 0);
    put16(packet, 10, 0xffff - slowSum(packet.subarray(0, start)));
  }
  const udp = protocolOf(packet) === 17;
  const at = start + (udp ? 6 : 16);
  put16(packet, at, 0);
  const sum = 0xffff - slowSum(packet.subarray(start), slowPseudoSum(packet));
  put16(packet, at, sum === 0 && udp ? 0xffff : sum);
  return packet;
}

/** A whole packet with valid checksums. */
export function buildPacket(headers: Headers, payload: Uint8Array): Uint8Array {
  const ip = headers.v6 ? 40 : 20;
  const layer4 = headers.udp ? 8 : 20 + headers.options.length;
  const packet = new Uint8Array(ip + layer4 + payload.length);
  const protocol = headers.udp ? 17 : 6;
  if (headers.v6) {
    packet[0] = 0x60 | (headers.tos >> 4);
    packet[1] = (headers.tos << 4) & 0xf0;
    put16(packet, 4, packet.length - 40);
    packet[6] = protocol;
    packet[7] = headers.ttl;
    packet.set([0xfd, 0, 0, 1], 8);
    packet[23] = headers.flow;
    packet.set([0xfd, 0, 0, 2], 24);
  } else {
    packet[0] = 0x45;
    packet[1] = headers.tos;
    put16(packet, 2, packet.length);
    put16(packet, 4, headers.id & 0xffff);
    packet[6] = headers.df ? 0x40 : 0;
    packet[8] = headers.ttl;
    packet[9] = protocol;
    packet.set([10, 0, 0, headers.flow, 10, 1, 0, 1], 12);
  }
  put16(packet, ip, 4000 + headers.flow);
  put16(packet, ip + 2, 443);
  if (headers.udp) {
    put16(packet, ip + 4, 8 + payload.length);
  } else {
    put32(packet, ip + 4, headers.seq);
    put32(packet, ip + 8, headers.ack);
    packet[ip + 12] = (layer4 / 4) << 4;
    packet[ip + 13] = headers.flags;
    put16(packet, ip + 14, headers.window);
    packet.set(headers.options, ip + 20);
  }
  packet.set(payload, ip + layer4);
  return finish(packet);
}

/** GSO fields as virtio_net_hdr states them. */
export interface Gso {
  type: number;
  size: number;
  csumStart: number;
  csumOffset: number;
}

/** The GSO fields of a packet whose segments shall have `size` payload bytes. */
export function gsoOf(headers: Headers, size: number): Gso {
  const type = headers.udp ? 5 : headers.v6 ? 4 : 1;
  return { type, size, csumStart: headers.v6 ? 40 : 20, csumOffset: headers.udp ? 6 : 16 };
}

/** What the kernel hands out for `packet`: the layer-4 checksum field holds the pseudo-header sum alone. */
export function withPartialChecksum(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  put16(copy, layer4Start(copy) + (protocolOf(copy) === 17 ? 6 : 16), slowPseudoSum(copy));
  return copy;
}

/** The segments of a super-packet, each built anew. */
export function slowSegments(packet: Uint8Array, size: number): Uint8Array[] {
  const start = layer4Start(packet);
  const udp = protocolOf(packet) === 17;
  const v6 = packet[0] >> 4 === 6;
  const header = start + (udp ? 8 : (packet[start + 12] >> 4) * 4);
  const count = Math.max(1, Math.ceil((packet.length - header) / size));
  const view = new DataView(packet.buffer, packet.byteOffset);
  return Array.from({ length: count }, (_, k) => {
    const payload = packet.subarray(header + k * size, Math.min(packet.length, header + (k + 1) * size));
    const segment = new Uint8Array(header + payload.length);
    segment.set(packet.subarray(0, header));
    segment.set(payload, header);
    if (v6) {
      put16(segment, 4, segment.length - 40);
    } else {
      put16(segment, 2, segment.length);
      put16(segment, 4, (get16(packet, 4) + k) & 0xffff);
    }
    if (udp) {
      put16(segment, start + 4, segment.length - start);
    } else {
      put32(segment, start + 4, (view.getUint32(start + 4) + k * size) >>> 0);
      if (k > 0) segment[start + 13] &= ~CWR;
      if (k < count - 1) segment[start + 13] &= ~(FIN | PSH);
    }
    return finish(segment);
  });
}
