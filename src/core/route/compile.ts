/**
 * Route tables on the control thread: compiled whole, then edited in place while workers read (layout.ts says how a change
 * of a group is seen whole, lpm/family.ts how a new prefix is). A group that loses its routes stays, empty: the packet
 * goes on to the next shorter one, so nothing is ever taken out of the lookup. Spare room is a few percent; when it is
 * used up, or a change touches too much, the table is compiled anew and workers take that one.
 */
import { type Family, type Prefix, prefixOf } from '../base/prefix.js';
import { LookupBuilder } from '../lpm/compile.js';
import { lineAfter } from '../lpm/layout.js';
import { OrderedPrefixes } from '../lpm/order.js';
import { Room, RoomError } from '../lpm/room.js';
import { keyOf, SortedPrefixes } from '../lpm/sorted.js';
import {
  BLACKHOLE_BIT,
  DISCARD,
  ELSE_LIST,
  ELSE_PARENT,
  ELSE_WORDS,
  encodeBest,
  GROUP_DOUBLES,
  GROUP_FALLBACK,
  GROUP_TAIL,
  GROUP_WORDS,
  HEADER_WORDS,
  LIST_BLACKHOLE,
  LIST_ROUTES,
  MAGIC,
  METRIC_MASK,
  ROUTE_MORE,
  ROUTE_WORDS,
  type Route,
  TARGET_WORTH,
  writeRoute,
} from './layout.js';

/** What becomes of the routes of one prefix. */
export interface GroupEdit {
  readonly prefix: Prefix;
  /** Numbers of routes that are no more. */
  readonly removed: readonly number[];
  readonly added: readonly Route[];
}

/** Of one thing: how many more than there are now. */
const spareFor = (count: number): number => (count >>> 6) + 32;
const SPARE_LIST_WORDS = 4;
/** A new prefix in a slot that has some takes a node and its leaves. */
const LOOKUP_SPARE_WORDS_EACH = 16;
/** Memory that is not written to is not taken: small tables have room for some dozens of crowded prefixes. */
const LOOKUP_SPARE_WORDS = 1 << 15;

/** Compiles routes for workers. A route's number in RouteView is its position in `routes`. Metrics are below 65,536. */
export function compileRoutes(routes: readonly Route[]): SharedArrayBuffer {
  return new RouteTable(routes).buffer;
}

/** Routes of one family by prefix: the groups, numbered from `base` on, in order. */
interface Grouped {
  readonly sorted: SortedPrefixes;
  /** Numbers of the routes, group by group, and where those of a group begin. */
  readonly members: Int32Array;
  readonly starts: Int32Array;
  readonly parents: Int32Array;
}

export class RouteTable {
  readonly buffer: SharedArrayBuffer;
  /**
   * By route number: which of two routes of a prefix and metric is the better one, the lower. The caller keeps it, before
   * an edit. At first it is the number itself.
   */
  readonly places: Int32Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #groupsAt: number;
  readonly #elseAt: number;
  readonly #groupsMax: number;
  #groups = 0;
  readonly #routesAt: number;
  #routes: number;
  readonly #lists: Room;
  readonly #sorted: Record<Family, SortedPrefixes>;
  readonly #lookup: LookupBuilder;

