/** Sessions change under traffic: nothing is lost on a network that loses nothing. */
import test from 'ava';
import fc from 'fast-check';
import { connectedPair } from '../../support/wireguard-network.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const seed = fc.nat(1_000_000);
const initiate = fc.constantFrom('always' as const, 'on-demand' as const);

test('renewal loses nothing, whoever started and however far the ends are apart', (t) => {
  fc.assert(
    fc.property(
      seed,
      initiate,
      initiate,
      fc.constantFrom(0, 30),
      fc.constantFrom(1, 40, 400),
      (seed, initiateA, initiateB, installMs, latencyMs) => {
        const { network, a, b } = connectedPair(
          { seed, latencyMs, jitterMs: 5 },
          { initiateA, initiateB, a: { installMs }, b: { installMs } },
        );
        let count = 0;
        let handshakes = 0;
        let closeUntil = 0;
        while (network.now < 10 * MINUTE) {
          a.send(0, `${count}`);
          b.send(0, `${count}`);
          count++;
          // Dense around handshakes, where packets could be lost, and sparse elsewhere.
          if (network.sent[1] + network.sent[2] > handshakes) closeUntil = network.now + 4 * latencyMs + 100;
          handshakes = network.sent[1] + network.sent[2];
          network.runFor(network.now < closeUntil ? 1 + latencyMs / 20 : 500);
        }
        network.runFor(10 * SECOND);
        t.is(new Set(b.received).size, count);
        t.is(new Set(a.received).size, count);
        t.is(a.transportDrops + b.transportDrops, 0);
        t.true(network.sent[1] >= 5, 'it was renewed');
      },
    ),
    { numRuns: 8 },
  );
});

test('both starting at the same moment have a session in one round trip', (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const { network, a, b } = connectedPair({ seed }, { initiateA: 'always', initiateB: 'always' });
    network.runFor(30);
    t.is(a.events.length > 0 && b.events.length > 0, true, `seed ${seed}`);
    a.send(0, 'hello');
    b.send(0, 'hello');
    network.runFor(30);
    t.deepEqual([a.received, b.received], [['hello'], ['hello']]);
    network.runFor(20 * MINUTE);
    const perTwoMinutes = network.sent[1] / 10;
    t.true(perTwoMinutes < 1.5, 'the two sessions become one at the next renewal');
  }
});
