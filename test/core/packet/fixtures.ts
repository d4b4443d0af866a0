import { Parsed } from '../../../src/core/packet/parsed.js';
import { type IpOptions, ip, slowChecksum } from '../../support/packets.js';

export const V4 = { source: '172.16.10.15', destination: '192.168.10.15' };
export const V6 = { source: 'fd00:10::15', destination: '2001:db8::1' };
export const DATA = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);

export function parse(packet: Uint8Array, length = packet.length): [number, Parsed] {
  const parsed = new Parsed();
  return [parsed.parse(packet, 0, length), parsed];
}

/** Parses a packet that must be accepted. */
export function accept(options: IpOptions): Parsed {
  const [refusal, parsed] = parse(ip(options));
  if (refusal !== 0) throw new Error(`refused: ${refusal}`);
  return parsed;
}

export function refuse(packet: Uint8Array): number {
  return parse(packet)[0];
}

/** Changes an IPv4 header and mends its checksum. */
export function edit4(packet: Uint8Array, edit: (packet: Uint8Array) => void): Uint8Array {
  edit(packet);
  packet.set([0, 0], 10);
  const checksum = slowChecksum(packet.subarray(0, Math.min(packet.length, (packet[0] & 15) * 4)));
  packet.set([checksum >> 8, checksum & 255], 10);
  return packet;
}

export function fieldsOf(parsed: Parsed): Record<string, number | boolean> {
  const fields = Object.entries(parsed).filter(([, value]) => typeof value !== 'object');
  const moved = ['offset', 'l4Offset', ...(parsed.checksumAt === 0 ? [] : ['checksumAt'])];
  return Object.fromEntries(
    fields.map(([name, value]) => [name, moved.includes(name) ? value - parsed.offset : value]),
  );
}
