/**
 * Liveness against three kinds of peers: one that speaks BFD, plain WireGuard that owes nothing but a keepalive within 10 s
 * of data, and one that is dead. Time is virtual, in steps of the daemon's tick.
 */

import test from 'ava';
import { Liveness, SILENT_MS_MAX, SILENT_PLAIN_MS_MAX } from '../../../src/app/control/liveness.js';
import { createSharedTables } from '../../../src/app/control/tables.js';
import { CLUSTER_DEFAULTS } from '../../../src/core/cluster/settings.js';

const TICK_MS = 100;
const KEEPALIVE_TIMEOUT_MS = 10_000;

type Behaviour = 'speaks' | 'plain' | 'dead';

class Bench {
  readonly tables = createSharedTables(2, 2);
  readonly dials: number[] = [];
  readonly liveness: Liveness;
  behaviour: Behaviour;
  now = 1_000_000;
  #spokeAtMs = Number.NEGATIVE_INFINITY;
  #keepaliveAtMs = Number.POSITIVE_INFINITY;

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.liveness = new Liveness({
      tables: this.tables,
      pathing: {
        isOurs: () => this.#spokeAtMs > 0,
        isUsable: () => this.now - this.#spokeAtMs < CLUSTER_DEFAULTS.detectionMs,
      },
      dial: () => this.#dialled(),
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
      if (this.tables.peers.session[1] >= 0) this.#exchange();
      this.liveness.handleTimeout([{ number: 1 }], this.now);
      if (this.up) ups++;
    }
    return ups;
  }

  /** A BFD packet goes out, and what is due comes in. */
  #exchange(): void {
    if (this.behaviour === 'speaks') {
      this.#spokeAtMs = this.now;
      this.hear();
    } else if (this.behaviour === 'plain') {
      if (this.now >= this.#keepaliveAtMs) {
        this.#keepaliveAtMs = Number.POSITIVE_INFINITY;
        this.hear();
      }
      this.#keepaliveAtMs = Math.min(this.#keepaliveAtMs, this.now + KEEPALIVE_TIMEOUT_MS);
    }
  }

  /** A live peer answers a handshake, whatever it knows of BFD. */
  #dialled(): void {
    this.dials.push(this.now);
    if (this.behaviour !== 'dead') this.hear();
  }
}

test('a peer that speaks BFD is up all the time', (t) => {
  const bench = new Bench('speaks');
  t.is(bench.run(60_000), 600);
  t.deepEqual(bench.dials, []);
});

test('one that has spoken and falls silent is down after the detection time and dialled every 3.5 s', (t) => {
  const bench = new Bench('speaks');
  bench.run(5_000);
  bench.behaviour = 'dead';
  bench.run(CLUSTER_DEFAULTS.detectionMs - 2 * TICK_MS);
  t.true(bench.up);
  bench.run(2 * TICK_MS);
  t.false(bench.up);
  bench.run(24_000);
  const gaps = bench.dials.slice(1).map((at, index) => at - bench.dials[index]);
  t.true(bench.dials.length >= 5 && gaps.every((gap) => gap === SILENT_MS_MAX));
  bench.behaviour = 'speaks';
  bench.run(1_200);
  t.true(bench.up);
});

test('one that lives but by no path that works is down', (t) => {
  const bench = new Bench('speaks');
  bench.run(5_000);
  bench.behaviour = 'plain';
  bench.run(1_000);
  bench.hear();
  t.false(bench.up);
});

test('plain WireGuard that keeps quiet is asked once, and stays up for as long as its keepalives come', (t) => {
  const bench = new Bench('plain');
  t.is(bench.run(170_000), 1_700);
  t.is(bench.dials.length, 1);
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

test('a peer that dies before it has spoken is down as soon as any other', (t) => {
  const bench = new Bench('dead');
  bench.run(SILENT_MS_MAX - TICK_MS);
  t.true(bench.up);
  bench.run(2 * TICK_MS);
  t.false(bench.up);
  bench.run(30_000);
  t.true(bench.dials.length >= 8 && bench.dials.length <= 12);
  bench.behaviour = 'speaks';
  bench.run(5_000);
  t.true(bench.up);
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

test('a peer that comes to speak BFD is judged by it from then on', (t) => {
  const bench = new Bench('plain');
  bench.run(40_000);
  bench.behaviour = 'speaks';
  bench.run(1_000);
  t.true(bench.liveness.isOurs(1));
  bench.behaviour = 'dead';
  bench.run(SILENT_MS_MAX + 1_000);
  t.false(bench.up);
});

test('a peer that is forgotten is unknown again', (t) => {
  const bench = new Bench('plain');
  bench.run(60_000);
  bench.behaviour = 'dead';
  bench.liveness.forget(1);
  bench.establish();
  bench.run(SILENT_MS_MAX + 2 * TICK_MS);
  t.false(bench.up);
});

test('without a session nobody is dialled, and a peer whose session has expired is down', (t) => {
  const bench = new Bench('speaks');
  bench.run(2_000);
  bench.tables.sessions.expiresAtMs[3] = bench.now;
  t.false(bench.up);
  bench.tables.peers.session[1] = -1;
  bench.run(30_000);
  t.deepEqual(bench.dials, []);
});
