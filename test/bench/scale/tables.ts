/**
 * What routes and NAT entries cost, from few to very many: `node --expose-gc dist/test/bench/scale/tables.js [--routes N]
 * [--nats N]` prints a list of Growth as JSON. Times of lookups are the best of many rounds, those of
 * changes medians, those of compiling single ones.
 */
import { parseArgs } from 'node:util';
import { prefixOf } from '../../../src/core/base/prefix.js';
import { compileNat, NatView } from '../../../src/core/nat/map.js';
import { type GroupEdit, RouteTable } from '../../../src/core/route/compile.js';
import { LiveRoutes } from '../../../src/core/route/live.js';
import { type Route, RouteView } from '../../../src/core/route/table.js';
import { PART, QUESTIONS, questionsFor, random, randomEntries } from '../random-routes.js';
import { median } from '../statistics.js';
import { bestNs } from '../stopwatch.js';
import type { Growth, Point } from './growth.js';

const TARGETS = 1000;
const ROUNDS = 400;
/** Rounds before that: the code is optimized after some of them, and anew for each table. */
const WARM_ROUNDS = 100;
/** Packets that the router reads ahead for together (core/router/ahead.ts), where only their
 * destinations count. */
const BATCH = 32;
const RELOADS = 6;
const SINGLES = 300;

const { values: options } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000000' },
    nats: { type: 'string', default: '100000' },
  },
});

/** `from`, ten times that … up to `to`. */
function tenfolds(from: number, to: number): number[] {
  const sizes = [];
  for (let size = from; size <= to; size *= 10) sizes.push(size);
  return sizes;
}

/** Series of one run over growing sizes, filled by the measures below. */
class Book {
  readonly series = new Map<string, Growth & { points: Point[] }>();

  note(of: string, key: string, title: string, unit: string, size: number, value: number): void {
    const known = this.series.get(key);
    const series = known ?? { key, title, unit, of, points: [] };
    series.points.push({ size, value });
    this.series.set(key, series);
  }
}

/** Calls `ask` with the place of the first of BATCH questions, for PART questions, other ones at each call. */
function asking(ask: (first: number) => number): () => number {
  let from = 0;
  return () => {
    from = (from + PART) & (QUESTIONS - 1);
    let sum = 0;
    for (let first = from; first < from + PART; first += BATCH) sum ^= ask(first);
    return sum;
  };
}

/** Asks one after the other. */
function oneByOne(family: 4 | 6, view: RouteView, words: Int32Array): (first: number) => number {
  const available = new Int32Array(TARGETS);
  if (family === 6) {
    return (first) => {
      let sum = 0;
      for (let at = first * 4; at < (first + BATCH) * 4; at += 4) {
        sum ^= view.resolve6(words[at], words[at + 1], words[at + 2], words[at + 3], available);
      }
      return sum;
    };
  }
  return (first) => {
    let sum = 0;
    for (let i = first; i < first + BATCH; i++) sum ^= view.resolve4(words[i * 4], available);
    return sum;
  };
}

/** Asks for BATCH addresses as the router does for the packets of a batch: together where the table is large. */
function inBatches(family: 4 | 6, view: RouteView, words: Int32Array): (first: number) => number {
  if (!view.isLarge) return oneByOne(family, view, words);
  const available = new Int32Array(TARGETS);
  const addresses = new Int32Array(BATCH * 4);
  const routes = new Int32Array(BATCH);
  const targets = new Int32Array(BATCH);
  const sum = (): number => {
    let sum = 0;
    for (let i = 0; i < BATCH; i++) sum ^= routes[i] ^ targets[i];
    return sum;
  };
  if (family === 6) {
    return (first) => {
      for (let i = 0; i < BATCH * 4; i++) addresses[i] = words[first * 4 + i];
      view.resolveMany6(addresses, BATCH, available, routes, targets);
      return sum();
    };
  }
  return (first) => {
    for (let i = 0; i < BATCH; i++) addresses[i] = words[(first + i) * 4];
    view.resolveMany4(addresses, BATCH, available, routes, targets);
    return sum();
  };
}

/** Nanoseconds of a question, of the best round, once the code is optimized. */
function questionNs(ask: (first: number) => number): number {
  const body = asking(ask);
  bestNs(PART, 1, body, WARM_ROUNDS);
  return bestNs(PART, 1, body, ROUNDS);
}

function timeMs<T>(body: () => T): { result: T; ms: number } {
  const start = performance.now();
  const result = body();
  return { result, ms: performance.now() - start };
}

