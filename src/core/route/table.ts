/**
 * Routes with metrics and targets, and the question of the packet path: which route carries a packet to this address,
 * given the targets that are available right now?
 *
 * Routes of one prefix form a *group*, ordered by metric (then by position in the list). Groups that cover each other
 * are chained from the longest prefix to the shortest. A lookup finds the longest group; its first available route
 * wins. A group without one leads on to the next shorter covering group, so that traffic may take a wider route while
 * a peer is down, unless a route in the group is marked `blackhole`: then the packet is dropped rather than sent where
 * the prefix does not belong. A blackhole without a target is a plain discard route: it always counts as available and
 * drops at its own metric, as in the kernel.
 *
 * Availability is a live Int32Array that the control thread writes (Atomics) and workers read: a peer that goes down
 * moves traffic with the next packet, without a new table.
 *
 * A packet of most groups finds all that it asks for in four words side by side (layout.ts), which also tell the lookup which
 * prefix they are of: with a million routes what a question costs is the cache lines that it touches, and those are two
 * for most.
 */
import { assert } from '../base/assert.js';
import { Lookup, MANY_MAX } from '../lpm/lookup.js';
import * as layout from './layout.js';

export { compileRoutes } from './compile.js';
export type { Route } from './layout.js';

/** The module's own, as in lpm/lookup.ts: imported constants are loaded and checked at each use. */
const {
  BLACKHOLE_BIT,
  DISCARD,
  ELSE_LIST,
  ELSE_PARENT,
  ELSE_WORDS,
  GROUP_DOUBLES,
  HEADER_ELSE,
  HEADER_GROUPS,
  HEADER_LOOKUP,
  HEADER_ROUTES,
  LENGTH_SHIFT,
  LIST_BLACKHOLE,
  LIST_ROUTES,
  MAGIC,
  METRIC_MASK,
  ROUTE_MORE,
  ROUTE_WORDS,
  TARGET_OFFSET,
  TARGET_SHARE,
  TARGET_WORTH,
} = layout;

/** Answers of `resolve4` and `resolve6` that are no route. */
export const NO_ROUTE = -1;
export const BLACKHOLE = -2;
/** There are routes, but no target of theirs is available: `peer-down`. */
export const UNAVAILABLE = -3;

const LARGE_BYTES = 1 << 22;

/** A worker's view of compiled routes. Nothing here allocates. */
export class RouteView {
  /** Whether the table is larger than what a core has of caches for itself: then `resolveMany4` and `resolveMany6` pay. */
  readonly isLarge: boolean;
  /** After BLACKHOLE or UNAVAILABLE: the route to blame (the best of the longest group). Else −1. */
  blamed = -1;
  private readonly words: Int32Array;
  private readonly lookup: Lookup;
  private readonly doubles: Float64Array;
  private readonly groups = new Int32Array(MANY_MAX);
  private readonly bests = new Float64Array(MANY_MAX);
  private readonly bestAt: number;
  private readonly elseAt: number;
  private readonly routesAt: number;

  constructor(buffer: SharedArrayBuffer) {
    const words = new Int32Array(buffer);
    assert(words[0] === MAGIC, 'no route table in this buffer');
    this.words = words;
    this.isLarge = buffer.byteLength > LARGE_BYTES;
    const groupsAt = words[HEADER_GROUPS];
    this.elseAt = words[HEADER_ELSE];
    const lookupAt = words[HEADER_LOOKUP];
    this.lookup = new Lookup(buffer, lookupAt * 4, groupsAt - lookupAt);
    this.bestAt = groupsAt / 2;
    this.routesAt = words[HEADER_ROUTES];
    this.doubles = new Float64Array(buffer, 0, this.routesAt / 2);
  }

  /** Index of the route for an IPv4 address word, or NO_ROUTE, BLACKHOLE or UNAVAILABLE. */
  resolve4(address: number, available: Int32Array): number {
    return this.choose(this.lookup.find4(address), available);
  }

  /** The same for the words of an IPv6 address. */
  resolve6(w0: number, w1: number, w2: number, w3: number, available: Int32Array): number {
    return this.choose(this.lookup.find6(w0, w1, w2, w3), available);
  }

  /**
   * What `resolve4` answers for the first `count` addresses (at most MANY_MAX), to `routes`, and the targets of those that are
   * routes; `blamed` is of no meaning then. In a table that no cache holds this costs half as much, since cache lines are
   * waited for together.
   */
  resolveMany4(
    addresses: Int32Array,
    count: number,
    available: Int32Array,
    routes: Int32Array,
    targets: Int32Array,
  ): void {
    this.lookup.findMany4(addresses, count, this.groups);
    this.chooseMany(count, available, routes, targets);
  }

