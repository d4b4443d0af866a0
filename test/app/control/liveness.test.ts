/**
 * Liveness against three kinds of peers: one that answers probes, plain WireGuard that owes nothing but a keepalive
 * within 10 s of data, and one that is dead. Time is virtual, in steps of the daemon's tick.
 */

import test from 'ava';
import { Liveness, SILENT_MS_MAX, SILENT_PLAIN_MS_MAX } from '../../../src/app/control/liveness.js';
import { createSharedTables } from '../../../src/app/control/tables.js';
import { CLUSTER_DEFAULTS } from '../../../src/core/cluster/settings.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { noteProbeAnswer, probeClockOf } from '../../../src/core/router/probe.js';
import type { Snapshot } from '../../../src/core/router/snapshot.js';

const TICK_MS = 100;
const KEEPALIVE_TIMEOUT_MS = 10_000;

function clockOf(packet: Uint8Array): number {
  const parsed = new Parsed();
  parsed.parse(packet, 0, packet.length);
  return probeClockOf(parsed);
}

type Behaviour = 'answers' | 'plain' | 'dead';

class Bench {
  readonly tables = createSharedTables(2, 2);
  readonly probes: number[] = [];
  readonly dials: number[] = [];
  readonly liveness: Liveness;
  behaviour: Behaviour;
  now = 1_000_000;
  rttMs = 20;
  #keepaliveAtMs = Number.POSITIVE_INFINITY;
  #answers: { readonly atMs: number; readonly packet: Uint8Array }[] = [];

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    const words = [1, 2, 3, 4] as const;
    const snapshot = { ownControl: words, peerControl: Int32Array.of(...words, ...words) };
    this.liveness = new Liveness({
      tables: this.tables,
      snapshot: () => snapshot as unknown as Snapshot,
      seal: (_, packet) => this.#sealed(packet),
      times: CLUSTER_DEFAULTS,
      dial: () => this.#dialled(),
      wake: () => {},
    });
    this.establish();
  }

  /** A handshake has just succeeded. */
  establish(slot = 3): void {
    const { sessions, peers } = this.tables;
    sessions.expiresAtMs[slot] = this.now + 180_000;
    peers.session[1] = slot;
    this.hear();
  }

  hear(): void {
    this.tables.peers.authenticatedReceivedAtMs[1] = this.now;
  }

  get up(): boolean {
    return this.liveness.isUp(1, this.now);
  }

  /** Lets time pass; returns how many ticks found the peer up. */
  run(durationMs: number): number {
    let ups = 0;
    for (const endMs = this.now + durationMs; this.now < endMs; this.now += TICK_MS) {
      if (this.behaviour !== 'dead' && this.now >= this.#keepaliveAtMs) {
        this.#keepaliveAtMs = Number.POSITIVE_INFINITY;
        this.hear();
      }
      // What the peer's own worker sends, and what ours sends to it.
      if (this.behaviour === 'answers' && this.tables.peers.pulseMs[1] > 0) this.hear();
      for (const { packet } of this.#answers.filter(({ atMs }) => atMs <= this.now)) {
        this.hear();
        noteProbeAnswer(this.tables.peers, 1, clockOf(packet), this.now);
      }
      this.#answers = this.#answers.filter(({ atMs }) => atMs > this.now);
      this.liveness.handleTimeout([{ number: 1 }], this.now);
      if (this.up) ups++;
    }
    return ups;
  }

  /** A live peer answers a handshake, whatever it knows of probes. */
  #dialled(): void {
    this.dials.push(this.now);
    if (this.behaviour !== 'dead') this.hear();
  }

  #sealed(packet: Uint8Array): void {
    this.probes.push(this.now);
    if (this.behaviour === 'answers') {
      const answer = packet.slice();
      answer[40] = 129;
      this.#answers.push({ atMs: this.now + this.rttMs, packet: answer });
    } else if (this.behaviour === 'plain') {
      this.#keepaliveAtMs = Math.min(this.#keepaliveAtMs, this.now + KEEPALIVE_TIMEOUT_MS);
    }
  }
}

test('a peer that answers is up all the time, left to the worker, and its round trip is known', (t) => {
  const bench = new Bench('answers');
  t.is(bench.run(60_000), 600);
  t.is(bench.probes.length, 1);
  const { pulseMs, silentAfterMs } = bench.tables.peers;
  t.deepEqual([pulseMs[1], silentAfterMs[1]], [CLUSTER_DEFAULTS.probeMs, CLUSTER_DEFAULTS.detectionMs]);
  t.deepEqual(bench.dials, []);
  t.true(bench.tables.peers.probeRttMs[1] >= 20 && bench.tables.peers.probeRttMs[1] <= 20 + TICK_MS);
});

