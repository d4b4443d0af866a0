import test from 'ava';
import fc from 'fast-check';
import { prefixOf } from '../../../src/core/base/prefix.js';
import { FAMILY_BITS, FAMILY_DIRECT, HEADER_FAMILY4, HEADER_FAMILY6 } from '../../../src/core/lpm/layout.js';
import { type GroupEdit, RouteTable } from '../../../src/core/route/compile.js';
import { HEADER_LOOKUP } from '../../../src/core/route/layout.js';
import { NO_ROUTE, type Route, RouteView } from '../../../src/core/route/table.js';
import { random } from '../../bench/random-routes.js';
import { address } from '../../support/packets.js';
import { agree, type Listed, resolve, slowResolve, via } from './slow-routes.js';

const TARGETS = 4;

/** The truth beside a table: all routes with their numbers, in the order in which they came. */
class Twin {
  routes: Listed[];
  table: RouteTable;
  view: RouteView;
  compiled = 1;

  constructor(routes: readonly Route[]) {
    this.routes = routes.map((route, number) => ({ route, number }));
    this.table = new RouteTable(routes);
    this.view = new RouteView(this.table.buffer);
  }

  /** All routes of `prefix` but the first `keep` go, `added` come. */
  change(route: Route, keep: number, added: readonly Route[]): void {
    const own = this.routes.filter(
      ({ route: { prefix } }) =>
        prefix.length === route.prefix.length && Buffer.compare(prefix.bytes, route.prefix.bytes) === 0,
    );
    const gone = new Set(own.slice(keep));
    const edit: GroupEdit = { prefix: route.prefix, removed: [...gone].map(({ number }) => number), added };
    const numbers = this.table.edit([edit]);
    this.routes = this.routes.filter((one) => !gone.has(one));
    if (numbers === undefined) {
      this.compile([...this.routes.map((one) => one.route), ...added]);
      return;
    }
    added.forEach((one, index) => {
      this.routes.push({ route: one, number: numbers[index] });
    });
  }

  compile(routes: readonly Route[]): void {
    this.compiled++;
    this.routes = routes.map((route, number) => ({ route, number }));
    this.table = new RouteTable(routes);
    this.view = new RouteView(this.table.buffer);
  }
}

const anyAddress = fc
  .tuple(fc.constantFrom('10.100.0.0', '10.100.10.0', '10.0.0.0', 'fd00::', 'fd00:0:0:10::'), fc.nat(0xffff))
  .map(([text, low]) => {
    const bytes = address(text);
    bytes[bytes.length - 1] = low & 255;
    bytes[bytes.length - 2] |= low >> 8;
    return bytes;
  });
const anyRoute: fc.Arbitrary<Route> = fc
  .record({
    at: anyAddress,
    length: fc.oneof(fc.nat(128), fc.constantFrom(0, 8, 16, 24, 28)),
    metric: fc.nat(2),
    target: fc.integer({ min: -1, max: TARGETS - 1 }),
    blackhole: fc.boolean(),
  })
  .map(({ at, length, ...rest }) => ({ ...rest, prefix: prefixOf(at, Math.min(length, at.length * 8)) }));
const anyChange = fc.record({
  route: anyRoute,
  keep: fc.nat(2),
  added: fc.array(
    fc.record({ metric: fc.nat(2), target: fc.integer({ min: -1, max: 3 }), blackhole: fc.boolean() }),
    {
      maxLength: 2,
    },
  ),
  /** Of the routes that are there, in place of `route`. */
  known: fc.oneof(fc.constant(-1), fc.nat(1000)),
});

test('after any edits a table answers like one compiled anew, and like the naive rule', (t) => {
  let edited = 0;
  fc.assert(
    fc.property(
      fc.array(anyRoute, { maxLength: 30 }),
      fc.array(anyChange, { minLength: 1, maxLength: 25 }),
      fc.array(anyAddress, { maxLength: 10 }),
      fc.array(fc.constantFrom(-1, 0, 5), { minLength: TARGETS, maxLength: TARGETS }),
      (routes, changes, addresses, up) => {
        const twin = new Twin(routes);
        const available = Int32Array.from(up);
        for (const { route, keep, added, known } of changes) {
          const at =
            known < 0 || twin.routes.length === 0 ? route : twin.routes[known % twin.routes.length].route;
          twin.change(
            at,
            keep,
            added.map((one) => ({ ...one, prefix: at.prefix })),
          );
        }
        edited += changes.length + 1 - twin.compiled;
        const fresh = new RouteView(new RouteTable(twin.routes.map(({ route }) => route)).buffer);
        const asked = [
          ...addresses,
          ...changes.map((one) => one.route.prefix.bytes),
          ...routes.map((r) => r.prefix.bytes),
        ];
        for (const bytes of asked) {
          const answer = resolve(twin.view, bytes, available);
          t.is(answer, slowResolve(twin.routes, bytes, available));
          const again = resolve(fresh, bytes, available);
          t.is(answer, again < 0 ? again : twin.routes[again].number);
          if (answer >= 0 || answer === NO_ROUTE) t.is(twin.view.blamed, -1);
          else t.is(twin.view.blamed, twin.routes[fresh.blamed].number, String(answer));
          for (let target = 0; target < TARGETS; target++) {
            t.is(via(twin.view, bytes, target) >= 0, via(fresh, bytes, target) >= 0);
          }
        }
        t.true(agree(twin.view, asked, available));
        for (const { route, number } of twin.routes) {
          t.is(twin.view.targetOf(number), route.target);
          t.is(twin.view.metricOf(number), route.metric);
          t.is(twin.view.isBlackhole(number), route.blackhole);
          t.is(twin.view.prefixLengthOf(number), route.prefix.length);
        }
      },
    ),
    { numRuns: 400 },
  );
  t.true(edited > 1000, `only ${edited} changes were edits`);
});

