import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  BFD_ADMIN_DOWN,
  BFD_DOWN,
  BFD_INIT,
  BFD_UP,
  BfdPacket,
  type BfdState,
  DIAGNOSTIC_EXPIRED,
  DIAGNOSTIC_NEIGHBOR_DOWN,
} from '../../../src/core/path/bfd-packet.js';
import { type BfdOptions, BfdSession } from '../../../src/core/path/bfd-session.js';
import { type EndOptions, Link } from '../../support/bfd-link.js';

const PACE = { desiredMinTxMs: 75, requiredMinRxMs: 75, multiplier: 4 };

function session(options: Partial<BfdOptions> = {}): BfdSession {
  const defaults = { localDiscriminator: 1, pace: PACE, requiredMinEchoRxMs: 50, active: true };
  const rest = { fastWhileDownMs: 0, offloaded: false, random: () => 1 };
  return new BfdSession({ ...defaults, ...rest, ...options }, 0);
}

function packet(fields: Partial<BfdPacket>): BfdPacket {
  const whole = { multiplier: 3, myDiscriminator: 9, yourDiscriminator: 1, desiredMinTxUs: 100_000 };
  return Object.assign(new BfdPacket(), { ...whole, requiredMinRxUs: 50_000, ...fields });
}

/** Takes everything a session wants to send. */
function drain(from: BfdSession): BfdPacket[] {
  const packets: BfdPacket[] = [];
  while (from.pollChange());
  for (let into = new BfdPacket(); from.pollPacket(into); into = new BfdPacket()) packets.push(into);
  return packets;
}

function give(to: BfdSession, fields: Partial<BfdPacket>, now: number): BfdPacket[] {
  to.handlePacket(packet(fields), now);
  return drain(to);
}

/** A session that is Up at 0, its Poll Sequence answered. */
function up(options: Partial<BfdOptions> = {}): BfdSession {
  const made = session(options);
  drain(made);
  give(made, { state: BFD_INIT }, 0);
  give(made, { state: BFD_UP, final: true }, 0);
  give(made, { state: BFD_UP }, 0);
  return made;
}

test('every state and every received state leads where RFC 5880 6.8.6 says', (t) => {
  // Rows: our state; columns: what they say, AdminDown, Down, Init, Up.
  const table: Record<number, BfdState[]> = {
    [BFD_ADMIN_DOWN]: [BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN],
    [BFD_DOWN]: [BFD_DOWN, BFD_INIT, BFD_UP, BFD_DOWN],
    [BFD_INIT]: [BFD_DOWN, BFD_INIT, BFD_UP, BFD_UP],
    [BFD_UP]: [BFD_DOWN, BFD_DOWN, BFD_UP, BFD_UP],
  };
  const enter: Record<number, (made: BfdSession) => void> = {
    [BFD_ADMIN_DOWN]: (made) => made.disable(0),
    [BFD_DOWN]: () => {},
    [BFD_INIT]: (made) => made.handlePacket(packet({ state: BFD_DOWN }), 0),
    [BFD_UP]: (made) => made.handlePacket(packet({ state: BFD_INIT }), 0),
  };
  for (const own of [BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP] as const) {
    for (const remote of [BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP] as const) {
      const made = session();
      enter[own](made);
      t.is(made.state, own);
      drain(made);
      give(made, { state: remote }, 1);
      t.is(made.state, table[own][remote], `${own} hears ${remote}`);
      if (own >= BFD_INIT && made.state === BFD_DOWN) t.is(made.diagnostic, DIAGNOSTIC_NEIGHBOR_DOWN);
    }
  }
});

test('detection time: their multiplier times the slower of both wishes', (t) => {
  const made = up();
  t.is(made.offload.detectionMs, 300);
  give(made, { state: BFD_UP, desiredMinTxUs: 20_000, multiplier: 5 }, 10);
  t.is(made.offload.detectionMs, 375);
  made.handleTimeout(384);
  t.is(made.state, BFD_UP);
  t.true(made.nextDeadline() <= 385);
  made.handleTimeout(385);
  t.is(made.state, BFD_DOWN);
  t.is(made.diagnostic, DIAGNOSTIC_EXPIRED);
  t.is(made.remoteDiscriminator, 0);
});

