/**
 * Two ends on a network that loses, repeats, reorders and delays, with clocks that step and ends that restart. Whatever
 * happens, once it stops, data flows within a few retries. The network itself checks on every packet that no nonce and
 * no index is used twice and that no session is used without its keys.
 */
import test from 'ava';
import fc from 'fast-check';
import { connectedPair, type WireGuardNetwork } from '../../support/wireguard-network.js';
import type { WireGuardNode } from '../../support/wireguard-node.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Long enough for a few lost initiations, a cookie and a suppressed start. */
const RECOVERY = 40 * SECOND;

/** Both ends send a word every 200 ms until each has received one that was sent after `fromMs`. */
function flows(network: WireGuardNetwork, a: WireGuardNode, b: WireGuardNode, withinMs: number): boolean {
  const fresh = `fresh ${network.now}`;
  const until = network.now + withinMs;
  while (network.now < until) {
    a.send(0, fresh);
    b.send(0, fresh);
    network.runFor(200);
    if (a.received.includes(fresh) && b.received.includes(fresh)) return true;
  }
  return false;
}

const seed = fc.nat(1_000_000);
const initiate = fc.constantFrom('always' as const, 'on-demand' as const);

test('loss, repetition and reordering delay data but never stop it', (t) => {
  fc.assert(
    fc.property(
      seed,
      fc.double({ min: 0, max: 0.4, noNaN: true }),
      fc.nat(2_000),
      initiate,
      (seed, loss, jitterMs, initiateB) => {
        const { network, a, b } = connectedPair(
          { seed, latencyMs: 20, jitterMs, loss, duplication: 0.2 },
          { initiateB, a: { installMs: 3 }, keepaliveMs: 25_000 },
        );
        for (let minute = 0; minute < 10; minute++) {
          a.send(0, `a ${minute}`);
          b.send(0, `b ${minute}`);
          network.runFor(1 * MINUTE);
        }
        network.options = { seed };
        t.true(flows(network, a, b, RECOVERY));
        t.is(new Set(a.received).size, a.received.length, 'repeated packets are refused');
        t.is(new Set(b.received).size, b.received.length);
      },
    ),
    { numRuns: 40 },
  );
});

test('an outage of any length ends by itself', (t) => {
  fc.assert(
    fc.property(seed, fc.integer({ min: 1, max: 1_500 }), (seed, outageSeconds) => {
      const { network, a, b } = connectedPair({ seed }, { initiateA: 'always', keepaliveMs: 25_000 });
      network.runFor((seed % 300) * SECOND);
      network.cut.add(b);
      for (let second = 0; second < outageSeconds; second++) {
        a.send(0, `lost ${second}`);
        network.runFor(1 * SECOND);
      }
      network.cut.clear();
      t.true(flows(network, a, b, RECOVERY));
    }),
    { numRuns: 40 },
  );
});

test('wall clocks that step by an hour, either way, on either side, stop nothing', (t) => {
  const steps = fc.array(fc.record({ ofA: fc.boolean(), stepMs: fc.constantFrom(-HOUR, HOUR, -7 * HOUR) }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(seed, steps, (seed, steps) => {
      const { network, a, b } = connectedPair({ seed }, { initiateA: 'always', initiateB: 'always' });
      t.true(flows(network, a, b, RECOVERY));
      for (const { ofA, stepMs } of steps) {
        (ofA ? a : b).wallStepMs += stepMs;
        network.runFor(4 * MINUTE);
        t.true(flows(network, a, b, 1 * SECOND));
      }
      t.is(a.wireGuard.drops['timestamp-replayed'] + b.wireGuard.drops['timestamp-replayed'], 0);
    }),
    { numRuns: 20 },
  );
});

test('an end that restarts with its label, and a clock set back, is back at once', (t) => {
  fc.assert(
    fc.property(seed, fc.constantFrom(0, -HOUR, HOUR), (seed, stepMs) => {
      const { network, a, b } = connectedPair({ seed }, { initiateA: 'always', initiateB: 'on-demand' });
      t.true(flows(network, a, b, RECOVERY));
      network.runFor((seed % 200) * SECOND);
      a.wallStepMs = stepMs;
      // Back sooner than the flood limit allows, it would have to repeat its initiation.
      network.cut.add(a);
      network.runFor(100);
      network.cut.clear();
      a.boot();
      network.runFor(1 * SECOND);
      t.is(b.events.at(-1), 'session-established responder');
      t.true(flows(network, a, b, 2 * SECOND));
    }),
    { numRuns: 30 },
  );
});

test('a label that is lost with a clock set back locks out until the other end calls', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateA: 'always' });
  network.runFor(1 * MINUTE);
  a.wallStepMs = -HOUR;
  a.store.label = undefined;
  a.boot();
  network.runFor(1 * MINUTE);
  t.true(b.wireGuard.drops['timestamp-replayed'] > 5, 'the refusals are counted by name');
  t.true(flows(network, a, b, RECOVERY), 'data makes the other end call');
});

test('either end restarting, on demand, costs no more than the dead-peer time', (t) => {
  fc.assert(
    fc.property(seed, fc.boolean(), (seed, ofA) => {
      const { network, a, b } = connectedPair({ seed });
      t.true(flows(network, a, b, RECOVERY));
      network.runFor((seed % 170) * SECOND);
      (ofA ? a : b).boot();
      t.true(flows(network, a, b, RECOVERY));
    }),
    { numRuns: 30 },
  );
});

test('dialling, removing and adding again at any moment, on a bad network, with slow workers', (t) => {
  const action = fc.record({
    ofA: fc.boolean(),
    what: fc.constantFrom('dial', 'dial', 'send', 'renumber' as const),
    waitMs: fc.oneof(fc.nat(60), fc.nat(8_000)),
  });
  fc.assert(
    fc.property(
      seed,
      initiate,
      fc.constantFrom(0, 25, 1_500),
      fc.array(action, { maxLength: 60 }),
      (seed, initiateB, installMs, actions) => {
        const bad = { seed, latencyMs: 20, jitterMs: 40, loss: 0.1, duplication: 0.1 };
        const slow = { installMs, sessions: 32 };
        const { network, a, b } = connectedPair(bad, { initiateB, a: slow, b: slow });
        for (const { ofA, what, waitMs } of actions) {
          const node = ofA ? a : b;
          if (what === 'dial') node.wireGuard.startHandshake(0, network.now, node.unixMs);
          if (what === 'send') node.send(0, 'x');
          if (what === 'renumber') {
            const publicKey = (ofA ? b : a).publicKey;
            node.wireGuard.removePeer(0, network.now);
            node.drain();
            node.addPeer({ index: 0, publicKey, initiate: 'on-demand', endpointKnown: true });
          }
          node.drain();
          network.runFor(waitMs);
        }
        network.options = { seed };
        t.true(flows(network, a, b, RECOVERY));
      },
    ),
    { numRuns: 60 },
  );
});

test('a peer that moves is followed by its handshakes', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateA: 'always', bKnowsA: false });
  network.runFor(1 * SECOND);
  t.deepEqual(b.endpoints.get(0), a.address);
  a.address[3] = 99;
  network.runFor(3 * MINUTE);
  t.is(b.endpoints.get(0)![3], 99);
});
