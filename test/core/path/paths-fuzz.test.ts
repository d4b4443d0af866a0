import test from 'ava';
import fc from 'fast-check';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SeededRandom } from '../../../src/core/base/random.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { BFD_BYTES, BFD_REFUSALS, BfdPacket, type BfdState } from '../../../src/core/path/bfd-packet.js';
import { BfdSession } from '../../../src/core/path/bfd-session.js';
import {
  BFD_CONTROL_PORT,
  BFD_ECHO_PORT,
  checkDatagram,
  Envelope,
  isBfd,
} from '../../../src/core/path/datagram.js';
import { PACE_DEFAULT } from '../../../src/core/path/pacing.js';
import { PathManager } from '../../../src/core/path/path-manager.js';
import type { PathNews } from '../../../src/core/path/path-news.js';
import { address } from '../../support/packets.js';

const PACES = [PACE_DEFAULT, { desiredMinTxMs: 300, requiredMinRxMs: 75, multiplier: 1 }];

/** A packet that passes the parser, made of few values so that sequences make sense now and then. */
function randomPacket(random: SeededRandom, discriminators: readonly number[]): BfdPacket {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)];
  return Object.assign(new BfdPacket(), {
    state: pick<BfdState>([0, 1, 1, 2, 3, 3]),
    diagnostic: random.below(32),
    poll: random.chance(0.2),
    final: random.chance(0.2),
    demand: random.chance(0.1),
    multiplier: pick([1, 3, 255]),
    myDiscriminator: 1 + random.below(random.chance(0.7) ? 4 : 1_000),
    yourDiscriminator: pick(discriminators),
    desiredMinTxUs: pick([0, 75_000, 1_000_000, 0xffff_ffff]),
    requiredMinRxUs: pick([0, 1, 75_000, 1_000_000, 0xffff_ffff]),
    requiredMinEchoRxUs: pick([0, 50_000]),
  });
}

function randomNews(random: SeededRandom): PathNews {
  const seen = random.chance(0.5) ? { address: address('198.51.100.7'), port: 9 } : undefined;
  return { discriminator: 1 + random.below(4), cost: random.below(50), uplink: 'lte', seen };
}

function outputs(session: BfdSession): number {
  const packet = new BfdPacket();
  let count = 0;
  while (session.pollPacket(packet)) {
    count++;
    if (packet.poll && packet.final) throw new Error('Poll and Final in one packet');
  }
  while (session.pollChange()) count++;
  return count;
}

test('a session survives any sequence, and what it lets a worker absorb says nothing new', (t) => {
  let absorbed = 0;
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, offloaded) => {
      const random = new SeededRandom(seed);
      let now = 0;
      const session = new BfdSession(
        {
          localDiscriminator: 7,
          pace: PACE_DEFAULT,
          requiredMinEchoRxMs: 0,
          active: random.chance(0.5),
          fastWhileDownMs: random.chance(0.5) ? 0 : 1_000,
          offloaded,
          random: () => random.fraction(),
        },
        now,
      );
      outputs(session);
      for (let step = 0; step < 150; step++) {
        const what = random.below(12);
        const packet = randomPacket(random, [7]);
        if (what < 7) session.handlePacket(packet, now);
        else if (what < 9) now = Math.min(session.nextDeadline(), now + 5_000);
        else if (what === 9) session.setPace(PACES[random.below(2)], now);
        else if (what === 10) random.chance(0.3) ? session.disable(now) : session.enable(now);
        else session.hurry(now);
        session.handleTimeout(now);
        const sent = outputs(session);
        t.true(sent <= 5, 'one input, a handful of outputs');
        t.true(session.nextDeadline() > now || offloaded, `${session.nextDeadline()} after ${now}`);
        const { template, absorbs, version, rescheduled, intervalMs } = session.offload;
        t.false(Number.isNaN(intervalMs) || Number.isNaN(session.nextDeadline()));
        t.is(new BfdPacket().parse(template, 0, BFD_BYTES) === 0 || session.remoteDiscriminator === 0, true);
        if (what >= 7 || !absorbs) continue;
        absorbed++;
        session.handlePacket(packet, now);
        t.is(outputs(session), 0);
        t.deepEqual([session.offload.version, session.offload.rescheduled], [version, rescheduled]);
      }
    }),
    { numRuns: 300 },
  );
  t.true(absorbed > 1_000, `${absorbed}`);
});

const INNER = { own: address('fd00::1'), peer: address('fd00::2') };
const SOURCES = ['192.0.2.1', '192.0.2.2', '203.0.113.5'];

function sumOf(counts: Uint32Array): number {
  return counts.reduce((sum, count) => sum + count);
}

