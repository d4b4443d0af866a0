/**
 * What routes and NAT entries cost, from few to very many: `node --expose-gc dist/test/bench/scale/tables.js [--routes N]
 * [--nats N]` prints a list of Growth as JSON. Times of lookups are the best of many rounds, those of compiling single ones.
 */
import { parseArgs } from 'node:util';
import { prefixOf } from '../../../src/core/base/prefix.js';
import { compileNat, NatView } from '../../../src/core/nat/map.js';
import { compileRoutes, type Route, RouteView } from '../../../src/core/route/table.js';
import { PART, QUESTIONS, questionsFor, randomEntries } from '../random-routes.js';
import { bestNs } from '../stopwatch.js';
import type { Growth, Point } from './growth.js';

const TARGETS = 1000;
const ROUNDS = 100;

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

/** Calls `find` with the places of the words of PART questions, other ones at each call. */
function asking(find: (at: number) => number): () => number {
  let from = 0;
  return () => {
    from = (from + PART) & (QUESTIONS - 1);
    let sum = 0;
    for (let i = from; i < from + PART; i++) sum ^= find(i * 4);
    return sum;
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
  const { result: buffer, ms } = timeMs(() => compileRoutes(routes));
  const view = new RouteView(buffer);
  const available = new Int32Array(TARGETS);
  const words = questionsFor(family, entries);
  const find =
    family === 4
      ? (at: number) => view.resolve4(words[at], available)
      : (at: number) => view.resolve6(words[at], words[at + 1], words[at + 2], words[at + 3], available);
  const of = family === 4 ? 'routes' : 'IPv6 routes';
  const key = family === 4 ? 'routes' : 'routes6';
  book.note(of, `${key}.lookup`, 'which route?', 'ns', size, bestNs(PART, 1, asking(find), ROUNDS));
  book.note(of, `${key}.memory`, 'table', 'MB', size, buffer.byteLength / 1e6);
  // A table is compiled as a whole, on the control thread; workers take the new one between two batches.
  book.note(of, `${key}.update`, 'change one', 'ms', size, ms);
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
