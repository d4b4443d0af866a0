/**
 * What the packet core costs: nanoseconds and bytes allocated for each packet (parse, route, NAT) and for each lookup.
 * Run it with `node --expose-gc dist/test/bench/core.js [--json] [--routes N]`; `--routes` sets the size of the route
 * tables (100,000). Times are the best of many rounds, the one least disturbed by other programs.
 */
import { parseArgs } from 'node:util';
import { compileLookup, Lookup } from '../../src/core/lpm/lookup.js';
import { compileNat, NatView, TO_LOCAL, TO_NETWORK } from '../../src/core/nat/map.js';
import { findDestinationEntry, findSourceEntry, rewriteSource } from '../../src/core/nat/rewrite.js';
import { Parsed } from '../../src/core/packet/parsed.js';
import { compileRoutes, RouteView } from '../../src/core/route/table.js';
import { ip, prefix, tcp } from '../support/packets.js';
import { PART, QUESTIONS, questionsFor, randomEntries } from './random-routes.js';
import { prepareRouterCost } from './router-cost.js';
import { measure } from './stopwatch.js';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, routes: { type: 'string', default: '100000' } },
});
const ROUTES = Number(options.routes);
const SLOTS = 256;
const SLOT_BYTES = 2048;

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
