/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3).
 *
 * A *sum* is the folded one's complement sum of 16-bit words; a *checksum* is its complement, as packets carry it.
 * Changing words of a packet changes the sum by a *difference* = Σ(~old + new), so one difference, computed once,
 * mends every checksum that covers those words. Equation 3 (HC' = ~(~HC + ~m + m')) never turns a right checksum
 * into the wrong representation of zero, as the equation of RFC 1141 could. A checksum that was wrong stays wrong by
 * the same amount: the receiver still sees the damage, which a recomputation would hide.
 *
 * A packet from the kernel may carry a *partial* checksum (virtio NEEDS_CSUM): its field holds the folded sum of the
 * pseudo-header alone, not complemented, and whoever segments the packet adds the rest. An address change is added
 * to such a field as it is; a change in header or payload does not concern it.
 */
import { PROTOCOL_UDP } from './offsets.js';
import type { Parsed } from './parsed.js';
import { FLAG_NEEDS_CSUM } from './rows.js';

/** Folds a sum (an integer from 0 to 2^32 − 1, or its signed twin) into 16 bits with end-around carry. */
export function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** Folded sum of `length` bytes (an odd last byte is padded with zero), added to the folded sum `initial`. */
export function sum(bytes: Uint8Array, offset: number, length: number, initial: number): number {
  // 32767 words of 0xffff and the initial sum stay below 2^31, so that no step leaves the small integers.
  let total = initial;
  let at = offset;
  const end = offset + length;
  while (end - at > 65_532) {
    const stop = at + 65_532;
    for (; at < stop; at += 2) total += (bytes[at] << 8) | bytes[at + 1];
    total = fold(total);
  }
  for (; at + 1 < end; at += 2) total += (bytes[at] << 8) | bytes[at + 1];
  if (at < end) total = fold(total) + (bytes[at] << 8);
  return fold(total);
}

/** The checksum for a sum: folded and complemented. */
export function finish(total: number): number {
  return ~fold(total) & 0xffff;
}

/** What replacing a 16-bit word does to a sum: a folded difference. */
export function difference16(before: number, after: number): number {
  return fold((~before & 0xffff) + (after & 0xffff));
}

/** The same for a 32-bit word (signed or unsigned) that starts at an even offset. */
export function difference32(before: number, after: number): number {
  return fold(change32(before, after));
}

/** The same for an IPv6 address, whose words were b0 … b3 and are a0 … a3. */
export function difference128(
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
): number {
  return fold(change32(b0, a0) + change32(b1, a1) + change32(b2, a2) + change32(b3, a3));
}

function change32(before: number, after: number): number {
  return (~before >>> 16) + (~before & 0xffff) + (after >>> 16) + (after & 0xffff);
}

/** A checksum after a difference. */
export function applyDifference(checksum: number, difference: number): number {
  return ~fold((~checksum & 0xffff) + difference) & 0xffff;
}

/** RFC 1624 equation 3: the checksum after a 16-bit word changed from `before` to `after`. */
export function update16(checksum: number, before: number, after: number): number {
  return applyDifference(checksum, difference16(before, after));
}

/** The same for a 32-bit word at an even offset. */
export function update32(checksum: number, before: number, after: number): number {
  return applyDifference(checksum, difference32(before, after));
}

/** Sum of the pseudo-header of `parsed` for an upper layer of `length` bytes (RFC 9293 3.1, RFC 8200 8.1). */
export function pseudoHeaderSum(parsed: Parsed, length: number): number {
  if (parsed.family === 4) {
    return fold(sum32(parsed.source4) + sum32(parsed.destination4) + parsed.protocol + length);
  }
  const source = sum32(parsed.s0) + sum32(parsed.s1) + sum32(parsed.s2) + sum32(parsed.s3);
  const destination = sum32(parsed.d0) + sum32(parsed.d1) + sum32(parsed.d2) + sum32(parsed.d3);
  return fold(source + destination + sum32(length) + parsed.protocol);
}

function sum32(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/**
 * Whether the row's checksum of `parsed` is partial. `csumStart` counts from the packet's first byte, as virtio does.
 * The kernel may leave the checksum of an *inner* header of a tunnel packet to us; then the outer one is complete.
 */
export function isPartialChecksum(flags: number, csumStart: number, parsed: Parsed): boolean {
  return (flags & FLAG_NEEDS_CSUM) !== 0 && csumStart === parsed.l4Offset - parsed.offset;
}

/**
 * Mends the upper-layer checksum after the addresses changed by `difference`. Packets without one (later fragments,
 * ICMPv4, unknown protocols) are left alone, and so is UDP checksum 0, which means "none" (RFC 768; RFC 6936).
 */
export function adjustTransport(parsed: Parsed, difference: number, partial: boolean): void {
  const at = parsed.checksumAt;
  if (at === 0) return;
  const { view } = parsed;
  if (partial) view.setUint16(at, adjustPartial(view.getUint16(at), difference));
  else adjustChecksumAt(view, at, parsed.protocol, difference);
}

/** The twin of applyDifference for a partial checksum: the sum is not complemented and has no special zero. */
export function adjustPartial(field: number, difference: number): number {
  return fold(field + difference);
}

/** Mends the complete checksum of an upper-layer header of `protocol` at `at`, with the rule for UDP's zero. */
export function adjustChecksumAt(view: DataView, at: number, protocol: number, difference: number): void {
  const before = view.getUint16(at);
  if (protocol === PROTOCOL_UDP && before === 0) return;
  const after = applyDifference(before, difference);
  view.setUint16(at, protocol === PROTOCOL_UDP && after === 0 ? 0xffff : after);
}