test('what the worker has absorbed, and other signs of life while Up, put the end off', (t) => {
  const made = up();
  made.handleReceivedUnchanged(250);
  made.handleTimeout(549);
  made.handleSignOfLife(400);
  made.handleTimeout(699);
  t.is(made.state, BFD_UP);
  made.handleTimeout(700);
  t.is(made.state, BFD_DOWN);
  give(made, { state: BFD_DOWN }, 800);
  t.is(made.state, BFD_INIT);
  made.handleSignOfLife(1_000);
  made.handleTimeout(1_100);
  t.is(made.state, BFD_DOWN, 'data alone does not hold a session that is not Up');
});

test('a passive session that misses the other side says so once, and is then silent', (t) => {
  for (const offloaded of [false, true]) {
    const made = up({ active: false, offloaded });
    made.handleTimeout(299);
    drain(made);
    made.handleTimeout(300);
    const sent = drain(made);
    t.deepEqual(
      sent.map(({ state, diagnostic, myDiscriminator, yourDiscriminator }) => {
        return [state, diagnostic, myDiscriminator, yourDiscriminator];
      }),
      [[BFD_DOWN, DIAGNOSTIC_EXPIRED, 1, 0]],
    );
    t.is(made.nextDeadline(), Number.POSITIVE_INFINITY);
    made.handleTimeout(10_000);
    t.deepEqual(drain(made), []);
  }
});

test('each wait is shortened at random by at most a quarter, by at least a tenth where one loss is fatal', (t) => {
  for (const [multiplier, random, waitMs] of [
    [4, 0, 56.25],
    [4, 0.999999, 75],
    [1, 0, 56.25],
    [1, 0.999999, 67.5],
  ]) {
    const made = up({ pace: { ...PACE, multiplier }, random: () => random });
    for (let now = 0, i = 0; i < 10; i++) {
      made.handleReceivedUnchanged(now);
      const nextMs = made.nextDeadline();
      made.handleTimeout(nextMs);
      t.is(drain(made).length, 1);
      if (i > 0) t.true(Math.abs(nextMs - now - waitMs) < 0.001, `${nextMs - now} for ×${multiplier}`);
      now = nextMs;
    }
  }
});

test('who cannot be sent to is not: passive and unheard, zero receive interval, demand mode', (t) => {
  const passive = session({ active: false });
  t.deepEqual(drain(passive), []);
  t.is(passive.nextDeadline(), Number.POSITIVE_INFINITY);
  t.is(give(passive, { state: BFD_DOWN, yourDiscriminator: 0 }, 5).length, 1);

  const muted = up();
  give(muted, { state: BFD_UP, requiredMinRxUs: 0 }, 10);
  t.is(muted.offload.intervalMs, Number.POSITIVE_INFINITY);
  t.is(
    give(muted, { state: BFD_UP, requiredMinRxUs: 0, poll: true }, 20).length,
    1,
    'a Poll is answered all the same',
  );

  const demanded = up();
  t.deepEqual(give(demanded, { state: BFD_UP, demand: true }, 10), []);
  t.is(demanded.offload.intervalMs, Number.POSITIVE_INFINITY);
  const [final] = give(demanded, { state: BFD_UP, demand: true, poll: true }, 20);
  t.true(final.final && !final.poll && !final.demand);
  demanded.setPace({ ...PACE, desiredMinTxMs: 150 }, 30);
  t.true(
    drain(demanded).some(({ poll }) => poll),
    'our own Poll Sequence goes out',
  );
  t.not(demanded.offload.intervalMs, Number.POSITIVE_INFINITY);
  give(demanded, { state: BFD_UP, demand: true, final: true }, 40);
  t.is(demanded.offload.intervalMs, Number.POSITIVE_INFINITY);
  give(demanded, { state: BFD_UP }, 50);
  t.is(demanded.offload.intervalMs, 150);
});