  /** The same for IPv6, four words an address. */
  resolveMany6(
    addresses: Int32Array,
    count: number,
    available: Int32Array,
    routes: Int32Array,
    targets: Int32Array,
  ): void {
    this.lookup.findMany6(addresses, count, this.groups);
    this.chooseMany(count, available, routes, targets);
  }

  /**
   * A route that covers the IPv4 address and has this target, or −1: the reverse-path check for a packet from that
   * target. Any covering route counts, not only the best ("feasible path", RFC 3704 2.3), because while a peer is
   * down its traffic rightly arrives by a wider route.
   */
  routeVia4(address: number, target: number): number {
    return this.via(this.lookup.find4(address), target);
  }

  /** The same for IPv6. */
  routeVia6(w0: number, w1: number, w2: number, w3: number, target: number): number {
    return this.via(this.lookup.find6(w0, w1, w2, w3), target);
  }

  targetOf(route: number): number {
    return this.words[this.routesAt + route * ROUTE_WORDS];
  }

  metricOf(route: number): number {
    return this.words[this.routesAt + route * ROUTE_WORDS + ROUTE_MORE] & METRIC_MASK;
  }

  isBlackhole(route: number): boolean {
    return (this.words[this.routesAt + route * ROUTE_WORDS + ROUTE_MORE] & BLACKHOLE_BIT) !== 0;
  }

  prefixLengthOf(route: number): number {
    return (this.words[this.routesAt + route * ROUTE_WORDS + ROUTE_MORE] >>> LENGTH_SHIFT) & 255;
  }

  private chooseMany(count: number, available: Int32Array, routes: Int32Array, targets: Int32Array): void {
    const { doubles, groups, bests, bestAt } = this;
    for (let i = 0; i < count; i++) bests[i] = doubles[bestAt + groups[i] * GROUP_DOUBLES];
    for (let i = 0; i < count; i++) {
      const best = bests[i];
      const share = (best * TARGET_SHARE) | 0;
      const target = share - TARGET_OFFSET;
      if (target >= 0 && available[target] >= 0) {
        routes[i] = (best - share * TARGET_WORTH) | 0;
        targets[i] = target;
        continue;
      }
      const route = this.choose(groups[i], available);
      routes[i] = route;
      if (route >= 0) targets[i] = this.targetOf(route);
    }
  }

  private choose(longest: number, available: Int32Array): number {
    const words = this.words;
    this.blamed = -1;
    let group = longest;
    do {
      const best = this.doubles[this.bestAt + group * GROUP_DOUBLES];
      const share = (best * TARGET_SHARE) | 0;
      const target = share - TARGET_OFFSET;
      if (target >= 0 && available[target] >= 0) {
        this.blamed = -1;
        return (best - share * TARGET_WORTH) | 0;
      }
      const list = words[this.elseAt + group * ELSE_WORDS + ELSE_LIST];
      if (list !== 0) {
        const route = this.chooseOf(list, available);
        if (route !== UNAVAILABLE) return route;
      } else if (this.blamed < 0) {
        this.blamed = (best - share * TARGET_WORTH) | 0;
      }
      group = words[this.elseAt + group * ELSE_WORDS + ELSE_PARENT];
    } while (group >= 0);
    return this.blamed < 0 ? NO_ROUTE : UNAVAILABLE;
  }

  /** The same among the routes of one list; UNAVAILABLE where the next group is to be asked. */
  private chooseOf(list: number, available: Int32Array): number {
    const words = this.words;
    const end = words[list];
    for (let at = list + LIST_ROUTES; at < end; at += 2) {
      const target = words[at + 1];
      if (target >= 0 && available[target] >= 0) {
        this.blamed = -1;
        return words[at];
      }
      if (target === DISCARD) {
        this.blamed = words[at];
        return BLACKHOLE;
      }
    }
    if (words[list + LIST_BLACKHOLE] < 0) {
      if (this.blamed < 0 && list + LIST_ROUTES < end) this.blamed = words[list + LIST_ROUTES];
      return UNAVAILABLE;
    }
    this.blamed = words[list + LIST_BLACKHOLE];
    return BLACKHOLE;
  }

  private via(longest: number, target: number): number {
    const words = this.words;
    for (let group = longest; group >= 0; ) {
      const best = this.doubles[this.bestAt + group * GROUP_DOUBLES];
      const share = (best * TARGET_SHARE) | 0;
      if (share - TARGET_OFFSET === target) return (best - share * TARGET_WORTH) | 0;
      const list = words[this.elseAt + group * ELSE_WORDS + ELSE_LIST];
      const end = list === 0 ? 0 : words[list];
      for (let member = list + LIST_ROUTES; member < end; member += 2) {
        if (words[member + 1] === target) return words[member];
      }
      group = words[this.elseAt + group * ELSE_WORDS + ELSE_PARENT];
    }
    return -1;
  }
}
