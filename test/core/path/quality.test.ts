import test from 'ava';
import fc from 'fast-check';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { BFD_REFUSAL, type BfdRefusalName } from '../../../src/core/path/bfd-packet.js';
import { BFD_ECHO_PORT, BFD_TTL, checkDatagram, Envelope } from '../../../src/core/path/datagram.js';
import {
  ECHO_ANSWER_TTL,
  ECHO_BYTES,
  ECHO_LONG_BYTES,
  EchoTracker,
  encodeLongEcho,
  writeEchoAnswer,
} from '../../../src/core/path/echo.js';
import { Quality } from '../../../src/core/path/quality.js';
import { address, slowChecksum, upperChecksum } from '../../support/packets.js';

test('round-trip time and jitter by the formulas of RFC 6298 and RFC 3550', (t) => {
  const quality = new Quality();
  const samples = [100, 120, 80, 80, 300];
  for (const sample of samples) quality.handleAnswer(sample, 0);
  // By hand: SRTT 100; 102.5; 99.6875; 97.2265625; 122.5732421875.
  t.is(quality.rttMs, 122.573_242_187_5);
  // RTTVAR 50; 42.5; 37.5; 33.046875; 75.478515625.
  t.is(quality.rttVariationMs, 75.478_515_625);
  let jitter = 0;
  for (let i = 1; i < samples.length; i++) jitter += (Math.abs(samples[i] - samples[i - 1]) - jitter) / 16;
  t.is(quality.jitterMs, jitter);
  t.is(quality.rttMsMin, 80);
});

/** The slow twin: keeps everything, and counts what falls into the slices that a window covers. */
class Ledger {
  readonly #entries: { atMs: number; answered: number; lost: number }[] = [];

  note(answered: number, lost: number, atMs: number): void {
    this.#entries.push({ atMs, answered, lost });
  }

  count(windowMs: number, now: number): { answered: number; lost: number } {
    const width = windowMs <= 1_000 ? 100 : 1_000;
    const slices = Math.ceil(windowMs / width) + 1;
    const first = Math.floor(now / width) - slices + 1;
    const inside = this.#entries.filter(({ atMs }) => Math.floor(atMs / width) >= first);
    return {
      answered: inside.reduce((sum, { answered }) => sum + answered, 0),
      lost: inside.reduce((sum, { lost }) => sum + lost, 0),
    };
  }
}

test('loss over windows is what a ledger of everything says', (t) => {
  const step = fc.tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 3 }),
    fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 90_000 })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.nat(100_000), (steps, startMs) => {
      const quality = new Quality();
      const ledger = new Ledger();
      let now = startMs;
      for (const [answered, lost, waitMs] of steps) {
        quality.handleCounts(answered, lost, now);
        ledger.note(answered, lost, now);
        now += waitMs;
        for (const windowMs of [500, 1_000, 10_000, 60_000]) {
          const sum = ledger.count(windowMs, now);
          t.is(quality.samples(windowMs, now), sum.answered + sum.lost);
          t.is(quality.loss(windowMs, now), sum.lost === 0 ? 0 : sum.lost / (sum.answered + sum.lost));
        }
      }
    }),
  );
});

function answer(tracker: EchoTracker, payload: Uint8Array, now: number): number {
  return tracker.handleAnswer(payload, 0, payload.length, now);
}

test('echo packets come back once, in any order, or are lost', (t) => {
  const quality = new Quality();
  const tracker = new EchoTracker(77, quality);
  const send = (now: number): Uint8Array => {
    const payload = new Uint8Array(ECHO_BYTES);
    tracker.encodeNext(payload, 0, now);
    return payload;
  };
  t.is(tracker.nextDeadline(), Number.POSITIVE_INFINITY);
  const [first, second, third] = [send(0), send(100), send(200)];
  t.is(new DataView(second.buffer).getFloat64(8), 100);
  const is = (refusal: number, name: BfdRefusalName): boolean => t.is(refusal, BFD_REFUSAL[name]);
  is(answer(tracker, second, 140), 'none');
  is(answer(tracker, second, 141), 'echo-unknown');
  is(answer(tracker, first.subarray(0, 15), 150), 'not-echo');
  is(answer(tracker, Uint8Array.from([...first.subarray(0, 3), 78, ...first.subarray(4)]), 150), 'not-echo');
  is(
    answer(tracker, Uint8Array.from([...first.subarray(0, 4), 0, 0, 0, 9, ...first.subarray(8)]), 150),
    'echo-unknown',
  );
  // A clock that the other side has forged changes nothing: ours is remembered.
  is(answer(tracker, Uint8Array.from([...third.subarray(0, 8), 1, 2, 3, 4, 5, 6, 7, 8]), 240), 'none');
  t.is(quality.rttMs, 40);
  t.is(tracker.nextDeadline(), 250, 'the first still has 250 ms');
  tracker.handleTimeout(249);
  t.is(quality.lost, 0);
  tracker.handleTimeout(250);
  t.is(quality.lost, 1);
  is(answer(tracker, first, 251), 'echo-unknown');
  t.is(quality.answered, 2);
  t.is(quality.loss(1_000, 251), 1 / 3);
});

