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
 * A packet of most groups finds all that it asks for in four words side by side: with a million routes what a question
 * costs is the cache lines that it touches.
 *
 *   header  0 magic   1 position of the lookup table (its values are group numbers)   2 groups   3 position of groups
 *           4 routes   5 position of routes
 *   group   0 best route   1 its target   2 next shorter covering group, −1 none   3 position of its list, 0 none
 *   list    0 position after it   1 blackhole route or −1   then each route of the group and its target, best first;
 *           only groups of several routes or with a blackhole have one, and in it the target of a discard route is −2
 *   route   0 target   1 metric | prefix length << 16 | blackhole << 24
 */
import { assert } from '../base/assert.js';
import type { Family, Prefix } from '../base/prefix.js';
import { lineAfter } from '../lpm/layout.js';
import { buildLookup, Lookup } from '../lpm/lookup.js';
import { OrderedPrefixes } from '../lpm/order.js';

/** A route; `target` is a number that the caller gives to a cluster or way out (≥ 0), −1 = none. */
export interface Route {
  readonly prefix: Prefix;
  /** Lower is better. */
  readonly metric: number;
  readonly target: number;
  /** Drop instead of falling back to a shorter prefix. */
  readonly blackhole: boolean;
}

/** Answers of `resolve4` and `resolve6` that are no route. */
export const NO_ROUTE = -1;
export const BLACKHOLE = -2;
/** There are routes, but no target of theirs is available: `peer-down`. */
export const UNAVAILABLE = -3;

const MAGIC = 0x52544231;
const HEADER_WORDS = 8;
const GROUP_WORDS = 4;
const GROUP_TARGET = 1;
const GROUP_PARENT = 2;
const GROUP_LIST = 3;
const LIST_BLACKHOLE = 1;
const LIST_ROUTES = 2;
const DISCARD = -2;
const ROUTE_WORDS = 2;
const ROUTE_MORE = 1;
const METRIC_MASK = 0xffff;
const LENGTH_SHIFT = 16;
const BLACKHOLE_BIT = 1 << 24;

/** Routes of one prefix: places first … end − 1 of the order, and the group of the next shorter covering prefix. */
interface Group {
  readonly prefix: Prefix;
  readonly first: number;
  readonly end: number;
  readonly parent: number;
}

/** Groups of one family, in order, numbered from `base` on; `indices` are the routes' places in the input. */
function groupsOf(family: Family, routes: readonly Route[], indices: readonly number[], base: number) {
  const ordered = new OrderedPrefixes(
    family,
    indices.map((index) => routes[index].prefix),
  );
  const members = Array.from(ordered.order, (place) => indices[place]);
  const groups: Group[] = [];
  const open: number[] = [];
  for (let first = 0; first < members.length; ) {
    let end = first + 1;
    while (end < members.length && ordered.same(first, end)) end++;
    while (open.length > 0 && !ordered.covers(groups[open[open.length - 1]].first, first)) open.pop();
    const parent = open.length === 0 ? -1 : base + open[open.length - 1];
    open.push(groups.length);
    groups.push({ prefix: routes[members[first]].prefix, first, end, parent });
    first = end;
  }
  return { members, groups };
}

/** Whether a group needs a list: its one route does not say everything. */
function needsList(routes: readonly Route[], members: readonly number[], { first, end }: Group): boolean {
  return end - first > 1 || routes[members[first]].blackhole;
}

/** Writes a group's list at `at`, its routes best first; returns the position after it. */
function writeList(words: Int32Array, at: number, routes: readonly Route[], own: readonly number[]): number {
  let place = at + LIST_ROUTES;
  for (const route of own) {
    const { target, blackhole } = routes[route];
    words[place++] = route;
    words[place++] = target < 0 && blackhole ? DISCARD : target;
  }
  words[at] = place;
  words[at + LIST_BLACKHOLE] = own.find((route) => routes[route].blackhole) ?? -1;
  return place;
}