  constructor(routes: readonly Route[]) {
    const four = groupsOf(4, routes, 0);
    const six = groupsOf(6, routes, four.sorted.count);
    const lookup = new LookupBuilder(four.sorted, six.sorted, true);
    const groups = four.sorted.count + six.sorted.count;
    const listWords = listWordsOf(routes, four) + listWordsOf(routes, six);
    this.#groupsMax = groups + spareFor(groups);
    const table = lookup.words;
    const lookupAt = lineAfter(HEADER_WORDS);
    const spare = spareFor(groups) * LOOKUP_SPARE_WORDS_EACH + LOOKUP_SPARE_WORDS;
    this.#groupsAt = lineAfter(lookupAt + table.length + spare);
    this.#routesAt = this.#groupsAt + this.#groupsMax * GROUP_WORDS;
    const routesMax = routes.length + spareFor(routes.length);
    this.#elseAt = this.#routesAt + routesMax * ROUTE_WORDS;
    const listsAt = this.#elseAt + this.#groupsMax * ELSE_WORDS;
    const listsEnd = listsAt + listWords + SPARE_LIST_WORDS * spareFor(routes.length);
    this.buffer = new SharedArrayBuffer(lineAfter(listsEnd) * 4);
    this.#words = new Int32Array(this.buffer);
    this.#doubles = new Float64Array(this.buffer, 0, this.#routesAt / 2);
    const header = [MAGIC, lookupAt, groups, this.#groupsAt, routes.length, this.#routesAt, this.#elseAt];
    this.#words.set(header);
    lookup.moveTo(this.#words.subarray(lookupAt, this.#groupsAt));
    this.#lookup = lookup;
    this.#lists = Room.fixed(this.#words.subarray(0, listsEnd), listsAt);
    this.places = Int32Array.from({ length: routesMax }, (_, number) => number);
    this.#routes = routes.length;
    for (let i = 0; i < routes.length; i++) writeRoute(this.#words, this.#placeOfRoute(i), routes[i]);
    this.#writeGroups(four);
    this.#writeGroups(six);
    this.#sorted = { 4: four.sorted, 6: six.sorted };
  }

  /**
   * Changes the routes of some prefixes, for workers that read at the same time: to each address they see the old routes
   * or the new ones. New prefixes come first, so that an address does not lose its old route before it has the new one.
   * Returns the numbers of the added routes in order. undefined: it does not fit, and this table is of no further use but
   * to read; compile all anew.
   */
  edit(edits: readonly GroupEdit[]): number[] | undefined {
    const numbers: number[] = [];
    const known: { readonly group: number; readonly members: number[] }[] = [];
    const fresh: { readonly edit: GroupEdit; readonly members: number[] }[] = [];
    try {
      for (const edit of edits) {
        const members = edit.added.map((route) => this.#addRoute(route));
        numbers.push(...members);
        const group = this.#groupOf(edit.prefix);
        if (group < 0) {
          if (members.length > 0) fresh.push({ edit, members });
          continue;
        }
        const stay = this.#membersOf(group).filter((number) => !edit.removed.includes(number));
        known.push({ group, members: [...stay, ...members] });
      }
      this.#addGroups(fresh);
      for (const { group, members } of known) this.#setMembers(group, members);
    } catch (error) {
      if (error instanceof RoomError) return undefined;
      throw error;
    }
    return numbers;
  }

  /** How many of the numbers for routes are left. */
  get spareRoutes(): number {
    return this.places.length - this.#routes;
  }

  /** Takes a number for each of the next edit's routes, in order: for `places`. */
  get nextNumber(): number {
    return this.#routes;
  }

  #addRoute(route: Route): number {
    if (this.#routes === this.places.length) throw new RoomError('no number left for a route');
    const number = this.#routes++;
    writeRoute(this.#words, this.#placeOfRoute(number), route);
    return number;
  }

  #addGroups(fresh: readonly { readonly edit: GroupEdit; readonly members: number[] }[]): void {
    for (const family of [4, 6] as const) {
      const sorted = this.#sorted[family];
      const added = fresh
        .filter(({ edit }) => edit.prefix.family === family)
        .map(({ edit, members }) => ({
          key: keyOf(edit.prefix),
          length: edit.prefix.length,
          value: this.#newGroup(),
          members,
        }))
        .sort(inOrder);
      for (const { key, length } of added) {
        if (!this.#lookup.canAdd(family, key, length)) throw new RoomError('too much to edit');
      }
      sorted.insert(added);
      for (const { key, length, value, members } of added) {
        const parent = sorted.coveringValue(key, length);
        this.#words[this.#elseOf(value) + ELSE_PARENT] = parent;
        this.#words[this.#groupAt(value) + GROUP_FALLBACK] = parent;
        this.#words[this.#groupAt(value) + GROUP_TAIL] = this.#lookup.tailOf(family, key, length);
        this.#setMembers(value, members);
      }
      for (const { key, length, value } of added) this.#adopt(sorted, key, length, value);
      for (const { key, length } of added) this.#lookup.add(family, key, length);
    }
  }

  #newGroup(): number {
    if (this.#groups === this.#groupsMax) throw new RoomError('no number left for a group');
    return this.#groups++;
  }

  /**
   * Puts a new group between the groups inside it and the one that they led to so far. A fallback, which is what the slot of
   * a run is worth, changes only with a group that covers the whole slot: others are no answer there.
   */
  #adopt(sorted: SortedPrefixes, key: Int32Array, length: number, group: number): void {
    const words = this.#words;
    const depth = this.#lookup.depthOf(sorted.family);
    const parent = words[this.#elseOf(group) + ELSE_PARENT];
    const end = sorted.upperBound(key, length);
    for (let place = sorted.find(key, length) + 1; place < end; place++) {
      const inner = sorted.values[place];
      const at = this.#elseOf(inner) + ELSE_PARENT;
      if (words[at] === parent) Atomics.store(words, at, group);
      if (length > depth || sorted.lengths[place] <= depth) continue;
      const fallback = this.#groupAt(inner) + GROUP_FALLBACK;
      if (words[fallback] === parent) Atomics.store(words, fallback, group);
    }
  }

  #groupOf(prefix: Prefix): number {
    const sorted = this.#sorted[prefix.family];
    const place = sorted.find(keyOf(prefix), prefix.length);
    return place < 0 ? -1 : sorted.values[place];
  }

  /** Numbers of the routes of a group. */
  #membersOf(group: number): number[] {
    const words = this.#words;
    const list = words[this.#elseOf(group) + ELSE_LIST];
    if (list === 0) {
      const best = this.#doubles[this.#doubleAt(group)];
      return [best % TARGET_WORTH];
    }
    const members: number[] = [];
    for (let at = list + LIST_ROUTES; at < words[list]; at += 2) members.push(words[at]);
    return members;
  }

  /** Publishes the routes of a group: the list first, which holds for whoever does not find the best one available. */
  #setMembers(group: number, members: number[]): void {
    const list = this.#writeList(members);
    Atomics.store(this.#words, this.#elseOf(group) + ELSE_LIST, list);
    this.#doubles[this.#doubleAt(group)] = this.#bestOf(members);
  }

  /** Writes a list of the routes, and brings them into order. */
  #writeList(members: number[]): number {
    const words = this.#words;
    members.sort((a, b) => this.#metricOf(a) - this.#metricOf(b) || this.places[a] - this.places[b]);
    const list = this.#lists.take(LIST_ROUTES + 2 * members.length);
    let place = list + LIST_ROUTES;
    for (const number of members) {
      const target = words[this.#placeOfRoute(number)];
      words[place++] = number;
      words[place++] = target < 0 && this.#isBlackhole(number) ? DISCARD : target;
    }
    words[list] = place;
    words[list + LIST_BLACKHOLE] = members.find((number) => this.#isBlackhole(number)) ?? -1;
    return list;
  }

  #bestOf(members: readonly number[]): number {
    if (members.length === 0) return encodeBest(0, -1);
    return encodeBest(members[0], this.#words[this.#placeOfRoute(members[0])]);
  }

  #writeGroups({ sorted, members, starts, parents }: Grouped): void {
    const { family, keys, stride, lengths } = sorted;
    for (let place = 0; place < sorted.count; place++) {
      const group = this.#groups++;
      const at = this.#groupAt(group);
      const own = Array.from(members.subarray(starts[place], starts[place + 1]));
      this.#words[this.#elseOf(group) + ELSE_PARENT] = parents[place];
      this.#words[at + GROUP_FALLBACK] = parents[place];
      const key = keys.subarray(place * stride, (place + 1) * stride);
      this.#words[at + GROUP_TAIL] = this.#lookup.tailOf(family, key, lengths[place]);
      if (own.length !== 1 || this.#isBlackhole(own[0]))
        this.#words[this.#elseOf(group) + ELSE_LIST] = this.#writeList(own);
      this.#doubles[this.#doubleAt(group)] = this.#bestOf(own);
    }
  }

  #metricOf(number: number): number {
    return this.#words[this.#placeOfRoute(number) + ROUTE_MORE] & METRIC_MASK;
  }

  #isBlackhole(number: number): boolean {
    return (this.#words[this.#placeOfRoute(number) + ROUTE_MORE] & BLACKHOLE_BIT) !== 0;
  }

  #placeOfRoute(number: number): number {
    return this.#routesAt + number * ROUTE_WORDS;
  }

  #groupAt(group: number): number {
    return this.#groupsAt + group * GROUP_WORDS;
  }

  #elseOf(group: number): number {
    return this.#elseAt + group * ELSE_WORDS;
  }

  #doubleAt(group: number): number {
    return this.#groupsAt / 2 + group * GROUP_DOUBLES;
  }
}

function inOrder(
  a: { readonly key: Int32Array; readonly length: number },
  b: { readonly key: Int32Array; readonly length: number },
): number {
  for (let w = 0; w < a.key.length; w++)
    if (a.key[w] !== b.key[w]) return (a.key[w] >>> 0) - (b.key[w] >>> 0);
  return a.length - b.length;
}

/** Groups of one family: the default route's first, whether it is there or not. */
function groupsOf(family: Family, routes: readonly Route[], base: number): Grouped {
  const numbers: number[] = [-1];
  const prefixes: Prefix[] = [prefixOf(new Uint8Array(family === 4 ? 4 : 16), 0)];
  routes.forEach(({ prefix }, number) => {
    if (prefix.family !== family) return;
    numbers.push(number);
    prefixes.push(prefix);
  });
  const ordered = new OrderedPrefixes(family, prefixes);
  const members = new Int32Array(ordered.count - 1);
  const firsts = new Int32Array(ordered.count);
  const starts = new Int32Array(ordered.count + 1);
  const parents = new Int32Array(ordered.count);
  const open: number[] = [];
  let count = 0;
  let taken = 0;
  for (let place = 0; place < ordered.count; place++) {
    if (place === 0 || !ordered.same(firsts[count - 1], place)) {
      while (open.length > 0 && !ordered.covers(firsts[open[open.length - 1]], place)) open.pop();
      parents[count] = open.length === 0 ? -1 : base + open[open.length - 1];
      firsts[count] = place;
      starts[count] = taken;
      open.push(count++);
    }
    const number = numbers[ordered.order[place]];
    if (number >= 0) members[taken++] = number;
  }
  starts[count] = taken;
  const groups = new Int32Array(count).map((_, place) => base + place);
  return { sorted: new SortedPrefixes(ordered, firsts.subarray(0, count), groups), members, starts, parents };
}

/** Words of the lists of all groups that need one. */
function listWordsOf(routes: readonly Route[], { sorted, members, starts }: Grouped): number {
  let words = 0;
  for (let place = 0; place < sorted.count; place++) {
    const own = starts[place + 1] - starts[place];
    if (own !== 1 || routes[members[starts[place]]].blackhole) words += LIST_ROUTES + 2 * own;
  }
  return words;
}
