/** What a worker sends by itself: the pace of pulses and probes, what the peer makes of them, and news of silence. */
import test from 'ava';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_PEER,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { RouterContext } from '../../../src/core/router/context.js';
import { CONTROL_ROWS, createRouterMemory, RouterMemory } from '../../../src/core/router/memory.js';
import { OUT_SILENCE } from '../../../src/core/router/outbox.js';
import { Pulses } from '../../../src/core/router/pulses.js';
import { SnapshotView } from '../../../src/core/router/snapshot.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { checksumsRight } from '../../support/packets.js';
import { AWS_A, AWS_B, NOW, RouterBench, snapshot } from '../../support/router.js';

const PULSE_BYTES = 40;

/** The control rows that `fill` has written. */
function sent(bench: RouterBench, count: number) {
  const { rows, arena, controlRow } = bench.memory;
  return Array.from({ length: count }, (_, index) => {
    const at = (controlRow + index) * ROW_STRIDE;
    const packet = arena.slice(rows[at + ROW_OFFSET], rows[at + ROW_OFFSET] + rows[at + ROW_LENGTH]);
    return { peer: rows[at + ROW_PEER], verdict: rows[at + ROW_VERDICT], packet };
  });
}

function silences(bench: RouterBench): string[] {
  const told: string[] = [];
  const { outbox } = bench.memory;
  for (; outbox.next(); outbox.release()) {
    if (outbox.type === OUT_SILENCE)
      told.push(`${outbox.argument} ${outbox.argument2 === 1 ? 'silent' : 'heard'}`);
  }
  return told;
}

test('peers of one pace get their signs of life together, every sixteenth a probe', (t) => {
  const bench = new RouterBench();
  const { peers } = bench.tables;
  const { pulses } = bench.router;
  for (const peer of [AWS_A, AWS_B]) {
    peers.pulseMs[peer] = 75;
    peers.silentAfterMs[peer] = 300;
    bench.tables.sessions.expiresAtMs[peer] = NOW + 10_000;
  }
  const lengths: number[] = [];
  for (let now = NOW; now < NOW + 75 * 20; now += 5) {
    bench.router.now = now;
    for (const peer of [AWS_A, AWS_B]) peers.authenticatedReceivedAtMs[peer] = now;
    const before = pulses.dueAtMs;
    const count = pulses.fill();
    t.true(count === 0 || (count === 2 && now >= before), 'never before its time, never one alone');
    if (count === 0) continue;
    const packets = sent(bench, count);
    t.deepEqual(
      packets.map(({ peer, verdict }) => [peer, verdict]),
      [
        [AWS_A, VERDICT_SEAL],
        [AWS_B, VERDICT_SEAL],
      ],
    );
    t.true(packets.every(({ packet }) => packet.length === PULSE_BYTES || checksumsRight(packet)));
    lengths.push(packets[0].packet.length);
    t.is(pulses.dueAtMs, (Math.floor(now / 75) + 1) * 75);
  }
  t.is(lengths.length, 21, 'at once, then twenty times in 1,500 ms');
  t.deepEqual(
    lengths.flatMap((length, index) => (length === PULSE_BYTES ? [] : [index])),
    [0, 16],
  );
  t.deepEqual(silences(bench), []);
});

test('a pulse to our control address moves the clock and goes nowhere; a forged one is refused', (t) => {
  const bench = new RouterBench();
  const pulse = new Uint8Array(PULSE_BYTES);
  new DataView(pulse.buffer).setUint32(0, 0x6000_0000);
  pulse.set([59, 64], 6);
  pulse.set([0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, AWS_A + 1], 8);
  pulse.set([0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99], 24);
  const taken = bench.fromPeer(AWS_A, pulse, 0);
  t.is(taken.reason, 'none');
  t.deepEqual(taken.replies, []);
  t.is(bench.tables.peers.authenticatedReceivedAtMs[AWS_A], NOW);
  t.false(bench.memory.outbox.waiting);
  t.is(bench.fromPeer(AWS_B, pulse, 0).reason, 'reverse-path');
});

test('silence and its end are told once each, at their time', (t) => {
  const bench = new RouterBench();
  const { peers } = bench.tables;
  const { pulses } = bench.router;
  peers.pulseMs[AWS_A] = 75;
  peers.silentAfterMs[AWS_A] = 300;
  peers.authenticatedReceivedAtMs[AWS_A] = NOW;
  const at = (now: number): string[] => {
    bench.router.now = now;
    pulses.fill();
    return silences(bench);
  };
  t.deepEqual(at(NOW), []);
  t.deepEqual(at(NOW + 299), []);
  t.is(pulses.dueAtMs, NOW + 300, 'the silence is due before the next pulse');
  t.deepEqual(at(NOW + 300), [`${AWS_A} silent`]);
  t.deepEqual(at(NOW + 900), []);
  peers.authenticatedReceivedAtMs[AWS_A] = NOW + 950;
  t.deepEqual(at(NOW + 960), [`${AWS_A} heard`]);
  peers.pulseMs[AWS_A] = 0;
  t.deepEqual(at(NOW + 5000), []);
  t.is(pulses.dueAtMs, Number.POSITIVE_INFINITY);
});

test('more peers than control rows are served in several fills, each once', (t) => {
  const capacity = 3 * CONTROL_ROWS - 5;
  const parts = { batchRows: 8, slotBytes: 70_000, sourceCount: 4, peerCapacity: capacity, ringBytes: 8192 };
  const memory = new RouterMemory(createRouterMemory(parts));
  const peers = PeerTable.create(capacity);
  const sessions = SessionTable.create(1);
  peers.session.fill(0);
  peers.path.fill(0);
  peers.pulseMs.fill(75);
  peers.silentAfterMs.fill(300);
  sessions.expiresAtMs[0] = NOW + 1000;
  const tables = {
    sessions,
    peers,
    paths: new Uint8Array(32),
    available: new Int32Array(4),
    era: new Int32Array(1),
  };
  const peerControl = new Int32Array(capacity * 4);
  const context = new RouterContext(memory, tables, new SnapshotView({ ...snapshot(), peerControl }));
  context.now = NOW;
  const pulses = new Pulses(context);
  const counts = [pulses.fill(), pulses.fill(), pulses.fill(), pulses.fill()];
  t.deepEqual(counts, [CONTROL_ROWS, CONTROL_ROWS, CONTROL_ROWS - 5, 0]);
  t.true(memory.outbox.waiting, 'nobody has spoken yet');
});
