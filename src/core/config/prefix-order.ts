/**
 * Prefixes in address order, where a prefix stands directly before everything inside it. In this order overlap is
 * found by looking back, so checks of 10,000 routes and NATs stay n log n.
 */
import type { Prefix } from '../base/prefix.js';
import { overlap } from '../base/prefix.js';

/** Orders by family, then first address, then length (shorter first). */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.bytes.length; i++) if (a.bytes[i] !== b.bytes[i]) return a.bytes[i] - b.bytes[i];
  return a.length - b.length;
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && overlap(outer, inner);
}

/** A key under which equal prefixes, and only they, meet in a Map. */
export function prefixKey(prefix: Prefix): string {
  return `${prefix.bytes.join('.')}/${prefix.length}`;
}

/** Items in prefix order. */
export function inPrefixOrder<T>(items: readonly T[], prefixOf: (item: T) => Prefix): T[] {
  return [...items].sort((a, b) => comparePrefixes(prefixOf(a), prefixOf(b)));
}

/**
 * Each item that overlaps an earlier one in address order, paired with the widest such one: [covering, covered].
 * Prefixes are either nested or apart, so the widest open cover is the only candidate.
 */
export function overlaps<T>(items: readonly T[], prefixOf: (item: T) => Prefix): [T, T][] {
  const found: [T, T][] = [];
  let cover: T | undefined;
  for (const item of inPrefixOrder(items, prefixOf)) {
    if (cover !== undefined && overlap(prefixOf(cover), prefixOf(item))) found.push([cover, item]);
    else cover = item;
  }
  return found;
}