/** Compiles routes for workers. A route's index in RouteView is its position in `routes`. Metrics are below 65,536. */
export function compileRoutes(routes: readonly Route[]): SharedArrayBuffer {
  const indices: Record<Family, number[]> = { 4: [], 6: [] };
  routes.forEach(({ prefix, target, metric }, index) => {
    assert(target >= -1, 'a route has an impossible target');
    assert(metric >= 0 && metric <= METRIC_MASK, 'a route has an impossible metric');
    indices[prefix.family].push(index);
  });
  const four = groupsOf(4, routes, indices[4], 0);
  const six = groupsOf(6, routes, indices[6], four.groups.length);
  const lookup = buildLookup([...four.groups, ...six.groups].map(({ prefix }, value) => ({ prefix, value })));
  let listWords = 0;
  for (const { members, groups } of [four, six]) {
    for (const group of groups) {
      if (needsList(routes, members, group)) listWords += LIST_ROUTES + 2 * (group.end - group.first);
    }
  }
  const groupCount = four.groups.length + six.groups.length;
  const routesAt = HEADER_WORDS + groupCount * GROUP_WORDS;
  let list = routesAt + routes.length * ROUTE_WORDS;
  const lookupAt = lineAfter(list + listWords);
  const buffer = new SharedArrayBuffer((lookupAt + lookup.length) * 4);
  const words = new Int32Array(buffer);
  words.set([MAGIC, lookupAt, groupCount, HEADER_WORDS, routes.length, routesAt]);
  words.set(lookup, lookupAt);
  let at = HEADER_WORDS;
  for (const { members, groups } of [four, six]) {
    for (const group of groups) {
      const own = members.slice(group.first, group.end);
      own.sort((a, b) => routes[a].metric - routes[b].metric || a - b);
      words[at] = own[0];
      words[at + GROUP_TARGET] = routes[own[0]].target;
      words[at + GROUP_PARENT] = group.parent;
      if (needsList(routes, members, group)) {
        words[at + GROUP_LIST] = list;
        list = writeList(words, list, routes, own);
      }
      at += GROUP_WORDS;
    }
  }
  routes.forEach(({ prefix, metric, target, blackhole }, index) => {
    const place = routesAt + index * ROUTE_WORDS;
    words[place] = target;
    words[place + ROUTE_MORE] = metric | (prefix.length << LENGTH_SHIFT) | (blackhole ? BLACKHOLE_BIT : 0);
  });
  return buffer;
}

/** A worker's view of compiled routes. Nothing here allocates. */
export class RouteView {
  /** Number of routes. */
  readonly count: number;
  /** After BLACKHOLE or UNAVAILABLE: the route to blame (the best of the longest group). Else −1. */
  blamed = -1;
  private readonly words: Int32Array;
  private readonly lookup: Lookup;
  private readonly groupsAt: number;
  private readonly routesAt: number;

  constructor(buffer: SharedArrayBuffer) {
    const words = new Int32Array(buffer);
    assert(words[0] === MAGIC, 'no route table in this buffer');
    this.words = words;
    this.lookup = new Lookup(buffer, words[1] * 4);
    this.groupsAt = words[3];
    this.count = words[4];
    this.routesAt = words[5];
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

  private choose(longest: number, available: Int32Array): number {
    const words = this.words;
    this.blamed = -1;
    if (longest < 0) return NO_ROUTE;
    let group = longest;
    do {
      const at = this.groupsAt + group * GROUP_WORDS;
      const target = words[at + GROUP_TARGET];
      if (target >= 0 && available[target] >= 0) {
        this.blamed = -1;
        return words[at];
      }
      const list = words[at + GROUP_LIST];
      if (list !== 0) {
        const route = this.chooseOf(list, available);
        if (route !== UNAVAILABLE) return route;
      }
      if (this.blamed < 0) this.blamed = words[at];
      group = words[at + GROUP_PARENT];
    } while (group >= 0);
    return UNAVAILABLE;
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
    if (words[list + LIST_BLACKHOLE] < 0) return UNAVAILABLE;
    this.blamed = words[list + LIST_BLACKHOLE];
    return BLACKHOLE;
  }

  private via(longest: number, target: number): number {
    const words = this.words;
    for (let group = longest; group >= 0; ) {
      const at = this.groupsAt + group * GROUP_WORDS;
      if (words[at + GROUP_TARGET] === target) return words[at];
      const list = words[at + GROUP_LIST];
      const end = list === 0 ? 0 : words[list];
      for (let member = list + LIST_ROUTES; member < end; member += 2) {
        if (words[member + 1] === target) return words[member];
      }
      group = words[at + GROUP_PARENT];
    }
    return -1;
  }
}
