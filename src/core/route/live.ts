/**
 * The route table of a running node: lists of routes in, one after the other, and a table that workers read. Where a list
 * differs from the one before in some routes, the table is edited in place and its buffer stays the same; else it is
 * compiled anew. Numbers of routes stay while their routes do; `placeOf` tells which place of the list that is now.
 *
 * Two lists are compared from both ends to where they differ, and what lies between them by content, so that some lines
 * more or less in a long file are a few edits.
 */
import { samePrefix } from '../base/prefix.js';
import { type GroupEdit, RouteTable } from './compile.js';
import type { Route } from './layout.js';

/** More changes than one in so many routes are compiled rather than edited. */
const EDITS_SHARE = 8;
const EDITS_MIN = 32;

/** An edit while it is being gathered. */
interface Gathered {
  readonly prefix: Route['prefix'];
  readonly removed: number[];
  readonly added: Route[];
  readonly places: number[];
}

export class LiveRoutes {
  #routes: readonly Route[];
  #table: RouteTable;
  /** Number of each route, by its place in the list. */
  #numbers: Int32Array;

  constructor(routes: readonly Route[] = []) {
    this.#routes = routes;
    this.#table = new RouteTable(routes);
    this.#numbers = new Int32Array(routes.length).map((_, place) => place);
  }

  /** The table that workers read; another one after an `update` that returned false. */
  get buffer(): SharedArrayBuffer {
    return this.#table.buffer;
  }

  /** Place in the list of the route that the table knows by `number`; −1: none. */
  placeOf(number: number): number {
    const place = this.#table.places[number] ?? -1;
    return this.#numbers[place] === number ? place : -1;
  }

  /** Takes a new list. Returns whether the table was edited in place, which `inPlace` may forbid. */
  update(routes: readonly Route[], inPlace = true): boolean {
    const edited = inPlace && this.#edit(routes);
    if (!edited) {
      this.#table = new RouteTable(routes);
      this.#numbers = new Int32Array(routes.length).map((_, place) => place);
    }
    this.#routes = routes;
    return edited;
  }

  #edit(routes: readonly Route[]): boolean {
    const old = this.#routes;
    const least = Math.min(old.length, routes.length);
    let head = 0;
    while (head < least && sameRoute(old[head], routes[head])) head++;
    let tail = 0;
    while (tail < least - head && sameRoute(old[old.length - 1 - tail], routes[routes.length - 1 - tail]))
      tail++;
    const numbers = new Int32Array(routes.length);
    numbers.set(this.#numbers.subarray(0, head));
    numbers.set(this.#numbers.subarray(old.length - tail), routes.length - tail);
    const edits = this.#compare(routes, head, tail, numbers);
    const changes = edits.reduce((sum, { removed, added }) => sum + removed.length + added.length, 0);
    if (changes > Math.max(EDITS_MIN, routes.length / EDITS_SHARE)) return false;
    const fresh = edits.flatMap(({ places }) => places);
    const table = this.#table;
    if (fresh.length > table.spareRoutes) return false;
    fresh.forEach((place, index) => {
      numbers[place] = table.nextNumber + index;
    });
    for (let place = head; place < numbers.length; place++) table.places[numbers[place]] = place;
    if (table.edit(edits satisfies GroupEdit[]) === undefined) return false;
    this.#numbers = numbers;
    return true;
  }

  /** What differs between the two lists, prefix by prefix; fills `numbers` for what both have. */
  #compare(routes: readonly Route[], head: number, tail: number, numbers: Int32Array): Gathered[] {
    const edits = new Map<string, Gathered>();
    const editOf = (route: Route): Gathered => {
      const name = nameOf(route);
      const known = edits.get(name) ?? { prefix: route.prefix, removed: [], added: [], places: [] };
      edits.set(name, known);
      return known;
    };
    /** Places of the old list by content, last first. */
    const old = new Map<string, number[]>();
    for (let place = this.#routes.length - tail - 1; place >= head; place--) {
      const content = contentOf(this.#routes[place]);
      const places = old.get(content);
      if (places === undefined) old.set(content, [place]);
      else places.push(place);
    }
    let newest = -1;
    for (let place = head; place < routes.length - tail; place++) {
      const route = routes[place];
      const was = old.get(contentOf(route))?.pop();
      if (was === undefined) {
        const { added, places } = editOf(route);
        added.push(route);
        places.push(place);
        continue;
      }
      numbers[place] = this.#numbers[was];
      // What has changed its place among routes of its prefix and metric has its group put into order again.
      if (was < newest) editOf(route);
      newest = Math.max(newest, was);
    }
    for (const place of [...old.values()].flat()) {
      editOf(this.#routes[place]).removed.push(this.#numbers[place]);
    }
    return [...edits.values()];
  }
}

function sameRoute(a: Route, b: Route): boolean {
  return (
    a === b ||
    (a.metric === b.metric &&
      a.target === b.target &&
      a.blackhole === b.blackhole &&
      samePrefix(a.prefix, b.prefix))
  );
}

function nameOf({ prefix: { bytes, length } }: Route): string {
  return `${bytes}/${length}`;
}

function contentOf(route: Route): string {
  return `${nameOf(route)} ${route.metric} ${route.target} ${route.blackhole}`;
}