test('a peer that has answered and falls silent is down after the detection time and dialled every 3.5 s', (t) => {
  const bench = new Bench('answers');
  bench.run(5_000);
  bench.behaviour = 'dead';
  bench.run(CLUSTER_DEFAULTS.detectionMs - 2 * TICK_MS);
  t.true(bench.up);
  bench.run(2 * TICK_MS);
  t.false(bench.up);
  bench.run(24_000);
  const gaps = bench.dials.slice(1).map((at, index) => at - bench.dials[index]);
  t.true(bench.dials.length >= 5 && gaps.every((gap) => gap === SILENT_MS_MAX));
  bench.behaviour = 'answers';
  bench.run(1_200);
  t.true(bench.up);
});

test('plain WireGuard that keeps quiet is asked once, and stays up for as long as its keepalives come', (t) => {
  const bench = new Bench('plain');
  t.is(bench.run(170_000), 1_700);
  t.is(bench.dials.length, 1);
  t.is(bench.tables.peers.probeRttMs[1], 0);
  const late = bench.probes.filter((at) => at > bench.now - 100_000);
  t.true(late.length >= 9 && late.length <= 11, 'probes become rare');
});

test('plain WireGuard that talks need not be asked', (t) => {
  const bench = new Bench('plain');
  for (let i = 0; i < 10; i++) {
    bench.run(500);
    bench.hear();
  }
  t.is(bench.run(20_000), 200);
  t.deepEqual(bench.dials, []);
});

test('a peer that dies before its first answer is down as soon as any other', (t) => {
  const bench = new Bench('dead');
  bench.run(SILENT_MS_MAX - TICK_MS);
  t.true(bench.up);
  bench.run(2 * TICK_MS);
  t.false(bench.up);
  bench.run(30_000);
  t.true(bench.dials.length >= 8 && bench.dials.length <= 12);
  bench.behaviour = 'answers';
  bench.run(5_000);
  t.true(bench.up);
});

test('one of ours that died before its first answer is known as such soon after it has come back', (t) => {
  const bench = new Bench('dead');
  bench.run(60_000);
  bench.behaviour = 'answers';
  bench.establish(4);
  bench.run(1_500);
  bench.behaviour = 'dead';
  bench.run(SILENT_MS_MAX + 1_000);
  t.false(bench.up);
});

test('plain WireGuard that dies is found out by the keepalive it owes', (t) => {
  const bench = new Bench('plain');
  bench.run(60_000);
  bench.behaviour = 'dead';
  const before = bench.dials.length;
  bench.run(SILENT_PLAIN_MS_MAX + TICK_MS);
  t.false(bench.up);
  t.true(bench.dials.length > before);
  bench.run(100_000);
  t.true(bench.dials.length - before <= 5, 'the protocol itself repeats its initiations');
});

test('a peer that comes to answer is judged by its answers from then on', (t) => {
  const bench = new Bench('plain');
  bench.run(40_000);
  bench.behaviour = 'answers';
  bench.run(11_000);
  t.is(bench.tables.peers.pulseMs[1], CLUSTER_DEFAULTS.probeMs);
  bench.behaviour = 'dead';
  bench.run(SILENT_MS_MAX + 1_000);
  t.false(bench.up);
});

test('a peer that is forgotten is unknown again', (t) => {
  const bench = new Bench('answers');
  bench.run(5_000);
  bench.behaviour = 'dead';
  bench.run(TICK_MS);
  bench.liveness.forget(1);
  t.is(bench.tables.peers.probeRttMs[1], 0);
  bench.behaviour = 'plain';
  bench.establish();
  t.is(bench.run(30_000), 300);
});

test('without a session nothing is probed or dialled, and an expired one is down', (t) => {
  const bench = new Bench('answers');
  bench.run(2_000);
  bench.tables.sessions.expiresAtMs[3] = bench.now;
  t.false(bench.up);
  bench.tables.peers.session[1] = -1;
  const before = bench.probes.length;
  bench.run(30_000);
  t.is(bench.probes.length, before);
  t.deepEqual(bench.dials, []);
});

test('an answer that cannot be ours, or comes too late, says nothing', (t) => {
  const bench = new Bench('plain');
  const { now } = bench;
  for (const sentAtMs of [now + 1, now - SILENT_MS_MAX - 1, Number.NaN, Number.NEGATIVE_INFINITY]) {
    noteProbeAnswer(bench.tables.peers, 1, sentAtMs, now);
  }
  bench.run(20_000);
  bench.now += SILENT_MS_MAX;
  t.true(bench.up, 'it is taken for plain');
  bench.behaviour = 'dead';
  noteProbeAnswer(bench.tables.peers, 1, bench.now - 10, bench.now);
  bench.liveness.handleTimeout([{ number: 1 }], bench.now);
  t.false(bench.up, 'it has answered, and was not heard for long');
  t.is(bench.tables.peers.probeRttMs[1], 10);
});
