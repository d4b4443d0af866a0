/**
 * The words of a route table, which compile.ts writes and table.ts reads.
 *
 *   header  0 magic   1 position of the lookup table (its values are group numbers)   2 groups   3 position of groups
 *           4 routes   5 position of routes   6 position of what else there is of groups
 *   group   0, 1 its best route and that one's target, as one double   2, 3 as the lookup table wants records (lpm/layout.ts)
 *   else    0 next shorter covering group, −1 none   1 position of its list, 0 none
 *   list    0 position after it   1 blackhole route or −1   then each route of the group and its target, best first;
 *           one route that is no blackhole needs none; in it the target of a discard route is −2
 *   route   0 target   1 metric | prefix length << 16 | blackhole << 24
 *
 * A group is changed while workers read it. Its best route and target are one double, (target + 2) · 2^26 + route, since an
 * aligned double is loaded and stored whole. A list is never changed: there is a new one, stored before the double, and a
 * group that has been changed keeps a list, so who finds the old best route unavailable goes on in the new list or the
 * old. What a worker may still hold is not written again until the whole table is compiled anew.
 *
 * Group 0 of each family is that of the default route, with or without routes: whatever covers nothing else ends there.
 */
import { assert } from '../base/assert.js';
import type { Prefix } from '../base/prefix.js';
import { RECORD_FALLBACK, RECORD_TAIL, RECORD_WORDS } from '../lpm/layout.js';

export const MAGIC = 0x52544233;
export const HEADER_WORDS = 8;
export const HEADER_LOOKUP = 1;
export const HEADER_GROUPS = 3;
export const HEADER_ROUTES = 5;
export const HEADER_ELSE = 6;

export const GROUP_WORDS = RECORD_WORDS;
export const GROUP_FALLBACK = RECORD_FALLBACK;
export const GROUP_TAIL = RECORD_TAIL;
export const GROUP_DOUBLES = GROUP_WORDS / 2;

/** Apart from the rest, since only those need it whose best route is not available. */
export const ELSE_WORDS = 2;
export const ELSE_PARENT = 0;
export const ELSE_LIST = 1;

export const LIST_BLACKHOLE = 1;
export const LIST_ROUTES = 2;
export const DISCARD = -2;

export const ROUTE_WORDS = 2;
export const ROUTE_MORE = 1;
export const METRIC_MASK = 0xffff;
export const LENGTH_SHIFT = 16;
export const BLACKHOLE_BIT = 1 << 24;

/** Of the double of a group: what a target is worth, its inverse, and what is added so that none is below 0. */
export const TARGET_WORTH = 2 ** 26;
export const TARGET_SHARE = 2 ** -26;
export const TARGET_OFFSET = 2;

/** A route; `target` is a number that the caller gives to a cluster or way out (≥ 0), −1 = none. */
export interface Route {
  readonly prefix: Prefix;
  /** Lower is better. */
  readonly metric: number;
  readonly target: number;
  /** Drop instead of falling back to a shorter prefix. */
  readonly blackhole: boolean;
}

/** The double of a group whose best route is `route`. */
export function encodeBest(route: number, target: number): number {
  return (target + TARGET_OFFSET) * TARGET_WORTH + route;
}

/** Writes the record of a route at `at`. */
export function writeRoute(words: Int32Array, at: number, route: Route): void {
  const { prefix, metric, target, blackhole } = route;
  assert(target >= -1, 'a route has an impossible target');
  assert(metric >= 0 && metric <= METRIC_MASK, 'a route has an impossible metric');
  words[at] = target;
  words[at + ROUTE_MORE] = metric | (prefix.length << LENGTH_SHIFT) | (blackhole ? BLACKHOLE_BIT : 0);
}