test('echo packets: what is sent is answered, lost or under way, whatever comes back', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.nat(300), fc.nat(80)), { maxLength: 300, size: 'max' }),
      (steps) => {
        const quality = new Quality();
        const tracker = new EchoTracker(1, quality);
        const sent: Uint8Array[] = [];
        let now = 5;
        let refused = 0;
        let answers = 0;
        for (const [what, waitMs, which] of steps) {
          now += waitMs;
          if (what < 2) {
            const payload = new Uint8Array(ECHO_BYTES);
            tracker.encodeNext(payload, 0, now);
            sent.push(payload);
          } else if (what === 2) {
            tracker.handleTimeout(now);
            t.true(tracker.nextDeadline() > now);
          } else if (sent.length > 0) {
            answers++;
            if (answer(tracker, sent[Math.max(0, sent.length - 1 - which)], now) !== 0) refused++;
          }
        }
        t.is(quality.answered, answers - refused);
        tracker.handleTimeout(now + 1e6);
        t.is(quality.answered + quality.lost, sent.length);
      },
    ),
  );
});

test('an echo packet is answered in place: hop limit 254, addresses changed, checksums right', (t) => {
  for (const [from, to] of [
    ['10.9.0.1', '10.9.0.2'],
    ['fd01::1', 'fd01::2'],
  ]) {
    const envelope = new Envelope(address(from), address(to), 50_000, BFD_ECHO_PORT);
    const bytes = new Uint8Array(envelope.headerBytes + ECHO_BYTES).fill(9);
    new EchoTracker(5, new Quality()).encodeNext(bytes, envelope.headerBytes, 123.5);
    envelope.close(bytes, 0, ECHO_BYTES);
    const parsed = new Parsed();
    parsed.parse(bytes, 0, bytes.length);
    t.is(parsed.ttl, BFD_TTL);
    t.is(writeEchoAnswer(bytes, parsed), bytes.length);
    t.is(parsed.parse(bytes, 0, bytes.length), 0);
    t.is(parsed.ttl, ECHO_ANSWER_TTL);
    t.is(checkDatagram(bytes, parsed, BFD_ECHO_PORT, ECHO_ANSWER_TTL), 0);
    if (from.includes('.')) t.is(slowChecksum(bytes.subarray(0, 20)), 0);
    const udp = bytes.subarray(envelope.headerBytes - 8);
    t.is((udp[6] << 8) | udp[7], upperChecksum(address(to), address(from), 17, udp));
  }
});

test('a long echo packet is answered by a short one, with the beginning of its payload', (t) => {
  for (const [from, to] of [
    ['10.9.0.1', '10.9.0.2'],
    ['fd01::1', 'fd01::2'],
  ]) {
    const envelope = new Envelope(address(from), address(to), 50_000, BFD_ECHO_PORT);
    for (const length of [ECHO_LONG_BYTES, ECHO_LONG_BYTES + 1, 1_360, 1_361]) {
      const bytes = new Uint8Array(envelope.headerBytes + length).fill(9);
      encodeLongEcho(bytes, envelope.headerBytes, length, 0x8000_0001, 0xffff_fffe);
      t.is(envelope.close(bytes, 0, length), bytes.length);
      const parsed = new Parsed();
      parsed.parse(bytes, 0, bytes.length);
      t.is(checkDatagram(bytes, parsed, BFD_ECHO_PORT), 0);
      const answered = writeEchoAnswer(bytes, parsed);
      t.is(answered, envelope.headerBytes + ECHO_LONG_BYTES);
      t.is(parsed.parse(bytes, 0, answered), 0);
      t.is(parsed.length, answered, 'the header says so too');
      t.is(checkDatagram(bytes, parsed, BFD_ECHO_PORT, ECHO_ANSWER_TTL), 0);
      if (from.includes('.')) t.is(slowChecksum(bytes.subarray(0, 20)), 0);
      const datagram = bytes.subarray(envelope.headerBytes - 8, answered);
      t.is((datagram[6] << 8) | datagram[7], upperChecksum(address(to), address(from), 17, datagram));
      const payload = [...datagram.subarray(8)];
      t.deepEqual(payload.slice(0, 8), [0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]);
      t.true(payload.slice(8).every((byte) => byte === 0));
    }
  }
});