test('a longer interval waits for the Final, a shorter one does not; Poll and Final never travel together', (t) => {
  const made = up();
  made.setPace({ desiredMinTxMs: 300, requiredMinRxMs: 150, multiplier: 4 }, 10);
  const [told] = drain(made);
  t.is(told.desiredMinTxUs, 300_000);
  t.true(told.poll);
  t.is(made.offload.intervalMs, 75);
  t.is(made.offload.detectionMs, 450, 'a longer receive interval is safe at once');
  made.setPace({ desiredMinTxMs: 30, requiredMinRxMs: 30, multiplier: 4 }, 20);
  t.deepEqual(drain(made), [], 'one Poll Sequence at a time');
  const [answer] = give(made, { state: BFD_UP, poll: true }, 30);
  t.true(answer.final && !answer.poll);
  give(made, { state: BFD_UP, final: true }, 40);
  t.is(made.offload.intervalMs, 300);
  const [second] = give(made, { state: BFD_UP }, 50);
  t.is(second.requiredMinRxUs, 30_000);
  t.true(second.poll);
  t.is(made.offload.intervalMs, 50, 'at once, bounded by what they bear');
  t.is(made.offload.detectionMs, 450, 'a shorter receive interval waits');
  give(made, { state: BFD_UP, final: true }, 60);
  t.is(made.offload.detectionMs, 300);
});

test('a shorter interval counts from the last packet sent', (t) => {
  const made = up();
  give(made, { state: BFD_UP, requiredMinRxUs: 1_000_000 }, 0);
  made.handleReceivedUnchanged(600);
  give(made, { state: BFD_UP }, 600);
  t.true(made.nextDeadline() <= 600, 'longer ago than the new interval: now');
});

test('echo packets only while Up, and no faster than they bear', (t) => {
  const made = session();
  t.is(made.echoIntervalMsMin, Number.POSITIVE_INFINITY);
  give(made, { state: BFD_INIT, requiredMinEchoRxUs: 50_000 }, 0);
  t.is(made.echoIntervalMsMin, 50);
  give(made, { state: BFD_UP, requiredMinEchoRxUs: 0 }, 10);
  t.is(made.echoIntervalMsMin, Number.POSITIVE_INFINITY);
});

/** One run of two ends with a script of events; the record of states and packets. */
function record(seed: number, loss: number, events: readonly number[], offloaded: boolean): string[] {
  const base = { offloaded, fastWhileDownMs: seed % 3 === 0 ? 0 : 2_000 };
  const a: EndOptions = { name: 'A', ...base };
  const b: EndOptions = { name: 'B', ...base, active: seed % 2 === 0 };
  const link = new Link({ seed, loss, delayMs: 7 }, a, b);
  const paces = [
    PACE,
    { ...PACE, desiredMinTxMs: 200 },
    { desiredMinTxMs: 50, requiredMinRxMs: 120, multiplier: 3 },
  ];
  for (const event of events) {
    const end = link.ends[event & 1];
    const what = event >> 1;
    if (what < 3) end.session.setPace(paces[what], link.now);
    else if (what === 3) link.cut.add(end);
    else if (what === 4) link.cut.clear();
    else if (what === 5) end.session.disable(link.now);
    else if (what === 6) end.session.enable(link.now);
    else end.session.hurry(link.now);
    for (const each of link.ends) each.drain();
    link.runUntil(link.now + 400 + ((event * 97) % 1_300));
  }
  return [...link.packets, ...link.changes];
}

/** Compares the run with and without a worker; returns how much of it was there to compare. */
function compare(t: ExecutionContext, seed: number, loss: number, events: readonly number[]): number {
  const direct = record(seed, loss, events, false);
  t.deepEqual(record(seed, loss, events, true), direct);
  return direct.length;
}

test('with and without a worker the sessions decide the same, to the packet and the microsecond', (t) => {
  let compared = 0;
  const arbitrary = fc.tuple(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.constantFrom(0, 0, 0.1, 0.3),
    fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 3, maxLength: 12 }),
  );
  fc.assert(
    fc.property(arbitrary, ([seed, loss, events]) => {
      compared += compare(t, seed, loss, events);
    }),
    { numRuns: 150 },
  );
  t.true(compared > 10_000, `${compared} lines`);
});