/** A view for a worker that has read its slot of the direct tables before an edit, and reads all else after it. */
function lateView(before: Int32Array, after: SharedArrayBuffer): RouteView {
  const words = new Int32Array(new SharedArrayBuffer(after.byteLength));
  words.set(new Int32Array(after));
  const lookup = words[HEADER_LOOKUP];
  for (const family of [HEADER_FAMILY4, HEADER_FAMILY6]) {
    const direct = lookup + words[lookup + family + FAMILY_DIRECT];
    const end = direct + (1 << words[lookup + family + FAMILY_BITS]);
    words.set(before.subarray(direct, end), direct);
  }
  return new RouteView(words.buffer as SharedArrayBuffer);
}

/** Prefixes about one place, one in the other, and one far away, so that few of their bits are the direct table's. */
const nested = fc.constantFrom('10.100.0.0', 'fd00:100::').chain((place) => {
  const bits = address(place).length * 8;
  const at = fc.tuple(fc.nat(3), fc.constantFrom(0, 64, 128)).map(([high, low]) => {
    const bytes = address(place);
    bytes[bits / 16] = high;
    bytes[bits / 16 + 1] = low;
    return bytes;
  });
  const route = fc.tuple(at, fc.integer({ min: bits / 2 - 4, max: bits / 2 + 10 }), fc.nat(TARGETS - 1));
  const one = route.map(([bytes, length, target]) => ({
    prefix: prefixOf(bytes, length),
    metric: 1,
    target,
    blackhole: false,
  }));
  const far = { prefix: prefixOf(address(bits === 32 ? '10.0.0.0' : 'fd80::'), bits / 2 + 8), metric: 1 };
  return fc.record({
    routes: fc
      .array(one, { minLength: 1, maxLength: 6 })
      .map((list) => [...list, { ...far, target: 0, blackhole: false }]),
    added: one,
    asked: fc.array(at, { minLength: 8, maxLength: 12 }),
  });
});

test('a worker that is in the middle of a question during an edit gets the old answer or the new one', (t) => {
  let edited = 0;
  fc.assert(
    fc.property(nested, ({ routes, added, asked }) => {
      const twin = new Twin(routes);
      const available = new Int32Array(TARGETS);
      const old = asked.map((bytes) => resolve(twin.view, bytes, available));
      const before = Int32Array.from(new Int32Array(twin.table.buffer));
      twin.change(added, 1, [added]);
      if (twin.compiled > 1) return;
      edited++;
      const late = lateView(before, twin.table.buffer);
      asked.forEach((bytes, index) => {
        const answer = resolve(late, bytes, available);
        t.true(answer === old[index] || answer === resolve(twin.view, bytes, available));
      });
      t.true(agree(late, asked, available));
    }),
    { numRuns: 1_000 },
  );
  t.true(edited > 500, `only ${edited} changes were edits`);
});

const below = (limit: number): number => (random() >>> 4) % limit;

/** Prefixes that lie close together and in each other: nodes stand under nodes, skip bits, and hold very many. */
function crowded(family: 4 | 6, count: number): Route[] {
  const bytes = family === 4 ? 4 : 16;
  const routes = new Map<string, Route>();
  while (routes.size < count) {
    const at = Uint8Array.from({ length: bytes }, () => below(256));
    // All begin alike; some share more, and differ where others skip.
    at.fill(10, 0, 1);
    at.fill(below(2), 1, Math.max(1, bytes - 2 - below(bytes / 4)));
    const prefix = prefixOf(at, bytes * 8 - below(below(4) === 0 ? bytes * 6 : 20));
    routes.set(`${prefix.bytes}/${prefix.length}`, {
      prefix,
      metric: 1,
      target: routes.size & 3,
      blackhole: false,
    });
  }
  return [...routes.values()];
}

/** An address inside the prefix, often outside of those in it. */
function inside({ prefix: { bytes, length } }: Route): Uint8Array {
  const noise = Uint8Array.from(bytes, () => below(256));
  return prefixOf(noise, bytes.length * 8).bytes.map((byte, at) => {
    const host = 255 >> Math.max(0, Math.min(8, length - at * 8));
    return bytes[at] | (byte & host);
  });
}

for (const family of [4, 6] as const) {
  test(`thousands of routes of family ${family}, many of them edits, answer like a table compiled anew`, (t) => {
    const batch = 5;
    const edits = 1_000;
    const all = crowded(family, 5_000);
    const twin = new Twin(all.slice(edits));
    for (let first = 0; first < edits; first += batch) {
      const added = all.slice(first, first + batch);
      const numbers = twin.table.edit(
        added.map((route) => ({ prefix: route.prefix, removed: [], added: [route] })),
      );
      if (numbers === undefined) twin.compile([...twin.routes.map(({ route }) => route), ...added]);
      else added.forEach((route, index) => void twin.routes.push({ route, number: numbers[index] }));
      if (first % 250 !== 0) continue;
      const view = new RouteView(new RouteTable(twin.routes.map(({ route }) => route)).buffer);
      const available = new Int32Array(TARGETS);
      const asked = all.flatMap((route) => [route.prefix.bytes, inside(route), inside(route)]);
      t.true(agree(twin.view, asked, available));
      for (const bytes of asked) {
        const again = resolve(view, bytes, available);
        t.is(resolve(twin.view, bytes, available), again < 0 ? again : twin.routes[again].number);
      }
    }
    t.true(twin.compiled < edits / batch / 2, `compiled ${twin.compiled} times`);
  });
}
