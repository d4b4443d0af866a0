/** What a worker does for paths by itself: repeating, measuring, absorbing, answering, and news of silence. */
import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_PATH,
  ROW_PEER,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_CONTROL,
  VERDICT_DROP,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { BfdPacket } from '../../../src/core/path/bfd-packet.js';
import { BFD_CONTROL_PORT, BFD_ECHO_PORT, Envelope } from '../../../src/core/path/datagram.js';
import {
  BEAT_ABSORBS,
  BEAT_BYTES,
  BEAT_UP,
  BeatTable,
  PATHS_PER_PEER,
  pathSlotBytes,
  SLOTS_PER_ROW,
} from '../../../src/core/router/beat-table.js';
import { Beats } from '../../../src/core/router/beats.js';
import { RouterContext } from '../../../src/core/router/context.js';
import { CONTROL_ROWS, createRouterMemory, RouterMemory } from '../../../src/core/router/memory.js';
import { OUT_PATH, OUT_ROAMED, OUT_SILENCE } from '../../../src/core/router/outbox.js';
import { SnapshotView } from '../../../src/core/router/snapshot.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { address, checksumsRight } from '../../support/packets.js';
import { AWS_A, AWS_B, endpointOf, NOW, pathOf, RouterBench, rowOf, snapshot } from '../../support/router.js';

const OWN = address('fd00:1::63');
const ELSEWHERE = encodeEndpoint(Uint8Array.of(192, 0, 2, 7), 4_000, 1);

/** A control packet as the control thread makes it, whole. */
function control(peer: number, discriminator: number, incoming = false, your = 7): Uint8Array {
  const far = address(`fd00:1::${peer + 1}`);
  const envelope = incoming
    ? new Envelope(far, OWN, 50_000, BFD_CONTROL_PORT)
    : new Envelope(OWN, far, 50_000, BFD_CONTROL_PORT);
  const packet = new BfdPacket();
  Object.assign(packet, { state: 3, multiplier: 4, myDiscriminator: discriminator });
  packet.yourDiscriminator = your;
  const bytes = new Uint8Array(BEAT_BYTES);
  packet.encode(bytes, envelope.headerBytes);
  envelope.close(bytes, 0, 24);
  return bytes;
}

/** What a settled path's peer says. */
function heard(peer: number, row: number): Uint8Array {
  return control(peer, 500 + row, true, 1_000 + row);
}

interface PathPlan {
  readonly intervalMs?: number;
  readonly detectionMs?: number;
  readonly echoMs?: number;
  readonly flags?: number;
}

/** Gives path `k` of `peer` a row: settled, as the control thread leaves it. */
function settle(bench: RouterBench, peer: number, k: number, plan: PathPlan = {}): number {
  const { beats, paths, sessions } = bench.tables;
  const row = rowOf(peer, k);
  const slot = pathOf(peer, k);
  if (k > 0) paths.set(encodeEndpoint(Uint8Array.of(203, 0, 113, 100 + peer), 51820, k), slot * 32);
  beats.intervalMs[row] = plan.intervalMs ?? 75;
  beats.jitterMin[row] = 0.75;
  beats.jitterMax[row] = 1;
  beats.echoMs[row] = plan.echoMs ?? Number.POSITIVE_INFINITY;
  beats.echoLostAfterMs[row] = 500;
  beats.detectionMs[row] = plan.detectionMs ?? Number.POSITIVE_INFINITY;
  beats.flags[row] = plan.flags ?? BEAT_ABSORBS | BEAT_UP;
  beats.discriminator[row] = 1_000 + row;
  beats.slot[row] = slot;
  beats.publish(row, control(peer, 1_000 + row), 0, heard(peer, row).subarray(48));
  beats.nextAtMs[row] = NOW;
  beats.schedule[row] += 1;
  beats.mask[peer] |= 1 << k;
  sessions.expiresAtMs[peer] = NOW + 1e9;
  return row;
}

/** The control rows that a fill has written. */
function sent(bench: RouterBench, count: number) {
  const { rows, arena, controlRow } = bench.memory;
  return Array.from({ length: count }, (_, index) => {
    const at = (controlRow + index) * ROW_STRIDE;
    const packet = arena.slice(rows[at + ROW_OFFSET], rows[at + ROW_OFFSET] + rows[at + ROW_LENGTH]);
    return { peer: rows[at + ROW_PEER], path: rows[at + ROW_PATH], verdict: rows[at + ROW_VERDICT], packet };
  });
}

const portOf = (packet: Uint8Array): number => (packet[42] << 8) | packet[43];

