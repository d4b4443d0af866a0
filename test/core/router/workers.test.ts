/** What one of several workers leaves to the others: their peers' messages, which it hands over, and their beats. */
import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { clearRow } from '../../../src/core/packet/clear-row.js';
import { DROP } from '../../../src/core/packet/drop.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_SESSION,
  ROW_SOURCE,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_CONTROL,
  VERDICT_DROP,
  VERDICT_OPEN,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { BEAT_BYTES } from '../../../src/core/router/beat-table.js';
import { CONTROL_BYTES, CONTROL_ROWS } from '../../../src/core/router/memory.js';
import { IN_SEAL, IN_STRAY, OUT_DATAGRAM, OUT_STRAY } from '../../../src/core/router/outbox.js';
import { NOW, pathOf, RouterBench, rowOf } from '../../support/router.js';

const FROM = encodeEndpoint(Uint8Array.of(192, 0, 2, 9), 4711, 3);
const AT = 1_000;

/** A transport message for the session of `peer` (its slot has its number), `length` bytes long. */
function message(peer: number, length = 48): Uint8Array {
  const bytes = new Uint8Array(length).fill(peer + 1);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, 0x10000 + peer, true);
  return bytes;
}

/** What the worker makes of a datagram that it has received. */
function receive(bench: RouterBench, bytes: Uint8Array): number {
  bench.memory.sources.set(FROM);
  bench.memory.arena.set(bytes, AT);
  clearRow(bench.memory.rows, 0, AT, bytes.length);
  bench.router.handleDatagrams(0, 1);
  return bench.memory.rows[ROW_VERDICT];
}

test('a message of another worker is handed over whole, and that one takes it as if it had received it', (t) => {
  const [first, second] = [0, 1].map((worker) => new RouterBench({}, { worker, workers: 2 }));
  for (let peer = 0; peer < 4; peer++) {
    const [own, other] = peer % 2 === 0 ? [first, second] : [second, first];
    t.is(receive(own, message(peer)), VERDICT_OPEN);
    t.is(receive(other, message(peer)), VERDICT_CONTROL);
    const { outbox } = other.memory;
    t.true(outbox.next());
    t.deepEqual([outbox.type, outbox.argument], [OUT_STRAY, peer]);
    t.true(own.memory.inbox.push(IN_STRAY, 0, 0, outbox.payload, 0, outbox.payload.length));
    outbox.release();
    t.false(outbox.waiting);
    t.is(own.router.handleInbox(), 0);
    t.is(own.router.handleStrays(), 1);
    t.false(own.memory.inbox.waiting);
    own.router.handleDatagrams(own.router.controlRow, 1);
    const row = own.memory.rows.subarray(own.router.controlRow * ROW_STRIDE);
    t.deepEqual([row[ROW_VERDICT], row[ROW_SESSION]], [VERDICT_OPEN, peer]);
    t.deepEqual(own.memory.arena.slice(row[ROW_OFFSET], row[ROW_OFFSET] + row[ROW_LENGTH]), message(peer));
    t.deepEqual(own.memory.sources.slice(row[ROW_SOURCE] * 32, (row[ROW_SOURCE] + 1) * 32), FROM);
  }
});

test('a worker alone opens all, and any takes handshakes', (t) => {
  const alone = new RouterBench();
  for (let peer = 0; peer < 4; peer++) t.is(receive(alone, message(peer)), VERDICT_OPEN);
  const second = new RouterBench({}, { worker: 1, workers: 2 });
  t.is(receive(second, Uint8Array.of(1, ...new Uint8Array(147))), VERDICT_CONTROL);
  t.true(second.memory.outbox.next());
  t.is(second.memory.outbox.type, OUT_DATAGRAM);
});

test('what belongs to no session, or finds no room, is dropped and counted here', (t) => {
  const bench = new RouterBench({}, { worker: 0, workers: 2 });
  const unknown = message(1);
  unknown[7] ^= 1;
  t.is(receive(bench, unknown), VERDICT_DROP);
  t.is(bench.memory.drops[DROP['unknown-session']], 1);
  t.is(receive(bench, message(1, CONTROL_BYTES + 1)), VERDICT_DROP);
  t.is(bench.memory.drops[DROP['control-queue-full']], 1);
  while (receive(bench, message(1, 2_000)) === VERDICT_CONTROL);
  t.is(bench.memory.drops[DROP['control-queue-full']], 2);
});

test('packets to seal and strays share an inbox, in their order', (t) => {
  const { memory, router } = new RouterBench({}, { worker: 1, workers: 2 });
  const stray = new Uint8Array([...FROM, ...message(1)]);
  const kinds = [IN_SEAL, IN_STRAY, IN_STRAY, IN_SEAL, IN_SEAL, IN_STRAY];
  for (const kind of kinds) memory.inbox.push(kind, 1, 0, stray, 0, stray.length);
  const taken: number[] = [];
  while (memory.inbox.waiting) taken.push(router.handleInbox(), router.handleStrays());
  t.deepEqual(taken, [1, 2, 2, 1]);
  for (let i = 0; i < 3; i++) memory.inbox.push(IN_SEAL, 1, 0, stray, 0, 40);
  t.is(router.handleInbox(), 3);
  t.is(memory.rows[router.controlRow * ROW_STRIDE + ROW_VERDICT], VERDICT_SEAL);
});

test('each peer is beaten for by one worker, whatever their number', (t) => {
  for (const workers of [1, 2, 3, 4]) {
    const beaten: number[] = [];
    for (let worker = 0; worker < workers; worker++) {
      const bench = new RouterBench({}, { worker, workers });
      const { beats, sessions } = bench.tables;
      for (let peer = 0; peer < 4; peer++) {
        const row = rowOf(peer);
        sessions.expiresAtMs[peer] = NOW + 10_000;
        beats.mask[peer] = 1;
        beats.slot[row] = pathOf(peer);
        beats.intervalMs[row] = 75;
        beats.jitterMin[row] = 1;
        beats.jitterMax[row] = 1;
        beats.nextAtMs[row] = NOW;
        beats.schedule[row] = 1;
        beats.echoMs[row] = Number.POSITIVE_INFINITY;
        beats.detectionMs[row] = Number.POSITIVE_INFINITY;
      }
      for (const now of [NOW, NOW + 100]) {
        bench.router.now = now;
        const count = bench.router.beats.fill();
        t.true(count <= CONTROL_ROWS && !bench.router.beats.unfinished);
        for (let i = 0; i < count; i++) {
          const row = bench.memory.rows.subarray((bench.router.controlRow + i) * ROW_STRIDE);
          t.is(row[ROW_LENGTH], BEAT_BYTES);
          t.is(row[ROW_SESSION] % workers, worker);
          beaten.push(row[ROW_SESSION]);
        }
      }
    }
    t.deepEqual(beaten.sort(), [0, 0, 1, 1, 2, 2, 3, 3]);
  }
});
