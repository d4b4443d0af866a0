/** The rule of a route table read aloud, and asking a table for bytes. */
import { covers } from '../../../src/core/base/prefix.js';
import { MANY_MAX } from '../../../src/core/lpm/lookup.js';
import {
  BLACKHOLE,
  NO_ROUTE,
  type Route,
  type RouteView,
  UNAVAILABLE,
} from '../../../src/core/route/table.js';
import { word } from '../../support/packets.js';

/** A route and its number in a table. */
export interface Listed {
  readonly route: Route;
  readonly number: number;
}

/** Prefix by prefix from the longest, route by route by metric, then in the order of the list. */
export function slowResolve(routes: readonly Listed[], bytes: Uint8Array, available: Int32Array): number {
  const fits = routes.filter(({ route }) => covers(route.prefix, bytes));
  if (fits.length === 0) return NO_ROUTE;
  for (let length = bytes.length * 8; length >= 0; length--) {
    const group = fits.filter(({ route }) => route.prefix.length === length);
    group.sort((a, b) => a.route.metric - b.route.metric);
    for (const { route, number } of group) {
      if (route.target >= 0 && available[route.target] >= 0) return number;
      if (route.target < 0 && route.blackhole) return BLACKHOLE;
    }
    if (group.some(({ route }) => route.blackhole)) return BLACKHOLE;
  }
  return UNAVAILABLE;
}

/** The table's answer for an address of 4 or 16 bytes. */
export function resolve(view: RouteView, bytes: Uint8Array, available: Int32Array): number {
  if (bytes.length === 4) return view.resolve4(word(bytes), available);
  return view.resolve6(word(bytes), word(bytes, 1), word(bytes, 2), word(bytes, 3), available);
}

/** The table's answers for addresses of one size, asked for together, as far as they fit: of each the route and its target. */
export function resolveMany(
  view: RouteView,
  addresses: readonly Uint8Array[],
  available: Int32Array,
): { readonly routes: Int32Array; readonly targets: Int32Array } {
  const words = Int32Array.from(
    addresses.flatMap((bytes) => Array.from({ length: bytes.length / 4 }, (_, w) => word(bytes, w))),
  );
  const routes = new Int32Array(addresses.length);
  const targets = new Int32Array(addresses.length);
  if (addresses[0]?.length === 16) view.resolveMany6(words, addresses.length, available, routes, targets);
  else view.resolveMany4(words, addresses.length, available, routes, targets);
  return { routes, targets };
}

/** Whether asking for all of them together, in parts, answers as asking for each. */
export function agree(view: RouteView, addresses: readonly Uint8Array[], available: Int32Array): boolean {
  for (const size of [4, 16]) {
    const own = addresses.filter((bytes) => bytes.length === size);
    for (let first = 0; first < own.length; first += MANY_MAX) {
      const some = own.slice(first, first + MANY_MAX);
      const { routes, targets } = resolveMany(view, some, available);
      const same = some.every((bytes, index) => {
        const answer = resolve(view, bytes, available);
        return answer === routes[index] && (answer < 0 || view.targetOf(answer) === targets[index]);
      });
      if (!same) return false;
    }
  }
  return true;
}

/** A route that covers the address and has the target. */
export function via(view: RouteView, bytes: Uint8Array, target: number): number {
  if (bytes.length === 4) return view.routeVia4(word(bytes), target);
  return view.routeVia6(word(bytes), word(bytes, 1), word(bytes, 2), word(bytes, 3), target);
}
