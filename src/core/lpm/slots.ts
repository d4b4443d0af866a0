/** What the prefixes of a region are divided among while tables are built (family.ts), and the bits to divide them by. */

/** The 2^n slots of one node or direct table, each with the value and the slice of longer prefixes in it. */
export interface Slots {
  /** Value + 1 of the longest prefix that covers the whole slot, 0 = none. */
  readonly value: Int32Array;
  /** First index, and the one after the last, of the prefixes strictly inside the slot. */
  readonly first: Int32Array;
  readonly end: Int32Array;
}

/** The 32 bits from `depth` on of the `stride` words at `at`, zero beyond the end. */
export function bitsOfKey(keys: Int32Array, at: number, stride: number, depth: number): number {
  const word = depth >> 5;
  if (word >= stride) return 0;
  const next = word + 1 < stride ? keys[at + word + 1] : 0;
  const shift = depth & 31;
  return (keys[at + word] << shift) | ((next >>> 1) >>> (31 - shift));
}

/** 2^n slots with nothing in them. */
export function newSlots(count: number): Slots {
  return { value: new Int32Array(count), first: new Int32Array(count), end: new Int32Array(count) };
}

/** Gives a slot its value and its prefixes first … end − 1. */
export function fillSlot(slots: Slots, slot: number, value: number, first: number, end: number): void {
  slots.value[slot] = value;
  slots.first[slot] = first;
  slots.end[slot] = end;
}