function noteRoutes(book: Book, family: 4 | 6, size: number): void {
  const entries = randomEntries(family, size);
  const routes: Route[] = entries.map(({ prefix, value }) => ({
    prefix,
    metric: 10,
    target: value % TARGETS,
    blackhole: false,
  }));
  globalThis.gc?.();
  const { result: live, ms } = timeMs(() => new LiveRoutes(routes));
  const view = new RouteView(live.buffer);
  const words = questionsFor(family, entries);
  const of = family === 4 ? 'routes' : 'IPv6 routes';
  const key = family === 4 ? 'routes' : 'routes6';
  // What compiling leaves behind is collected now, not beside the questions, where it takes the caches.
  globalThis.gc?.();
  const batched = questionNs(inBatches(family, view, words));
  book.note(of, `${key}.lookup`, 'which route?', 'ns', size, batched);
  const single = view.isLarge ? questionNs(oneByOne(family, view, words)) : batched;
  book.note(of, `${key}.alone`, 'a single packet', 'ns', size, single);
  book.note(of, `${key}.memory`, 'table', 'MB', size, live.buffer.byteLength / 1e6);
  book.note(of, `${key}.build`, 'compile all', 'ms', size, ms);
  const times = changes(routes, family).map((list) => timeMs(() => live.update(list)));
  const edits = times.filter(({ result }) => result).map((one) => one.ms);
  book.note(of, `${key}.reload`, 'reload with one changed', 'ms', size, median(edits));
  const table = new RouteTable(routes);
  const tried = singles(routes, family).map((edit) => timeMs(() => table.edit([edit])));
  const done = tried.filter(({ result }) => result !== undefined).map((one) => one.ms);
  book.note(of, `${key}.update`, 'change one', 'ms', size, median(done));
  book.note(of, `${key}.updateMax`, 'the longest of them', 'ms', size, Math.max(...done));
}

/** A list of routes after another, as reloads read them: all objects are new, one route is changed, added or removed. */
function changes(routes: readonly Route[], family: 4 | 6): Route[][] {
  const lists: Route[][] = [];
  let list = routes;
  for (const { prefix } of randomEntries(family, RELOADS)) {
    const place = (random() >>> 4) % list.length;
    const next = list.map((route) => ({ ...route, prefix: { ...route.prefix } }));
    const change = lists.length % 3;
    next.splice(place, change === 0 ? 1 : 0, ...(change === 2 ? [] : [{ ...next[place], prefix }]));
    if (change === 2) next.splice(place, 1);
    lists.push(next);
    list = next;
  }
  return lists;
}

/** A route with another target, a new prefix, a prefix less, and so on. */
function singles(routes: readonly Route[], family: 4 | 6): GroupEdit[] {
  return randomEntries(family, SINGLES).map(({ prefix }, index) => {
    const number = Math.floor((index / SINGLES) * routes.length);
    const route = routes[number];
    if (index % 3 === 0) return { prefix: route.prefix, removed: [number], added: [{ ...route, target: 1 }] };
    if (index % 3 === 1) return { prefix, removed: [], added: [{ ...route, prefix }] };
    return { prefix: route.prefix, removed: [number], added: [] };
  });
}

/** Networks of /28 side by side, as the sites of a large company would have them. */
function noteNats(book: Book, size: number): void {
  const network = (first: number, index: number) => {
    const address = ((first << 24) | (index << 4)) >>> 0;
    return prefixOf(Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address), 28);
  };
  const entries = Array.from({ length: size }, (_, i) => ({
    local: network(10, i),
    network: network(100, i),
  }));
  globalThis.gc?.();
  const { result: buffer, ms } = timeMs(() => compileNat(entries));
  const view = new NatView(buffer);
  const words = questionsFor(
    4,
    entries.map(({ local }, value) => ({ prefix: local, value })),
  );
  const ask = (first: number) => {
    let sum = 0;
    for (let at = first * 4; at < (first + BATCH) * 4; at += 4) {
      const entry = view.findLocal4(words[at]);
      sum ^= entry < 0 ? -1 : view.translate(entry, 0, 0, words[at]);
    }
    return sum;
  };
  book.note('NAT entries', 'nat.lookup', 'translate', 'ns', size, questionNs(ask));
  book.note('NAT entries', 'nat.memory', 'table', 'MB', size, buffer.byteLength / 1e6);
  book.note('NAT entries', 'nat.build', 'compile all', 'ms', size, ms);
}

const book = new Book();
for (const size of tenfolds(10, Number(options.routes))) noteRoutes(book, 4, size);
for (const size of tenfolds(10, Number(options.routes))) noteRoutes(book, 6, size);
for (const size of tenfolds(1, Number(options.nats))) noteNats(book, size);
console.log(JSON.stringify([...book.series.values()]));