function told(bench: RouterBench, type: number): string[] {
  const lines: string[] = [];
  const { outbox } = bench.memory;
  for (; outbox.next(); outbox.release()) {
    if (outbox.type === type) lines.push(`${outbox.argument} ${outbox.argument2}`);
  }
  return lines;
}

test('paths repeat their packet within 75–100 % of the interval, and share wake-ups', (t) => {
  const bench = new RouterBench();
  const { beats } = bench.router;
  const rows = [settle(bench, AWS_A, 0), settle(bench, AWS_A, 1), settle(bench, AWS_B, 0)];
  const times = new Map<number, number[]>();
  let wakes = 0;
  for (let now = NOW; now < NOW + 75_000; now += 1) {
    bench.router.now = now;
    if (now < beats.dueAtMs) continue;
    const count = beats.fill();
    if (count > 0) wakes++;
    for (const { peer, path, verdict, packet } of sent(bench, count)) {
      const row = path >> 1;
      t.is(verdict, VERDICT_SEAL);
      t.deepEqual(packet, control(peer, 1_000 + row));
      t.is(bench.tables.beats.repeatedAtMs[row], now);
      times.set(row, [...(times.get(row) ?? []), now]);
    }
  }
  for (const row of rows) {
    const at = times.get(row) ?? [];
    const gaps = at.slice(1).map((time, index) => time - at[index]);
    t.true(
      gaps.every((gap) => gap >= 56 && gap <= 76),
      `${Math.min(...gaps)}–${Math.max(...gaps)}`,
    );
    // The middle of the range and half of this test's clock; the shortest of three chances would be 61.
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    t.true(mean > 64.5 && mean < 67.5, `${mean} on average`);
  }
  const packets = [...times.values()].flat().length;
  t.true(wakes < packets / 2.5, `${wakes} wake-ups for ${packets} packets`);
});

test('what is rescheduled goes at its time, and what is stopped goes no more', (t) => {
  const bench = new RouterBench();
  const row = settle(bench, AWS_A, 0);
  const { beats } = bench.router;
  const { beats: table } = bench.tables;
  const at = (now: number): number => {
    bench.router.now = now;
    return beats.fill();
  };
  t.is(at(NOW), 1);
  table.nextAtMs[row] = NOW + 10;
  table.schedule[row] += 1;
  t.is(at(NOW + 9), 0);
  t.is(beats.dueAtMs, NOW + 10);
  t.is(at(NOW + 10), 1);
  table.intervalMs[row] = Number.POSITIVE_INFINITY;
  table.nextAtMs[row] = Number.POSITIVE_INFINITY;
  table.schedule[row] += 1;
  t.is(at(NOW + 10_000), 0);
  t.is(beats.dueAtMs, Number.POSITIVE_INFINITY);
});

test('silence of each path and its end are told once; a pause of the process is none', (t) => {
  const bench = new RouterBench();
  const row = settle(bench, AWS_A, 0, { detectionMs: 300, intervalMs: Number.POSITIVE_INFINITY });
  const { beats } = bench.router;
  const { beats: table } = bench.tables;
  const at = (now: number): string[] => {
    bench.router.now = now;
    beats.fill();
    return told(bench, OUT_SILENCE);
  };
  table.basisAtMs[row] = NOW;
  t.deepEqual(at(NOW + 299), []);
  t.is(beats.dueAtMs, NOW + 300);
  t.deepEqual(at(NOW + 300), [`${AWS_A} 1`]);
  t.deepEqual(at(NOW + 900), []);
  table.heardAtMs[row] = NOW + 950;
  t.deepEqual(at(NOW + 960), [`${AWS_A} 0`]);
  table.flags[row] = BEAT_ABSORBS;
  t.deepEqual(at(NOW + 970), [`${AWS_A} 1`], 'while not Up only BFD counts');
  table.absorbedAtMs[row] = NOW + 980;
  t.deepEqual(at(NOW + 981), [`${AWS_A} 0`]);
  bench.router.now = NOW + 5_000;
  beats.handlePause();
  t.deepEqual(at(NOW + 5_000), []);
  t.is(beats.dueAtMs, NOW + 5_020);
  t.deepEqual(at(NOW + 5_020), [`${AWS_A} 1`]);
});

