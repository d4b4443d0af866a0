/**
 * The two rtnetlink requests for which a process of its own (`ip`) would be too slow or, twice a second, too dear: an
 * address with a lifetime, and its removal. See rtnetlink(7); everything is in host byte order.
 */
import { endianness } from 'node:os';

const LITTLE = endianness() === 'LE';
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 2;
const AF_INET = 2;
const AF_INET6 = 10;

let sequence = 0;

/**
 * RTM_NEWADDR: adds `address` (4 or 16 bytes) to interface `index` as a /32 or /128, or refreshes it, for `seconds`. An
 * IPv6 address works at once (no duplicate detection) and is never chosen as a source.
 */
export function encodeAddressHold(index: number, address: Uint8Array, seconds: number): Uint8Array {
  const isIpv6 = address.length === 16;
  const lifetimes = new Uint8Array(16);
  const view = new DataView(lifetimes.buffer);
  view.setUint32(0, isIpv6 ? 0 : seconds, LITTLE);
  view.setUint32(4, seconds, LITTLE);
  const flags = new Uint8Array(4);
  new DataView(flags.buffer).setUint32(0, isIpv6 ? IFA_F_NODAD : 0, LITTLE);
  return encode(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address, [
    [IFA_CACHEINFO, lifetimes],
    [IFA_FLAGS, flags],
  ]);
}

/** RTM_DELADDR of what encodeAddressHold adds. */
export function encodeAddressDrop(index: number, address: Uint8Array): Uint8Array {
  return encode(RTM_DELADDR, 0, index, address, []);
}

function encode(
  type: number,
  flags: number,
  index: number,
  address: Uint8Array,
  more: readonly (readonly [number, Uint8Array])[],
): Uint8Array {
  const attributes = [[IFA_LOCAL, address] as const, [IFA_ADDRESS, address] as const, ...more];
  const length = attributes.reduce((sum, [, value]) => sum + 4 + value.length, 24);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, LITTLE);
  view.setUint16(4, type, LITTLE);
  view.setUint16(6, flags | NLM_F_REQUEST | NLM_F_ACK, LITTLE);
  view.setUint32(8, ++sequence >>> 0, LITTLE);
  bytes[16] = address.length === 16 ? AF_INET6 : AF_INET;
  bytes[17] = address.length * 8;
  view.setUint32(20, index, LITTLE);
  let at = 24;
  for (const [kind, value] of attributes) {
    view.setUint16(at, 4 + value.length, LITTLE);
    view.setUint16(at + 2, kind, LITTLE);
    bytes.set(value, at + 4);
    at += 4 + value.length;
  }
  return bytes;
}