/** One run of a manager against a peer that sends whatever it likes from wherever it likes. */
function attack(seed: number): { given: number; counted: number; accepted: number; problems: string[] } {
  const random = new SeededRandom(seed);
  let [discriminator, now] = [0, 0];
  const problems: string[] = [];
  const manager = new PathManager(
    {
      pace: PACE_DEFAULT,
      echoMs: 200,
      requiredMinEchoRxMs: 50,
      fastWhileDownMs: 5_000,
      offloaded: random.chance(0.2),
      random: () => random.fraction(),
      mtuBytes: () => [0, 1_280, 1_408][Math.abs(seed) % 3],
      newDiscriminator: () => ++discriminator,
      refusals: new Uint32Array(BFD_REFUSALS.length),
    },
    INNER.own,
    INNER.peer,
    now,
  );
  const topology = (): void => {
    const uplinks = [0, 1, 2]
      .filter(() => random.chance(0.8))
      .map((id) => ({ id, name: `u${id}`, socket: id, cost: id, v4: true, v6: false }));
    const endpoints = SOURCES.slice(0, 2).filter(() => random.chance(0.8));
    const remote = endpoints.map((key) => ({
      key,
      address: address(key),
      port: 9,
      isName: random.chance(0.5),
      cost: 0,
    }));
    manager.setTopology(uplinks, remote, now);
  };
  const envelopes = [BFD_CONTROL_PORT, BFD_ECHO_PORT].map(
    (port) => new Envelope(INNER.peer, INNER.own, 50_000, port),
  );
  const buffer = new Uint8Array(200);
  const parsed = new Parsed();
  let given = 0;
  topology();
  for (let step = 0; step < 250; step++) {
    const what = random.below(20);
    if (what === 0) topology();
    else if (what === 1) manager.handleUplink(random.below(4), random.chance(0.5) ? '' : 'no carrier', now);
    else if (what === 2) manager.handleRedialled(random.below(8), random.below(8), now);
    else if (what === 3) manager.handleSession(now);
    else if (what === 4) manager.setPace(PACES[random.below(2)], random.chance(0.5) ? 200 : 1_000, now);
    else if (what === 5) manager.handleNews([randomNews(random)], now);
    else if (what < 9) {
      now = Math.min(manager.nextDeadline(), now + random.below(400_000));
      manager.handleTimeout(now);
    } else {
      const envelope = envelopes[random.chance(0.9) ? 0 : 1];
      const packet = randomPacket(random, [0, 1 + random.below(discriminator), 999]);
      const length = random.chance(0.9) ? BFD_BYTES : 16 + 8 * random.below(2);
      packet.encode(buffer, envelope.headerBytes);
      if (random.chance(0.1)) buffer[envelope.headerBytes + random.below(length)] = random.below(256);
      const whole = envelope.close(buffer, 0, length);
      if (random.chance(0.1)) buffer[7] = 254;
      if (parsed.parse(buffer, 0, whole) !== 0) continue;
      const port = random.chance(0.7) ? 9 : random.below(1_000);
      const source = encodeEndpoint(address(SOURCES[random.below(3)]), port, random.below(4));
      given++;
      manager.handleDatagram(buffer, parsed, source, now);
    }
    problems.push(...check(manager, now, what >= 6 && what < 9));
  }
  return { given, counted: sumOf(manager.refusals), accepted: manager.refusals[0], problems };
}

/** Drains a manager and says what is wrong with it. */
function check(manager: PathManager, now: number, timeout: boolean): string[] {
  const problems: string[] = [];
  const buffer = new Uint8Array(1_500);
  const parsed = new Parsed();
  for (
    let sent = 0, length = manager.pollTransmit(buffer, 1);
    length > 0;
    length = manager.pollTransmit(buffer, 1)
  ) {
    if (++sent > 500) return ['it never stops sending'];
    if (parsed.parse(buffer, 1, length) !== 0 || !isBfd(parsed)) problems.push('a malformed packet');
    else if (checkDatagram(buffer, parsed, parsed.destinationPort) !== 0) problems.push('a bad datagram');
    if (!manager.paths.includes(manager.transmitVia as never)) problems.push('by a path that is gone');
  }
  while (manager.pollEvent());
  const { current, paths } = manager;
  if (current !== undefined && !current.health.isUsable) problems.push('it uses a path that is down');
  if (current === undefined && paths.some(({ health }) => health.isUsable))
    problems.push('it uses none of the usable');
  if (paths.filter(({ isLearned }) => isLearned).length > 16) problems.push('it learns without end');
  if (new Set(paths.map(({ id }) => id)).size !== paths.length) problems.push('two paths of one number');
  // What an input has made due may be due now; a timeout leaves nothing that is.
  if (timeout && !(manager.nextDeadline() > now))
    problems.push(`deadline ${manager.nextDeadline()} at ${now}`);
  if (Number.isNaN(manager.nextDeadline())) problems.push('no number for a deadline');
  return problems;
}

test('a manager survives any peer: bounded, every packet counted, never on a dead path', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const run = attack(seed);
      t.deepEqual(run.problems, []);
      t.is(run.counted, run.given);
      accepted += run.accepted;
    }),
    { numRuns: 200 },
  );
  t.true(accepted > 1_000, `${accepted} packets got through to a session; refusals: ${BFD_REFUSALS.length}`);
});
