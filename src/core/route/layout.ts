/**
 * The words of the table that compile.ts writes and lookup.ts reads. Positions are words from the table's start.
 *
 *   header  0 magic   1 words in all   2, 3 direct bits of IPv4, IPv6   4, 5 position of their direct tables
 *   node    0, 1 vector: slot has a child node   2, 3 leaf vector: slot starts a new run of equal leaves
 *           4 position of the first child   5 position of the first leaf, or complement of value + 1
 *           6 pattern to skip, left-aligned   7 bits to skip << 26 | fallback value + 1
 */
export const LOOKUP_MAGIC = 0x504f5032;
export const HEADER_WORDS = 8;
export const HEADER_SIZE = 1;
export const HEADER_BITS4 = 2;
export const HEADER_BITS6 = 3;
export const HEADER_DIRECT4 = 4;
export const HEADER_DIRECT6 = 5;

export const NODE_WORDS = 8;
export const NODE_VECTOR = 0;
export const NODE_LEAF_VECTOR = 2;
export const NODE_CHILDREN = 4;
export const NODE_LEAVES = 5;
export const NODE_PATTERN = 6;
export const NODE_SKIP = 7;

/** Bits that a node decides on. */
export const STRIDE = 6;
export const SKIP_MAX = 25;
export const SKIP_SHIFT = 26;
/** Values are 0 … VALUE_MAX. */
export const VALUE_MAX = (1 << SKIP_SHIFT) - 2;
/** The low bits of NODE_SKIP: fallback value + 1. */
export const VALUE_MASK = (1 << SKIP_SHIFT) - 1;