test('expected packets from the path’s own place are absorbed; all others are handed on with their place', (t) => {
  const bench = new RouterBench();
  const row = settle(bench, AWS_A, 0);
  const { beats: table } = bench.tables;
  const known = heard(AWS_A, row);
  t.is(bench.fromPeer(AWS_A, known, 0).verdict, VERDICT_DROP);
  t.deepEqual([table.absorbedAtMs[row], table.heardAtMs[row]], [NOW, NOW]);
  t.false(bench.memory.outbox.waiting);
  const other = control(AWS_A, 77, true);
  t.is(bench.fromPeer(AWS_A, other, 1).verdict, VERDICT_CONTROL);
  t.true(bench.memory.outbox.next());
  t.deepEqual([bench.memory.outbox.type, bench.memory.outbox.argument], [OUT_PATH, AWS_A]);
  t.deepEqual(bench.memory.outbox.payload.slice(), Uint8Array.from([...endpointOf(AWS_A), ...other]));
  bench.memory.outbox.release();
  const second = settle(bench, AWS_A, 1);
  t.is(bench.fromPeer(AWS_A, heard(AWS_A, second), 10).verdict, VERDICT_CONTROL, 'not its place');
  bench.memory.outbox.next();
  bench.memory.outbox.release();
  bench.tables.paths.copyWithin(pathOf(AWS_A, 1) * 32, pathOf(AWS_A) * 32, (pathOf(AWS_A) + 1) * 32);
  t.is(bench.fromPeer(AWS_A, heard(AWS_A, second), 11).verdict, VERDICT_DROP, 'two sessions of one place');
  t.is(table.absorbedAtMs[second], NOW);
  table.mask[AWS_A] = 1;
  table.pinned[AWS_A] = 1;
  table.heardAtMs[row] = 0;
  t.is(bench.fromPeer(AWS_A, known, 2, ELSEWHERE).verdict, VERDICT_CONTROL);
  t.is(table.heardAtMs[row], 0);
  t.deepEqual(told(bench, OUT_PATH), [`${AWS_A} 0`]);
  table.flags[row] = BEAT_UP;
  t.is(bench.fromPeer(AWS_A, known, 3).verdict, VERDICT_CONTROL);
  t.is(bench.fromPeer(AWS_B, known, 0).reason, 'reverse-path');
  const forwarded = known.slice();
  forwarded[7] = 254;
  table.flags[row] = BEAT_ABSORBS;
  t.is(bench.fromPeer(AWS_A, forwarded, 4).verdict, VERDICT_CONTROL, 'the control thread refuses it');
});

test('a peer without a working path roams, but not by probes; one with a path stays where it is', (t) => {
  const bench = new RouterBench();
  settle(bench, AWS_A, 0);
  const data = new Uint8Array(BEAT_BYTES);
  data.set(control(AWS_A, 9, true));
  data[43] = 99;
  bench.fromPeer(AWS_A, control(AWS_A, 9, true), 0, ELSEWHERE);
  t.deepEqual(told(bench, OUT_ROAMED), []);
  bench.fromPeer(AWS_A, data, 1, ELSEWHERE);
  t.deepEqual(told(bench, OUT_ROAMED), [`${AWS_A} ${AWS_A}`]);
  bench.tables.beats.pinned[AWS_A] = 1;
  bench.fromPeer(AWS_A, data, 2, ELSEWHERE);
  t.deepEqual(told(bench, OUT_ROAMED), []);
});

test('echo packets go with control packets, are measured when they come back, and else are lost', (t) => {
  const bench = new RouterBench();
  const row = settle(bench, AWS_A, 1, { echoMs: 200 });
  const { beats } = bench.router;
  const { beats: table } = bench.tables;
  let counter = 0;
  let asked = 0;
  for (let now = NOW; now < NOW + 20_000; now += 1) {
    bench.router.now = now;
    if (now < beats.dueAtMs) continue;
    for (const { packet, path } of sent(bench, beats.fill())) {
      if (portOf(packet) !== BFD_ECHO_PORT) continue;
      t.is(path, pathOf(AWS_A, 1));
      t.true(checksumsRight(packet));
      asked++;
      if (asked % 2 === 0) continue;
      // What the peer makes of it.
      packet[7] = 254;
      packet.set(address('fd00:1::1'), 8);
      packet.set(OWN, 24);
      bench.router.now = now + 30;
      t.is(bench.fromPeer(AWS_A, packet, counter++).verdict, VERDICT_DROP);
      t.is(table.echoRttMs[row], 30);
      bench.fromPeer(AWS_A, packet, counter++);
      bench.router.now = now;
    }
  }
  t.true(asked >= 20_000 / 275 - 1 && asked <= 101, `${asked} in 20 s`);
  t.is(table.echoAnswered[row], Math.ceil(asked / 2), 'each counts once');
  t.true(Math.abs(table.echoLost[row] - asked / 2) <= 3, 'the last ones may still come');
});

