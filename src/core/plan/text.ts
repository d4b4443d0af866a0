/**
 * Prefixes as `ip` prints them (RFC 5952 for IPv6), so that a wanted and an observed prefix compare as texts.
 */
import type { Prefix } from '../base/prefix.js';

/** A prefix with its length: 10.100.0.0/16, fd00::/64. */
export function prefixText(prefix: Prefix): string {
  return `${bytesText(prefix.bytes)}/${prefix.length}`;
}

/** A single address (4 or 16 bytes) as a prefix of full length: 172.16.10.215/32. */
export function addressText(address: Uint8Array): string {
  return `${bytesText(address)}/${address.length * 8}`;
}

function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i] << 8) | bytes[i + 1]);
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
