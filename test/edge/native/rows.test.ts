import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { ENDPOINT_BYTES } from '../../../src/core/base/endpoint.js';
import * as rows from '../../../src/core/packet/rows.js';
import * as surface from '../../../src/edge/native.js';
import { buildPacket, plainHeaders } from './packets.js';
import { Rig } from './rig.js';

const { native, STAT, STAT_COUNT } = surface;
const EINVAL = -22;
const ALL_TUN = 15;

/** The integer constants of a C++ header. */
function constantsOf(file: string): Map<string, number> {
  const source = readFileSync(new URL(`../../../../native/${file}`, import.meta.url), 'utf8');
  const found = source.matchAll(/^constexpr \w+ (\w+) = (\d+);$/gm);
  return new Map([...found].map(([, name, value]) => [name, Number(value)]));
}

test('rows.h states what rows.ts states', (t) => {
  const native = constantsOf('rows.h');
  for (const [name, value] of Object.entries(rows)) t.is(native.get(name), value, name);
  const prefixes = /^(ROW|FLAG|GSO|VERDICT)_/;
  for (const name of native.keys())
    if (prefixes.test(name)) t.true(name in rows, `${name} is not in rows.ts`);
  t.is(native.get('SLOT_HEADROOM'), surface.SLOT_HEADROOM);
  t.is(surface.SLOT_HEADROOM + (native.get('SLOT_CAPACITY') ?? 0) + 256, surface.SLOT_BYTES);
  t.is(native.get('ENDPOINT_BYTES'), ENDPOINT_BYTES);
});

