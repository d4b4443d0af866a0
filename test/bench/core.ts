/**
 * What the packet core costs: nanoseconds and bytes allocated for each packet (parse, route, NAT) and for each lookup.
 * Run it with `node --expose-gc dist/test/bench/core.js [--json] [--routes N]`; `--routes` sets the size of the route
 * tables (100,000). Times are the best of many rounds, the one least disturbed by other programs.
 */
import { parseArgs } from 'node:util';
import { prefixOf } from '../../src/core/base/prefix.js';
import { compileLookup, Lookup, type LookupEntry } from '../../src/core/lpm/lookup.js';
import { compileNat, NatView, TO_LOCAL, TO_NETWORK } from '../../src/core/nat/map.js';
import { findDestinationEntry, findSourceEntry, rewriteSource } from '../../src/core/nat/rewrite.js';
import { Parsed } from '../../src/core/packet/parsed.js';
import { compileRoutes, RouteView } from '../../src/core/route/table.js';
import { ip, prefix, tcp } from '../support/packets.js';
import { prepareRouterCost } from './router-cost.js';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, routes: { type: 'string', default: '100000' } },
});
const ROUTES = Number(options.routes);
/** Many rounds, shorter than a time slice: on a busy machine some of them run undisturbed. */
const ROUNDS = 600;
const SLOTS = 256;
const SLOT_BYTES = 2048;

let state = 0x2545f491;
/** Marsaglia's xorshift32, signed. */
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state;
}

interface Figure {
  ns: number;
  bytes: number;
}

/** Results of what is measured, so that none of it can be optimized away. */
let sink = 0;

/** Nanoseconds (best round) and heap bytes for each of the `each` operations of one call of `body`. */
function measure(each: number, calls: number, body: () => number): Figure {
  for (let i = 0; i < calls * 100; i++) sink ^= body();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) sink ^= body();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (calls * each));
  }
  const bytes = (heapGrowth(calls, body) - heapGrowth(calls, () => 0)) / (calls * each);
  return { ns: Math.round(best * 10) / 10, bytes: Math.max(0, Math.round(bytes * 1000) / 1000) };
}

/** Median growth of the heap over `calls` calls: few enough of them that no collection hides an allocation. */
function heapGrowth(calls: number, body: () => number): number {
  const growth: number[] = [];
  for (let chunk = 0; chunk < 51; chunk++) {
    globalThis.gc?.({ type: 'minor' });
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < calls; i++) sink ^= body();
    growth.push(process.memoryUsage().heapUsed - before);
  }
  return growth.sort((a, b) => a - b)[25];
}

/** Random routes: IPv4 /12 … /32 about /24; IPv6 under 2000::/3, /29 … /64 about /48. */
function randomEntries(family: 4 | 6, count: number): LookupEntry[] {
  return Array.from({ length: count }, (_, value) => {
    const bytes = Uint8Array.from({ length: family === 4 ? 4 : 16 }, () => random() & 255);
    if (family === 6) bytes[0] = 0x20 | (bytes[0] & 0x1f);
    const pick = (random() >>> 4) % 100;
    const spread = (low: number, high: number) => low + ((random() >>> 4) % (high - low + 1));
    const length =
      family === 4
        ? pick < 60
          ? 24
          : pick < 90
            ? spread(16, 23)
            : pick < 95
              ? spread(12, 15)
              : spread(25, 32)
        : pick < 50
          ? 48
          : pick < 90
            ? spread(29, 47)
            : spread(49, 64);
    return { prefix: prefixOf(bytes, length), value };
  });
}

/** Addresses to look up, in random order: half of them inside routes, half anywhere; PART of them a round. */
const QUESTIONS = 1 << 16;
const PART = 1 << 13;

/** Words of QUESTIONS addresses, four each. */
function questionsFor(family: 4 | 6, entries: readonly LookupEntry[]): Int32Array {
  const words = new Int32Array(QUESTIONS * 4).map(random);
  for (let i = 0; i < QUESTIONS; i++) {
    if (family === 6) words[i * 4] = 0x20000000 | (words[i * 4] & 0x1fffffff);
    if ((i & 1) === 0) continue;
    const { bytes, length } = entries[(random() >>> 1) % entries.length].prefix;
    const view = new DataView(bytes.buffer);
    for (let w = 0; w < bytes.length / 4; w++) {
      const bits = length - w * 32;
      const host = bits >= 32 ? 0 : bits <= 0 ? -1 : -1 >>> bits;
      words[i * 4 + w] = view.getInt32(w * 4) | (words[i * 4 + w] & host);
    }
  }
  return words;
}

/** A compiled table of random routes and questions to it; the routes themselves are garbage afterwards. */
function prepareLookup(family: 4 | 6) {
  const entries = randomEntries(family, ROUTES);
  const start = performance.now();
  const buffer = compileLookup(entries);
  const compileMs = Math.round(performance.now() - start);
  return { buffer, compileMs, words: questionsFor(family, entries) };
}

