/**
 * Addresses and prefixes as text: the rim where people's notation becomes bytes and back. Parsing is strict, because a
 * configuration that can be read two ways will be: no host bits in a prefix, no leading zeros, no zones, no bare
 * address where a prefix is wanted. Printing follows RFC 5952 for IPv6. Nothing here runs on the packet path.
 */
import { Address4, Address6 } from 'ip-address';
import { bitsOf, type Family, type Prefix, prefixOf, sameBits } from '../base/prefix.js';

/** Longest text that is looked at; longer input is refused unread. */
const TEXT_LENGTH_MAX = 256;
const PREFIX_LENGTH = /^(0|[1-9][0-9]{0,2})$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const HOST_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/i;

/** An address with the prefix length of its link, as `ip addr` prints it: 172.16.10.215/24. */
export interface InterfaceAddress {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** Where a peer is dialled: a host (name or address) and a UDP port. `address` is set where the host is an address. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
  readonly address: Uint8Array | undefined;
}

/** The 4 or 16 bytes of an address; undefined where `text` is none, has a prefix length or a zone. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (text.length > TEXT_LENGTH_MAX || text.includes('/') || text.includes('%')) return undefined;
  try {
    if (text.includes(':')) return Uint8Array.from(new Address6(text).toUnsignedByteArray());
    return Uint8Array.from(new Address4(text).toArray());
  } catch {
    return undefined;
  }
}

/** An address with its prefix length; host bits are kept. Undefined where `text` is not one. */
export function parseInterfaceAddress(text: string): InterfaceAddress | undefined {
  const slash = text.indexOf('/');
  if (slash < 0 || !PREFIX_LENGTH.test(text.slice(slash + 1))) return undefined;
  const bytes = parseAddress(text.slice(0, slash));
  const length = Number(text.slice(slash + 1));
  if (bytes === undefined || length > bitsOf(familyOf(bytes))) return undefined;
  return { bytes, length };
}

/** A prefix; undefined where `text` is not one, has no length, or has host bits that are not zero. */
export function parsePrefix(text: string): Prefix | undefined {
  const parsed = parseInterfaceAddress(text);
  if (parsed === undefined) return undefined;
  const prefix = prefixOf(parsed.bytes, parsed.length);
  return sameBits(prefix.bytes, parsed.bytes, bitsOf(prefix.family)) ? prefix : undefined;
}

/** The text of 4 or 16 address bytes; IPv6 as RFC 5952 wants it, IPv4-mapped addresses with dots (section 5). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const mapped =
    bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (mapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  return Address6.fromUnsignedByteArray([...bytes]).correctForm();
}

/** The text of a prefix. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.bytes)}/${prefix.length}`;
}

/** `host:port`, `a.b.c.d:port` or `[v6]:port`, port 1–65535; undefined where `text` is none of these. */
export function parseEndpoint(text: string): HostPort | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const colon = text.lastIndexOf(':');
  if (colon <= 0 || !PORT.test(text.slice(colon + 1))) return undefined;
  const port = Number(text.slice(colon + 1));
  let host = text.slice(0, colon);
  if (port > 65_535) return undefined;
  const bracketed = host.startsWith('[') && host.endsWith(']');
  if (bracketed) host = host.slice(1, -1);
  const address = parseAddress(host);
  if (bracketed !== host.includes(':') || (bracketed && address === undefined)) return undefined;
  if (address === undefined && !isHostName(host)) return undefined;
  return { host, port, address };
}

/** The text of an endpoint, IPv6 addresses in brackets. */
export function formatEndpoint(host: string | Uint8Array, port: number): string {
  const text = typeof host === 'string' ? host : formatAddress(host);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}

/** Whether `text` is a DNS name; names that end in a number are refused, as they are mistyped addresses (RFC 3696). */
export function isHostName(text: string): boolean {
  const labels = text.split('.');
  if (text.length > 253 || labels.length > 64) return false;
  return labels.every((label) => HOST_LABEL.test(label)) && !/^[0-9]+$/.test(labels[labels.length - 1]);
}

/** Address family of 4 or 16 address bytes. */
export function familyOf(bytes: Uint8Array): Family {
  return bytes.length === 4 ? 4 : 6;
}
