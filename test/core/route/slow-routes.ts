/** The rule of a route table read aloud, and asking a table for bytes. */
import { covers } from '../../../src/core/base/prefix.js';
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

/** A route that covers the address and has the target. */
export function via(view: RouteView, bytes: Uint8Array, target: number): number {
  if (bytes.length === 4) return view.routeVia4(word(bytes), target);
  return view.routeVia6(word(bytes), word(bytes, 1), word(bytes, 2), word(bytes, 3), target);
}