function benchLookup(family: 4 | 6) {
  const { buffer, compileMs, words } = prepareLookup(family);
  const lookup = new Lookup(buffer);
  let from = 0;
  const nextPart = () => {
    from = (from + PART) & (QUESTIONS - 1);
    return from;
  };
  const body4 = () => {
    let sum = 0;
    const start = nextPart();
    for (let i = start; i < start + PART; i++) sum ^= lookup.find4(words[i * 4]);
    return sum;
  };
  const body6 = () => {
    let sum = 0;
    const start = nextPart() * 4;
    for (let i = start; i < start + PART * 4; i += 4) {
      sum ^= lookup.find6(words[i], words[i + 1], words[i + 2], words[i + 3]);
    }
    return sum;
  };
  // A dependent chain: each answer is part of the next question, so that the processor cannot overlap lookups.
  const chain4 = () => {
    let last = 0;
    const start = nextPart();
    for (let i = start; i < start + PART; i++) last = lookup.find4(words[((i ^ last) & (QUESTIONS - 1)) * 4]);
    return last;
  };
  const chain6 = () => {
    let last = 0;
    const start = nextPart();
    for (let i = start; i < start + PART; i++) {
      const at = ((i ^ last) & (QUESTIONS - 1)) * 4;
      last = lookup.find6(words[at], words[at + 1], words[at + 2], words[at + 3]);
    }
    return last;
  };
  return {
    ...measure(PART, 1, family === 4 ? body4 : body6),
    dependentNs: measure(PART, 1, family === 4 ? chain4 : chain6).ns,
    tableBytes: buffer.byteLength,
    compileMs,
  };
}

/** Bytes of `SLOTS` packets in an arena, packet k at k × SLOT_BYTES + 256. */
function arenaOf(packets: (k: number) => Uint8Array): { arena: Uint8Array; lengths: Int32Array } {
  const arena = new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT_BYTES));
  const lengths = new Int32Array(SLOTS);
  for (let k = 0; k < SLOTS; k++) {
    const packet = packets(k);
    arena.set(packet, k * SLOT_BYTES + 256);
    lengths[k] = packet.length;
  }
  return { arena, lengths };
}

function benchPackets(family: 4 | 6) {
  const local = prefix(family === 4 ? '172.16.10.0/24' : 'fd01::/64');
  const network = prefix(family === 4 ? '10.100.10.0/24' : 'fd02::/64');
  const far = prefix(family === 4 ? '10.100.100.15/32' : 'fd03::15/128');
  const host = (k: number) =>
    Uint8Array.from(local.bytes, (byte, i) => (i === local.bytes.length - 1 ? k : byte));
  const { arena, lengths } = arenaOf((k) =>
    ip({
      source: host(k),
      destination: far.bytes,
      protocol: 6,
      payload: tcp(40_000 + k, 443, 0x10, [], new Uint8Array(64)),
    }),
  );
  const nat = new NatView(compileNat([{ local, network }]));
  const filler = randomEntries(family, ROUTES).map((entry) => ({
    prefix: entry.prefix,
    metric: 10,
    target: 0,
    blackhole: false,
  }));
  const wide = prefix(family === 4 ? '10.100.100.0/24' : 'fd03::/48');
  const routes = new RouteView(
    compileRoutes([...filler, { prefix: wide, metric: 10, target: 1, blackhole: false }]),
  );
  const available = new Int32Array(new SharedArrayBuffer(8));
  const parsed = new Parsed();
  const at = (k: number) => k * SLOT_BYTES + 256;
  const parse = () => {
    let sum = 0;
    for (let k = 0; k < SLOTS; k++) sum += parsed.parse(arena, at(k), lengths[k]);
    return sum;
  };
  const resolve = () =>
    parsed.family === 4
      ? routes.resolve4(parsed.destination4, available)
      : routes.resolve6(parsed.d0, parsed.d1, parsed.d2, parsed.d3, available);
  const route = () => {
    let sum = 0;
    for (let k = 0; k < SLOTS; k++) {
      sum += parsed.parse(arena, at(k), lengths[k]);
      sum ^= resolve();
    }
    return sum;
  };
  // There and back, so that the packets stay what they are; a rewrite is half of it.
  const natBoth = () => {
    let sum = 0;
    for (let k = 0; k < SLOTS; k++) {
      sum += parsed.parse(arena, at(k), lengths[k]);
      const entry = findSourceEntry(nat, parsed);
      rewriteSource(arena, parsed, nat, entry, TO_NETWORK, false);
      rewriteSource(arena, parsed, nat, entry, TO_LOCAL, false);
      sum ^= findDestinationEntry(nat, parsed);
    }
    return sum;
  };
  return {
    parse: measure(SLOTS, 20, parse),
    parseRoute: measure(SLOTS, 20, route),
    parseNatTwice: measure(SLOTS, 20, natBoth),
  };
}

function benchRouter() {
  const { batch, lan, overlay, scaffold } = prepareRouterCost(randomEntries(4, ROUTES));
  const fromPeer = measure(batch, 20, overlay);
  const ns = Math.round((fromPeer.ns - measure(batch, 20, scaffold).ns) * 10) / 10;
  return { fromLan: measure(batch, 20, lan), fromPeer: { ...fromPeer, ns } };
}

const report = {
  node: process.version,
  routes: ROUTES,
  lookup: { ipv4: benchLookup(4), ipv6: benchLookup(6) },
  packet: { ipv4: benchPackets(4), ipv6: benchPackets(6) },
  router: benchRouter(),
};
for (const [way, figure] of Object.entries(report.router)) {
  if (!options.json) console.log(`router ${way}: ${figure.ns} ns, ${figure.bytes} B allocated a packet`);
}
if (options.json) {
  console.log(JSON.stringify(report, null, 2));
} else {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { ns, bytes, dependentNs, tableBytes, compileMs } = report.lookup[family];
    const kib = Math.round(tableBytes / 1024);
    console.log(
      `${family} lookup, ${ROUTES} routes: ${ns} ns (${dependentNs} ns dependent), ${bytes} B allocated; table ${kib} KiB, compiled in ${compileMs} ms`,
    );
    for (const [name, figure] of Object.entries(report.packet[family])) {
      console.log(`${family} ${name}: ${figure.ns} ns, ${figure.bytes} B allocated a packet`);
    }
  }
}
if (sink === 0.5) console.log(sink);
