/**
 * The words of the table that compile.ts writes and lookup.ts reads. Positions are words from the table's start.
 *
 *   header  0 magic   1 words in all   8–15 IPv4   16–23 IPv6
 *   family  0 bits of the direct table   1 its position   2 bits that all prefixes share and the table skips
 *           3 fallback value + 1, the answer for an address without those bits   4–7 those bits
 *   node    0, 1 vector: slot has a child node   2, 3 leaf vector: slot starts a new run of equal leaves
 *           4 position of the first child   5 position of the first leaf, or complement of value + 1
 *           6 pattern to skip, left-aligned   7 bits to skip << 26 | fallback value + 1
 *   record  0, 1 what its owner wants   2 of the first prefix of a run: value of what covers the run's slot, −1 none   3 the bits of
 *           the prefix after the direct table's, left-aligned, then a one; 0 where they are none or more than 31
 *   single  0, 1 the 64 bits after the direct table's that one prefix begins with   2 how many of them (1 … 64) less 1
 *           << 26 | value + 1   3 fallback value + 1
 *
 * A word of a direct table is the position of a node (a multiple of NODE_WORDS), the position of a single with
 * SINGLE_MARK added, the complement of value + 1, or a run: its first value << 4 | how many less 1 << 2 | RUN_MARK. Runs are where
 * the owner of the table keeps records for its values, one after the other, in the same buffer.
 */
export const LOOKUP_MAGIC = 0x504f5032;
export const HEADER_WORDS = 32;
export const HEADER_SIZE = 1;
export const HEADER_FAMILY4 = 8;
export const HEADER_FAMILY6 = 16;

export const FAMILY_BITS = 0;
export const FAMILY_DIRECT = 1;
export const FAMILY_SKIP = 2;
export const FAMILY_FALLBACK = 3;
export const FAMILY_PATTERN = 4;
/** Skipped bits beyond whole words and direct bits are shifted out at once: together they stay below a word. */
export const FAMILY_SHIFT_MAX = 31;

export const NODE_WORDS = 8;
export const NODE_VECTOR = 0;
export const NODE_LEAF_VECTOR = 2;
export const NODE_CHILDREN = 4;
export const NODE_LEAVES = 5;
export const NODE_PATTERN = 6;
export const NODE_SKIP = 7;

export const SINGLE_WORDS = 4;
export const SINGLE_MARK = 1;
export const SINGLE_PATTERN = 0;
export const SINGLE_LENGTH = 2;
export const SINGLE_FALLBACK = 3;

/** Of a reference: which of them it is. */
export const MARKS = 3;
export const RUN_MARK = 2;
export const RUN_MORE_SHIFT = 2;
export const RUN_SHIFT = 4;
/** Of a run's reference: how many words its last record lies behind its first, since a record has four. */
export const RUN_MORE = 12;
/** Four records are a cache line: a run lies in one or two. */
export const RUN_MAX = 4;
export const RECORD_WORDS = 4;
export const RECORD_FALLBACK = 2;
export const RECORD_TAIL = 3;
/** A prefix that is longer than this, counted after the direct bits, is in no run. */
export const TAIL_LENGTH_MAX = 31;

/** Longer prefixes than this, counted after the direct bits, take a node. */
export const SINGLE_LENGTH_MAX = 64;

/** Bits that a node decides on. */
export const STRIDE = 6;
export const SKIP_MAX = 25;
export const SKIP_SHIFT = 26;
/** Values are 0 … VALUE_MAX. */
export const VALUE_MAX = (1 << SKIP_SHIFT) - 2;
/** The low bits of NODE_SKIP: fallback value + 1. */
export const VALUE_MASK = (1 << SKIP_SHIFT) - 1;

/** The first position from `word` on at which a cache line starts, in a buffer that starts at one. */
export function lineAfter(word: number): number {
  return (word + 15) & ~15;
}
