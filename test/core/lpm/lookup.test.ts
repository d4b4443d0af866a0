import test from 'ava';
import fc from 'fast-check';
import { covers, type Prefix, prefixOf } from '../../../src/core/base/prefix.js';
import { HEADER_WORDS, VALUE_MAX } from '../../../src/core/lpm/layout.js';
import { compileLookup, Lookup, type LookupEntry, MANY_MAX } from '../../../src/core/lpm/lookup.js';
import { address, prefix, word } from '../../support/packets.js';

/** Longest-prefix match by looking at every entry; of equals the last one counts. */
function slowFind(entries: readonly LookupEntry[], bytes: Uint8Array): number {
  let best: LookupEntry | undefined;
  for (const entry of entries) {
    if (covers(entry.prefix, bytes) && entry.prefix.length >= (best?.prefix.length ?? 0)) best = entry;
  }
  return best?.value ?? -1;
}

function find(lookup: Lookup, bytes: Uint8Array): number {
  if (bytes.length === 4) return lookup.find4(word(bytes));
  return lookup.find6(word(bytes), word(bytes, 1), word(bytes, 2), word(bytes, 3));
}

/** The same for all addresses of one family together. */
function findMany(lookup: Lookup, all: readonly Uint8Array[], size: 4 | 16): number[] {
  const own = all.filter((bytes) => bytes.length === size);
  const found: number[] = [];
  for (let first = 0; first < own.length; first += MANY_MAX) {
    const some = own.slice(first, first + MANY_MAX);
    const words = Int32Array.from(some.flatMap((bytes) => wordsOf(bytes)));
    const values = new Int32Array(some.length);
    if (size === 4) lookup.findMany4(words, some.length, values);
    else lookup.findMany6(words, some.length, values);
    found.push(...values);
  }
  return found;
}

function wordsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, index) => word(bytes, index));
}

/** Addresses that matter for a prefix: its first, its last, and their neighbours outside. */
function edges({ bytes, length }: Prefix): Uint8Array[] {
  const last = Uint8Array.from(bytes);
  for (let bit = length; bit < bytes.length * 8; bit++) last[bit >> 3] |= 0x80 >> (bit & 7);
  return [bytes, last, step(bytes, -1), step(last, 1)];
}

function step(bytes: Uint8Array, by: 1 | -1): Uint8Array {
  const next = Uint8Array.from(bytes);
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] += by;
    if (next[i] !== (by === 1 ? 0 : 255)) break;
  }
  return next;
}

/** Addresses that share long beginnings with each other, so that prefixes nest. */
function clusteredAddress(size: 4 | 16): fc.Arbitrary<Uint8Array> {
  const seeds =
    size === 4 ? ['10.100.0.0', '10.100.64.1', '203.0.113.7'] : ['fd00::', 'fd00:1:2:3::4', '2001:db8::ffff'];
  return fc
    .tuple(fc.constantFrom(...seeds), fc.nat(size * 8), fc.uint8Array({ minLength: size, maxLength: size }))
    .map(([seed, keep, noise]) => {
      const bytes = address(seed);
      for (let bit = keep; bit < size * 8; bit++) bytes[bit >> 3] ^= noise[bit >> 3] & (0x80 >> (bit & 7));
      return bytes;
    });
}

const anyAddress = fc.oneof(clusteredAddress(4), clusteredAddress(16));
const entriesOf = fc.array(
  fc
    .tuple(anyAddress, fc.nat(128), fc.oneof(fc.nat(9), fc.constantFrom(VALUE_MAX, VALUE_MAX - 1)))
    .map(([bytes, length, value]) => ({
      prefix: prefixOf(bytes, Math.min(length, bytes.length * 8)),
      value,
    })),
  { maxLength: 60 },
);

test('a compiled lookup equals a linear scan, in both families', (t) => {
  fc.assert(
    fc.property(entriesOf, fc.array(anyAddress, { maxLength: 30 }), (entries, addresses) => {
      const lookup = new Lookup(compileLookup(entries));
      const all = [...addresses, ...entries.flatMap((entry) => edges(entry.prefix))];
      for (const bytes of all) t.is(find(lookup, bytes), slowFind(entries, bytes), String(bytes));
      for (const size of [4, 16] as const) {
        const own = all.filter((bytes) => bytes.length === size);
        const slow = own.map((bytes) => slowFind(entries, bytes));
        t.deepEqual(findMany(lookup, all, size), slow);
      }
    }),
    { numRuns: 300 },
  );
});

