/**
 * Addresses and prefixes as bytes. Text is parsed and printed at the rim (core/config/address.ts, by ip-address);
 * everything inside works on 4 or 16 bytes, and the packet path on unsigned 32-bit words.
 */
export type Family = 4 | 6;

/** An IP prefix: `bytes` has 4 or 16 bytes with all host bits zero, 0 ≤ `length` ≤ 32 or 128. */
export interface Prefix {
  readonly family: Family;
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** Number of bits in an address of `family`. */
export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** The big-endian unsigned 32-bit word at `offset`. */
export function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]) >>> 0
  );
}

/** A prefix from address bytes (4 or 16); host bits are cleared, the input is copied. */
export function prefixOf(address: Uint8Array, length: number): Prefix {
  const family: Family = address.length === 4 ? 4 : 6;
  const bytes = Uint8Array.from(address);
  for (let bit = length; bit < bitsOf(family); ) {
    const inByte = bit & 7;
    bytes[bit >> 3] &= ~(0xff >> inByte);
    bit += 8 - inByte;
  }
  return { family, bytes, length };
}

/** Bit `index` (0 = most significant) of `bytes`. */
export function bitAt(bytes: Uint8Array, index: number): 0 | 1 {
  return ((bytes[index >> 3] >> (7 - (index & 7))) & 1) as 0 | 1;
}

/** Whether the first `length` bits of `a` and `b` agree. */
export function sameBits(a: Uint8Array, b: Uint8Array, length: number): boolean {
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = length & 7;
  return rest === 0 || ((a[whole] ^ b[whole]) & (0xff << (8 - rest)) & 0xff) === 0;
}

/** Whether `prefix` covers the address `bytes` (same family). */
export function covers(prefix: Prefix, bytes: Uint8Array): boolean {
  return prefix.bytes.length === bytes.length && sameBits(prefix.bytes, bytes, prefix.length);
}

/** Whether two prefixes share an address. */
export function overlap(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && sameBits(a.bytes, b.bytes, Math.min(a.length, b.length));
}

/** Whether two prefixes are the same prefix. */
export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.length === b.length && sameBits(a.bytes, b.bytes, a.length);
}
