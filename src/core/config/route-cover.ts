/**
 * Where longest-prefix routing leads every address of a prefix. Not the route table of the data path: this one answers
 * for whole prefixes, and ignores metrics and availability, because validation asks what could ever happen.
 */
import { type Prefix, prefixOf } from '../base/prefix.js';
import type { RouteConfiguration } from './configuration.js';
import { comparePrefixes, contains, inPrefixOrder, prefixKey } from './prefix-order.js';

/** Routes with the same prefix, of any metric. */
type RouteGroup = readonly RouteConfiguration[];

/** A part of a prefix that is not routed where it should be, and the route that takes it (undefined: none does). */
export interface Stray {
  readonly part: Prefix;
  readonly route: RouteConfiguration | undefined;
}

export class RoutesByPrefix {
  private readonly ordered: RouteGroup;
  private readonly groups = new Map<string, RouteConfiguration[]>();

  constructor(routes: readonly RouteConfiguration[]) {
    this.ordered = inPrefixOrder(routes, (route) => route.prefix);
    for (const route of routes) {
      const key = prefixKey(route.prefix);
      const group = this.groups.get(key);
      if (group === undefined) this.groups.set(key, [route]);
      else group.push(route);
    }
  }

  /** A part of `prefix` that longest-prefix routing does not lead to `cluster`. */
  stray(prefix: Prefix, cluster: number): Stray | undefined {
    const accepts = (group: RouteGroup): boolean =>
      group.some((route) => leadsToSite(route, cluster)) ||
      (group[0].prefix.length > prefix.length && group.every(({ target }) => target === 'blackhole'));
    return this.strayIn(prefix, this.covering(prefix), accepts);
  }

  /** Splits `region` until no route lies strictly inside a part; each part is then decided by its covering group. */
  private strayIn(
    region: Prefix,
    inherited: RouteGroup | undefined,
    accepts: (group: RouteGroup) => boolean,
  ): Stray | undefined {
    const group = this.groups.get(prefixKey(region)) ?? inherited;
    const next = this.ordered[firstAfter(region, this.ordered)];
    if (next === undefined || !contains(region, next.prefix)) {
      return group !== undefined && accepts(group) ? undefined : { part: region, route: group?.[0] };
    }
    const upper = Uint8Array.from(region.bytes);
    upper[region.length >> 3] |= 0x80 >> (region.length & 7);
    const low = this.strayIn(prefixOf(region.bytes, region.length + 1), group, accepts);
    return low ?? this.strayIn(prefixOf(upper, region.length + 1), group, accepts);
  }

  private covering(prefix: Prefix): RouteGroup | undefined {
    for (let length = prefix.length; length >= 0; length--) {
      const group = this.groups.get(prefixKey(prefixOf(prefix.bytes, length)));
      if (group !== undefined) return group;
    }
    return undefined;
  }
}

/** Whether a route leads to the site of `cluster` itself, not to an external peer behind it. */
export function leadsToSite({ target, external }: RouteConfiguration, cluster: number): boolean {
  return target === cluster && external === undefined;
}

/** Position of the first route that stands after `prefix` in prefix order. */
function firstAfter(prefix: Prefix, ordered: RouteGroup): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePrefixes(ordered[middle].prefix, prefix) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