test('thousands of random prefixes equal a linear scan', (t) => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = xorshift(seed);
      const entries: LookupEntry[] = [];
      for (let i = 0; i < 3000; i++) {
        const size = random() & 1 ? 4 : 16;
        const bytes = Uint8Array.from({ length: size }, () => random() & 255);
        bytes[0] = size === 4 ? 10 : 0xfd;
        if (random() & 1) bytes.fill(0, 1, size / 2);
        entries.push({ prefix: prefixOf(bytes, 1 + ((random() >>> 1) % (size * 8))), value: i });
      }
      const lookup = new Lookup(compileLookup(entries));
      for (let i = 0; i < 300; i++) {
        const near = entries[(random() >>> 1) % entries.length].prefix;
        for (const bytes of edges(near)) t.is(find(lookup, bytes), slowFind(entries, bytes), String(bytes));
      }
      const all = entries.flatMap((entry) => edges(entry.prefix));
      for (const size of [4, 16] as const) {
        const single = all.filter((bytes) => bytes.length === size).map((bytes) => find(lookup, bytes));
        t.deepEqual(findMany(lookup, all, size), single);
      }
    }),
    { numRuns: 3 },
  );
});

test('nothing, everything, and every length', (t) => {
  const empty = new Lookup(compileLookup([]));
  t.is(empty.find4(0), -1);
  t.is(empty.find4(-1), -1);
  t.is(empty.find6(-1, -1, -1, -1), -1);
  const all = new Lookup(compileLookup([{ prefix: prefix('0.0.0.0/0'), value: 7 }]));
  t.is(all.find4(-1), 7);
  t.is(all.find6(0, 0, 0, 0), -1);
  for (const [text, bits] of [
    ['255.255.255.255', 32],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 128],
  ] as const) {
    const entries = Array.from({ length: bits + 1 }, (_, length) => ({
      prefix: prefixOf(address(text), length),
      value: length,
    }));
    const lookup = new Lookup(compileLookup(entries));
    for (let bit = 0; bit < bits; bit++) {
      const bytes = address(text);
      bytes[bit >> 3] ^= 0x80 >> (bit & 7);
      t.is(find(lookup, bytes), bit);
    }
    t.is(find(lookup, address(text)), bits);
  }
});

test('of a prefix given twice the last value counts', (t) => {
  const entries = [1, 2].map((value) => ({ prefix: prefix('10.0.0.0/8'), value }));
  t.is(new Lookup(compileLookup(entries)).find4(10 << 24), 2);
});

test('a table can stand anywhere in a buffer, and signed words equal unsigned ones', (t) => {
  const table = new Int32Array(compileLookup([{ prefix: prefix('192.168.0.0/16'), value: 3 }]));
  const buffer = new SharedArrayBuffer(table.byteLength + 64);
  new Int32Array(buffer).set(table, 16);
  const lookup = new Lookup(buffer, 64);
  t.is(lookup.find4(word(address('192.168.1.1'))), 3);
  t.is(lookup.find4(word(address('192.168.1.1')) >>> 0), 3);
  t.is(lookup.find4(word(address('192.169.1.1'))), -1);
  t.throws(() => new Lookup(buffer, 4));
});

test('a small network gets a small table', (t) => {
  const routes = Array.from({ length: 12 }, (_, i) => ({ prefix: prefix(`10.100.${i}.0/24`), value: i }));
  t.true(compileLookup(routes).byteLength < 1024);
});

test('a prefix that ends with the direct table needs no node, and equal neighbours share a leaf', (t) => {
  const halves = ['0.0.0.0/4', '128.0.0.0/4'].map((text, value) => ({ prefix: prefix(text), value }));
  t.is(compileLookup(halves).byteLength, (HEADER_WORDS + 16 + 4) * 4);
  const many = (numberOf: (i: number) => number) =>
    Array.from({ length: 512 }, (_, i) => ({
      prefix: prefixOf(Uint8Array.of(10, 0, i >> 4, (i & 15) << 4), 28),
      value: numberOf(i),
    })).concat({ prefix: prefix('128.0.0.0/1'), value: 0 });
  const [one, two] = [many(() => 1), many((i) => i & 1)].map((entries) => compileLookup(entries).byteLength);
  t.true(one < two);
});

function xorshift(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}