test('the answer to a question of the control thread is handed on with the place that it came from', (t) => {
  const bench = new RouterBench();
  settle(bench, AWS_A, 0);
  const { beats: table } = bench.tables;
  const answer = control(AWS_A, 1, true).subarray(0, 64);
  answer[48] = 0x77;
  new Envelope(address('fd00:1::1'), OWN, 50_000, BFD_ECHO_PORT).close(answer, 0, 16);
  answer[7] = 254;
  const second = encodeEndpoint(Uint8Array.of(203, 0, 113, 99), 51820, 1);
  t.is(bench.fromPeer(AWS_A, answer, 0, second).verdict, VERDICT_CONTROL);
  t.true(bench.memory.outbox.next());
  t.deepEqual([bench.memory.outbox.type, bench.memory.outbox.argument], [OUT_PATH, AWS_A]);
  t.deepEqual(bench.memory.outbox.payload.slice(), Uint8Array.from([...second, ...answer]));
  bench.memory.outbox.release();
  table.discriminator[rowOf(AWS_A)] = 0x7700_0000 + ((answer[49] << 16) | (answer[50] << 8) | answer[51]);
  t.is(bench.fromPeer(AWS_A, answer, 1, second).verdict, VERDICT_DROP, 'a path measures it');
});

test('an echo packet of the peer goes back by the path that it came by', (t) => {
  const bench = new RouterBench();
  settle(bench, AWS_A, 0);
  settle(bench, AWS_A, 1);
  const ask = control(AWS_A, 1, true);
  new Envelope(address('fd00:1::1'), OWN, 50_000, BFD_ECHO_PORT).close(ask, 0, 24);
  const second = bench.tables.paths.slice(pathOf(AWS_A, 1) * 32, (pathOf(AWS_A, 1) + 1) * 32);
  const { rows } = bench.memory;
  for (const [counter, from, path] of [
    [0, second, pathOf(AWS_A, 1)],
    [1, endpointOf(AWS_A), pathOf(AWS_A)],
    [2, ELSEWHERE, pathOf(AWS_A)],
  ] as const) {
    const answer = bench.fromPeer(AWS_A, ask, counter, from);
    t.is(answer.verdict, VERDICT_SEAL);
    t.is(rows[ROW_PATH], path);
    t.deepEqual([...answer.packet.slice(24, 40)], [...address('fd00:1::1')]);
    t.is(answer.packet[7], 254);
  }
});

test('more paths than control rows are served in several fills, each once', (t) => {
  const capacity = 3 * CONTROL_ROWS - 5;
  const parts = { batchRows: 8, slotBytes: 70_000, sourceCount: 4, peerCapacity: capacity, ringBytes: 8192 };
  const memory = new RouterMemory(createRouterMemory(parts));
  const peers = PeerTable.create(capacity);
  const sessions = SessionTable.create(1);
  const beats = BeatTable.create(capacity, capacity);
  peers.session.fill(0);
  sessions.expiresAtMs[0] = NOW + 1000;
  for (let peer = 0; peer < capacity; peer++) {
    const row = capacity - 1 - peer;
    beats.rowAt[peer * PATHS_PER_PEER] = row;
    beats.mask[peer] = 1;
    beats.slot[row] = row * SLOTS_PER_ROW;
    beats.intervalMs[row] = 75;
    beats.jitterMin[row] = 1;
    beats.jitterMax[row] = 1;
    beats.nextAtMs[row] = NOW;
    beats.schedule[row] = 1;
    beats.echoMs[row] = Number.POSITIVE_INFINITY;
    beats.detectionMs[row] = Number.POSITIVE_INFINITY;
  }
  const paths = new Uint8Array(new SharedArrayBuffer(pathSlotBytes(beats)));
  const tables = { sessions, peers, beats, paths, available: new Int32Array(4), era: new Int32Array(1) };
  const peerControl = new Int32Array(capacity * 4);
  const context = new RouterContext(memory, tables, new SnapshotView({ ...snapshot(), peerControl }));
  context.now = NOW;
  const worker = new Beats(context, 1);
  let total = 0;
  let fills = 0;
  do {
    const count = worker.fill();
    t.true(count <= CONTROL_ROWS);
    total += count;
    fills++;
  } while (worker.unfinished);
  t.is(total, capacity);
  t.true(fills >= 3);
  t.is(worker.fill(), 0);
});
