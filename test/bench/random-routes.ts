/** Random routes and random questions to them: the same at each run. */
import { prefixOf } from '../../src/core/base/prefix.js';
import type { LookupEntry } from '../../src/core/lpm/lookup.js';

let state = 0x2545f491;
/** Marsaglia's xorshift32, signed. */
export function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state;
}

const spread = (low: number, high: number): number => low + ((random() >>> 4) % (high - low + 1));

function lengthOf(family: 4 | 6): number {
  const pick = (random() >>> 4) % 100;
  if (family === 6) return pick < 50 ? 48 : pick < 90 ? spread(29, 47) : spread(49, 64);
  if (pick < 60) return 24;
  return pick < 90 ? spread(16, 23) : pick < 95 ? spread(12, 15) : spread(25, 32);
}

/** Random routes: IPv4 /12 … /32 about /24; IPv6 under 2000::/3, /29 … /64 about /48. */
export function randomEntries(family: 4 | 6, count: number): LookupEntry[] {
  return Array.from({ length: count }, (_, value) => {
    const bytes = Uint8Array.from({ length: family === 4 ? 4 : 16 }, () => random() & 255);
    if (family === 6) bytes[0] = 0x20 | (bytes[0] & 0x1f);
    return { prefix: prefixOf(bytes, lengthOf(family)), value };
  });
}

/** Addresses to look up, in random order: half of them inside routes, half anywhere; PART of them a round. */
export const QUESTIONS = 1 << 16;
export const PART = 1 << 13;

/** Words of QUESTIONS addresses, four each. */
export function questionsFor(family: 4 | 6, entries: readonly LookupEntry[]): Int32Array {
  const words = new Int32Array(QUESTIONS * 4).map(random);
  for (let i = 0; i < QUESTIONS; i++) {
    if (family === 6) words[i * 4] = 0x20000000 | (words[i * 4] & 0x1fffffff);
    if ((i & 1) === 0) continue;
    const { bytes, length } = entries[(random() >>> 1) % entries.length].prefix;
    const view = new DataView(bytes.buffer);
    for (let w = 0; w < bytes.length / 4; w++) {
      const bits = length - w * 32;
      const host = bits >= 32 ? 0 : bits <= 0 ? -1 : -1 >>> bits;
      words[i * 4 + w] = view.getInt32(w * 4) | (words[i * 4 + w] & host);
    }
  }
  return words;
}
