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
 *   header  0 magic   1 position of the lookup table (its values are group numbers)   2 groups   3 position of groups
 *           4 position of members   5 routes   6 position of routes
 *   group   0 first member   1 the one after the last   2 next shorter covering group, −1 none   3 blackhole route or −1
 *   route   0 target   1 metric   2 blackhole (0, 1)   3 prefix length
 */
import { assert } from '../base/assert.js';
import type { Prefix } from '../base/prefix.js';
import { lineAfter } from '../lpm/layout.js';
import { buildLookup, Lookup } from '../lpm/lookup.js';
import { PrefixTrie } from '../lpm/trie.js';

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
const GROUP_PARENT = 2;
const GROUP_BLACKHOLE = 3;
const ROUTE_WORDS = 4;
const ROUTE_METRIC = 1;
const ROUTE_BLACKHOLE = 2;
const ROUTE_PREFIX_LENGTH = 3;

interface Group {
  readonly index: number;
  readonly prefix: Prefix;
  readonly members: number[];
}

/** Compiles routes for workers. A route's index in RouteView is its position in `routes`. */
export function compileRoutes(routes: readonly Route[]): SharedArrayBuffer {
  const trie = new PrefixTrie<Group>();
  const groups: Group[] = [];
  routes.forEach(({ prefix, target }, index) => {
    assert(target >= -1, 'a route has an impossible target');
    let group = trie.get(prefix);
    if (group === undefined) {
      group = { index: groups.length, prefix, members: [] };
      groups.push(group);
      trie.insert(prefix, group);
    }
    group.members.push(index);
  });
  const lookup = buildLookup(groups.map(({ prefix, index }) => ({ prefix, value: index })));
  const groupsAt = HEADER_WORDS;
  const membersAt = groupsAt + groups.length * GROUP_WORDS;
  const routesAt = membersAt + routes.length;
  const lookupAt = lineAfter(routesAt + routes.length * ROUTE_WORDS);
  const buffer = new SharedArrayBuffer((lookupAt + lookup.length) * 4);
  const words = new Int32Array(buffer);
  words.set([MAGIC, lookupAt, groups.length, groupsAt, membersAt, routes.length, routesAt]);
  words.set(lookup, lookupAt);
  let member = membersAt;
  for (const { index, prefix, members } of groups) {
    members.sort((a, b) => routes[a].metric - routes[b].metric || a - b);
    const blackhole = members.find((route) => routes[route].blackhole) ?? -1;
    const parent = trie.covering(prefix)?.value.index ?? -1;
    words.set([member, member + members.length, parent, blackhole], groupsAt + index * GROUP_WORDS);
    words.set(members, member);
    member += members.length;
  }
  routes.forEach(({ prefix, metric, target, blackhole }, index) => {
    words.set([target, metric, blackhole ? 1 : 0, prefix.length], routesAt + index * ROUTE_WORDS);
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
    this.count = words[5];
    this.routesAt = words[6];
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
    return this.words[this.routesAt + route * ROUTE_WORDS + ROUTE_METRIC];
  }

  isBlackhole(route: number): boolean {
    return this.words[this.routesAt + route * ROUTE_WORDS + ROUTE_BLACKHOLE] !== 0;
  }

  prefixLengthOf(route: number): number {
    return this.words[this.routesAt + route * ROUTE_WORDS + ROUTE_PREFIX_LENGTH];
  }

  private choose(longest: number, available: Int32Array): number {
    const words = this.words;
    this.blamed = -1;
    if (longest < 0) return NO_ROUTE;
    let group = longest;
    do {
      const at = this.groupsAt + group * GROUP_WORDS;
      const end = words[at + 1];
      for (let member = words[at]; member < end; member++) {
        const route = words[member];
        const target = words[this.routesAt + route * ROUTE_WORDS];
        if (target >= 0) {
          if (available[target] >= 0) {
            this.blamed = -1;
            return route;
          }
        } else if (words[this.routesAt + route * ROUTE_WORDS + ROUTE_BLACKHOLE] !== 0) {
          this.blamed = route;
          return BLACKHOLE;
        }
      }
      if (words[at + GROUP_BLACKHOLE] >= 0) {
        this.blamed = words[at + GROUP_BLACKHOLE];
        return BLACKHOLE;
      }
      if (this.blamed < 0) this.blamed = words[words[at]];
      group = words[at + GROUP_PARENT];
    } while (group >= 0);
    return UNAVAILABLE;
  }

  private via(longest: number, target: number): number {
    const words = this.words;
    for (let group = longest; group >= 0; ) {
      const at = this.groupsAt + group * GROUP_WORDS;
      for (let member = words[at]; member < words[at + 1]; member++) {
        const route = words[member];
        if (words[this.routesAt + route * ROUTE_WORDS] === target) return route;
      }
      group = words[at + GROUP_PARENT];
    }
    return -1;
  }
}
