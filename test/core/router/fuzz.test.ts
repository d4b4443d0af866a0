/** Anything at all may be in a packet or a datagram: no exception, and every refusal is counted with its reason. */
import test from 'ava';
import fc from 'fast-check';
import { clearRow } from '../../../src/core/packet/clear-row.js';
import { DROP } from '../../../src/core/packet/drop.js';
import {
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_REASON,
  ROW_SESSION,
  ROW_VERDICT,
  VERDICT_CONTROL,
  VERDICT_DROP,
  VERDICT_OPEN,
} from '../../../src/core/packet/rows.js';
import { icmpError, ip, tcp, udp } from '../../support/packets.js';
import { AWS_A, RouterBench } from '../../support/router.js';

const DATA = Uint8Array.from({ length: 64 }, (_, i) => i);
const inner = ip({
  source: '10.100.100.15',
  destination: '172.16.10.15',
  protocol: 17,
  payload: udp(1, 2, DATA),
});
const SEEDS = [
  ip({
    source: '172.16.10.15',
    destination: '10.100.100.15',
    protocol: 6,
    payload: tcp(1, 2, 2, [2, 4, 5, 180], DATA),
  }),
  ip({ source: '172.16.10.15', destination: '10.100.100.15', protocol: 17, payload: udp(1, 2, DATA) }),
  ip({ source: '172.16.10.1', destination: '10.100.100.15', protocol: 1, payload: icmpError(3, 1, inner) }),
  ip({ source: 'fd00:10::15', destination: 'fd10:100::15', protocol: 17, payload: udp(1, 2, DATA) }),
  ip({ source: '10.100.100.15', destination: '10.100.10.15', protocol: 17, payload: udp(1, 2, DATA) }),
];

/** A packet that was good once, with some bytes changed and perhaps cut; or plain noise. */
const packets = fc.oneof(
  fc
    .record({
      seed: fc.constantFrom(...SEEDS),
      edits: fc.array(fc.tuple(fc.nat(199), fc.nat(255)), { maxLength: 6 }),
      cut: fc.nat(200),
    })
    .map(({ seed, edits, cut }) => {
      const bytes = Uint8Array.from(seed);
      for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
      return bytes.subarray(0, cut < bytes.length ? cut : bytes.length);
    }),
  fc.uint8Array({ maxLength: 300 }),
);

function totalDrops(bench: RouterBench): number {
  return bench.memory.drops.reduce((total, count) => total + count, 0);
}

test('packets from the LAN', (t) => {
  const bench = new RouterBench();
  fc.assert(
    fc.property(
      packets,
      fc.integer(),
      fc.integer(),
      fc.nat(255),
      fc.nat(65535),
      (packet, flags, start, type, size) => {
        const before = totalDrops(bench);
        const outcome = bench.fromLan(packet, {
          [ROW_FLAGS]: flags,
          [ROW_CSUM_START]: start & 0xffff,
          [ROW_GSO_TYPE]: type,
          [ROW_GSO_SIZE]: size,
        });
        const dropped = outcome.verdict === VERDICT_DROP;
        return dropped === (outcome.reason !== 'none') && totalDrops(bench) - before === (dropped ? 1 : 0);
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

test('packets from a peer', (t) => {
  const bench = new RouterBench();
  let counter = 0;
  fc.assert(
    fc.property(packets, (packet) => {
      const before = totalDrops(bench);
      const outcome = bench.fromPeer(AWS_A, packet, counter++);
      const silent = packet.length === 0;
      const dropped = outcome.verdict === VERDICT_DROP && !silent;
      // The outbox is drained, as the control thread would.
      while (bench.memory.outbox.next()) bench.memory.outbox.release();
      return dropped === (outcome.reason !== 'none') && totalDrops(bench) - before === (dropped ? 1 : 0);
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('datagrams', (t) => {
  const bench = new RouterBench();
  const { memory, router } = bench;
  const datagrams = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(
        fc.constantFrom(0, 1, 2, 3, 4, 5, 255),
        fc.nat(7),
        fc.uint8Array({ minLength: 24, maxLength: 160 }),
      )
      .map(([type, slot, rest]) => Uint8Array.from([type, 0, 0, 0, slot, 0, 1, 0, ...rest])),
  );
  fc.assert(
    fc.property(datagrams, (datagram) => {
      memory.arena.set(datagram, 256);
      clearRow(memory.rows, 0, 256, datagram.length);
      router.handleDatagrams(0, 1);
      while (memory.outbox.next()) memory.outbox.release();
      const verdict = memory.rows[ROW_VERDICT];
      if (verdict === VERDICT_OPEN) return memory.rows[ROW_SESSION] < 4 && datagram[0] === 4;
      if (verdict === VERDICT_CONTROL) return datagram[0] >= 1 && datagram[0] <= 3;
      return verdict === VERDICT_DROP && memory.rows[ROW_REASON] !== 0;
    }),
    { numRuns: 3000 },
  );
  t.true(memory.drops[DROP['unknown-session']] > 0);
});
