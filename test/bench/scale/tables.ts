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
const ROUNDS = 100;
/** Packets that the router reads ahead for together (core/router/ahead.ts), where only their destinations count. */
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

/** Calls `find` with the places of the words of PART questions, other ones at each call; `ahead` with the place of the first of BATCH. */
function asking(find: (at: number) => number, ahead: (first: number) => number = () => 0): () => number {
  let from = 0;
  return () => {
    from = (from + PART) & (QUESTIONS - 1);
    let sum = 0;
    for (let first = from; first < from + PART; first += BATCH) {
      sum ^= ahead(first);
      for (let i = first; i < first + BATCH; i++) sum ^= find(i * 4);
    }
    return sum;
  };
}

/** Reads ahead for BATCH questions, as the router does before it decides a batch of packets. */
function readingAhead(family: 4 | 6, view: RouteView, words: Int32Array): (first: number) => number {
  if (!view.isLarge) return () => 0;
  const addresses = new Int32Array(BATCH * 4);
  if (family === 6) {
    return (first) => {
      addresses.set(words.subarray(first * 4, (first + BATCH) * 4));
      return view.ahead6(addresses, BATCH);
    };
  }
  return (first) => {
    for (let i = 0; i < BATCH; i++) addresses[i] = words[(first + i) * 4];
    return view.ahead4(addresses, BATCH);
  };
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
  const available = new Int32Array(TARGETS);
  const words = questionsFor(family, entries);
  const find =
    family === 4
      ? (at: number) => view.resolve4(words[at], available)
      : (at: number) => view.resolve6(words[at], words[at + 1], words[at + 2], words[at + 3], available);
  const of = family === 4 ? 'routes' : 'IPv6 routes';
  const key = family === 4 ? 'routes' : 'routes6';
  const ahead = readingAhead(family, view, words);
  book.note(of, `${key}.lookup`, 'which route?', 'ns', size, bestNs(PART, 1, asking(find, ahead), ROUNDS));
  book.note(of, `${key}.alone`, 'a single packet', 'ns', size, bestNs(PART, 1, asking(find), ROUNDS));
  book.note(of, `${key}.memory`, 'table', 'MB', size, live.buffer.byteLength / 1e6);
  book.note(of, `${key}.build`, 'compile all', 'ms', size, ms);
  const times = changes(routes, family).map((list) => timeMs(() => live.update(list)));
  const edits = times.filter(({ result }) => result).map((one) => one.ms);
  book.note(of, `${key}.reload`, 'reload with one changed', 'ms', size, median(edits));
  const table = new RouteTable(routes);
  const single = singles(routes, family).map((edit) => timeMs(() => table.edit([edit])));
  const done = single.filter(({ result }) => result !== undefined).map((one) => one.ms);
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
  const find = (at: number) => {
    const entry = view.findLocal4(words[at]);
    return entry < 0 ? -1 : view.translate(entry, 0, 0, words[at]);
  };
  book.note('NAT entries', 'nat.lookup', 'translate', 'ns', size, bestNs(PART, 1, asking(find), ROUNDS));
  book.note('NAT entries', 'nat.memory', 'table', 'MB', size, buffer.byteLength / 1e6);
  book.note('NAT entries', 'nat.build', 'compile all', 'ms', size, ms);
}

const book = new Book();
for (const size of tenfolds(10, Number(options.routes))) noteRoutes(book, 4, size);
for (const size of tenfolds(10, Number(options.routes))) noteRoutes(book, 6, size);
for (const size of tenfolds(1, Number(options.nats))) noteNats(book, size);
console.log(JSON.stringify([...book.series.values()]));