test('status.h states the counters and offloads of native.ts', (t) => {
  const native = constantsOf('status.h');
  const upper = (name: string) => `STAT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  for (const [name, value] of Object.entries(STAT)) t.is(native.get(upper(name)), value, name);
  t.is(native.get('STAT_COUNT'), STAT_COUNT);
  t.is([...native.keys()].filter((name) => name.startsWith('STAT_')).length, Object.keys(STAT).length + 1);
  const offloads = Object.entries(surface).filter(([name]) => /^(TUN|UDP)_OFFLOAD_/.test(name));
  t.is(offloads.length, 6);
  for (const [name, value] of offloads) t.is(native.get(name), value as number, name);
});

/** Calls that act on rows; each must refuse what does not fit and do nothing. */
const calls: [string, number, (rig: Rig, first: number, count: number) => number][] = [
  ['openBatch', rows.VERDICT_OPEN, (rig, first, count) => native().openBatch(rig.context, first, count)],
  ['sealSend', rows.VERDICT_SEAL, (rig, first, count) => native().sealSend(rig.context, first, count)],
  [
    'tunWrite',
    rows.VERDICT_LAN,
    (rig, first, count) =>
      native().tunWrite(rig.context, rig.fds[1], first, count, rows.VERDICT_LAN, ALL_TUN),
  ],
];

function rigWithSockets(): Rig {
  const rig = new Rig();
  rig.socket(0, 3);
  rig.fds.push(...native().testing.socketPair(4_000_000));
  rig.key(0);
  return rig;
}

for (const [name, verdict, call] of calls) {
  test(`${name} refuses rows outside the table and packets outside the arena, and does nothing`, (t) => {
    const rig = rigWithSockets();
    const packet = buildPacket(plainHeaders, new Uint8Array(100));
    const arena = rig.arena.length;
    const bad: [number, number][] = [
      [-1, 100],
      [rig.slot(0), -1],
      [arena, 1],
      [arena - 10, 11],
      [0x7fffffff, 100],
      [rig.slot(0), 0x7fffffff],
      [-0x80000000, 100],
      [rig.slot(0), -0x80000000],
      [0, 65_537],
    ];
    for (const [offset, length] of bad) {
      rig.row(0, packet, { [rows.ROW_VERDICT]: verdict });
      rig.row(1, packet, { [rows.ROW_VERDICT]: verdict }, rig.slot(1));
      rig.rows[rows.ROW_STRIDE] = offset;
      rig.rows[rows.ROW_STRIDE + 1] = length;
      const before = Buffer.from(rig.rows.buffer.slice(0, 4 * 2 * rows.ROW_STRIDE));
      t.is(call(rig, 0, 2), EINVAL, `${offset}+${length}`);
      t.deepEqual(Buffer.from(rig.rows.buffer.slice(0, 4 * 2 * rows.ROW_STRIDE)), before);
    }
    t.true(rig.stats.every((value) => value === 0));
    const table = rig.rows.length / rows.ROW_STRIDE;
    for (const [first, count] of [
      [-1, 1],
      [0, -1],
      [0, table + 1],
      [table, 1],
      [1, 0x7fffffff],
    ]) {
      t.is(call(rig, first, count), EINVAL, `rows ${first}+${count}`);
    }
    t.is(call(rig, table, 0), 0);
    rig.close();
  });

  test(`${name} survives any row`, (t) => {
    const rig = rigWithSockets();
    const value = fc.oneof(
      fc.nat({ max: 300 }),
      fc.integer(),
      fc.nat({ max: rig.arena.length + 100 }),
      fc.constantFrom(rig.arena.length - 16, rig.arena.length - 1),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 12, maxLength: 12 }), fc.boolean(), (fields, plain) => {
        rig.rows.fill(0, 0, rows.ROW_STRIDE).set(fields, 0);
        rig.rows[rows.ROW_VERDICT] = verdict;
        if (plain) rig.rows.fill(0, rows.ROW_GSO_TYPE, rows.ROW_PEER);
        const answer = call(rig, 0, 1);
        return answer === EINVAL || answer >= 0;
      }),
      { numRuns: 2000 },
    );
    rig.close();
    t.pass();
  });
}

test('a packet to be sealed needs room for its padding', (t) => {
  const rig = rigWithSockets();
  const packet = buildPacket(plainHeaders, new Uint8Array(1));
  for (const [room, answer] of [
    [15, EINVAL],
    [16, 1],
  ]) {
    const offset = rig.arena.length - packet.length - room;
    rig.row(0, packet, { [rows.ROW_VERDICT]: rows.VERDICT_SEAL }, offset);
    t.is(native().sealSend(rig.context, 0, 1), answer);
  }
  rig.close();
});

test('sessions and paths outside their tables are refused', (t) => {
  const rig = rigWithSockets();
  const packet = buildPacket(plainHeaders, new Uint8Array(100));
  for (const index of [-1, 8, 0x7fffffff, -0x80000000]) {
    rig.row(0, packet, { [rows.ROW_VERDICT]: rows.VERDICT_SEAL, [rows.ROW_SESSION]: index });
    t.is(native().sealSend(rig.context, 0, 1), EINVAL);
    rig.row(0, packet, { [rows.ROW_VERDICT]: rows.VERDICT_SEAL, [rows.ROW_PATH]: index });
    t.is(native().sealSend(rig.context, 0, 1), EINVAL);
    rig.row(0, packet, { [rows.ROW_VERDICT]: rows.VERDICT_OPEN, [rows.ROW_SESSION]: index });
    t.is(native().openBatch(rig.context, 0, 1), EINVAL);
    t.true(native().keyInstall(rig.context, index, new Uint8Array(32), new Uint8Array(32)) < 0);
    t.true(native().keyRemove(rig.context, index) < 0);
  }
  rig.close();
});

test('arguments of a wrong kind are refused without an exception', (t) => {
  const rig = rigWithSockets();
  const odd: unknown[] = [
    undefined,
    null,
    'x',
    {},
    [],
    Number.NaN,
    1.5,
    2 ** 40,
    -1,
    99,
    () => 0,
    10n,
    Symbol('s'),
  ];
  const functions = native() as unknown as Record<string, (...parameters: unknown[]) => unknown>;
  for (const name of [
    'socketSet',
    'keyInstall',
    'keyRemove',
    'tunRead',
    'tunWrite',
    'udpRecv',
    'openBatch',
    'sealSend',
  ]) {
    for (const value of odd) {
      t.is(functions[name](value, value, value, value, value, value), EINVAL, name);
    }
    for (const value of [undefined, 'x', 1.5, Number.NaN]) {
      t.is(functions[name](rig.context, value, value, value, value, value), EINVAL, name);
    }
    t.is(functions[name](), EINVAL);
  }
  for (const name of [
    'contextClose',
    'pollerClose',
    'wait',
    'datagramSend',
    'eventSignal',
    'closeFd',
    'sdNotify',
  ]) {
    for (const value of odd) if (value !== 'x') t.true((functions[name](value, value) as number) < 0, name);
  }
  for (const name of ['contextOpen', 'pollerOpen']) {
    for (const value of odd) t.throws(() => functions[name](value), { name: 'AssertionError' });
  }
  t.throws(() => functions['udpOpen']({}), { code: 'TS_SOCKET' });
  t.throws(() => functions['tunOpen']({}), { code: 'TS_DEVICE' });
  rig.close();
});

test('a context whose arrays do not fit each other is refused', (t) => {
  const good: surface.ContextOptions = {
    arena: new Uint8Array(surface.SLOT_BYTES * 2),
    rows: new Int32Array(16),
    udpSlots: 1,
    tunSlots: 1,
    sources: new Uint8Array(32),
    paths: new Uint8Array(32),
    sendCounter: new BigUint64Array(1),
    remoteIndex: new Uint32Array(1),
    stats: new Float64Array(STAT_COUNT),
    lanes: 0,
  };
  native().contextClose(native().contextOpen(good));
  const changes: Partial<Record<keyof surface.ContextOptions, unknown>>[] = [
    { arena: new Uint8Array(surface.SLOT_BYTES * 2 - 1) },
    { arena: new Int8Array(surface.SLOT_BYTES * 2) },
    { arena: new ArrayBuffer(surface.SLOT_BYTES * 2) },
    { rows: new Int32Array(17) },
    { rows: new Uint32Array(16) },
    { udpSlots: 2 },
    { tunSlots: -1 },
    { tunSlots: 1.5 },
    { sources: new Uint8Array(31) },
    { sendCounter: new Float64Array(1) },
    { stats: new Float64Array(STAT_COUNT - 1) },
    { stats: undefined },
  ];
  for (const change of changes) {
    const options = { ...good, ...change } as surface.ContextOptions;
    t.throws(() => native().contextOpen(options), { name: 'AssertionError' }, Object.keys(change)[0]);
  }
});

test('a closed context is refused, also after its place is taken again', (t) => {
  const first = new Rig();
  first.close();
  t.is(native().openBatch(first.context, 0, 0), EINVAL);
  const second = new Rig();
  t.not(second.context, first.context);
  t.is(native().openBatch(first.context, 0, 0), EINVAL);
  t.is(native().openBatch(second.context, 0, 0), 0);
  second.close();
});
