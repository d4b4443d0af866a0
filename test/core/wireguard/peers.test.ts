/** Peers come and go, endpoints become known, slots and workers are slow or few. */
import test from 'ava';
import { connectedPair } from '../../support/wireguard-network.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

test('nothing is sent where no endpoint is known, until the peer calls', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateB: 'always', bKnowsA: false });
  b.send(0, 'for a');
  b.wireGuard.startHandshake(0, network.now, b.unixMs);
  b.drain();
  network.runFor(5 * MINUTE);
  t.deepEqual(network.sent, [0, 0, 0, 0, 0]);
  a.send(0, 'for b');
  network.runFor(1 * SECOND);
  t.deepEqual([a.received, b.received], [['for a'], ['for b']]);
});

test('an endpoint that becomes known is used at once', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateB: 'always', bKnowsA: false });
  network.runFor(1 * MINUTE);
  b.endpoints.set(0, a.address);
  b.wireGuard.setEndpointKnown(0, true, network.now);
  network.runFor(0.1 * SECOND);
  t.is(b.events.at(-1), 'session-established initiator');
});

test('a removed peer leaves no key behind and can be added again', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  a.wireGuard.removePeer(0, network.now);
  a.drain();
  t.is(a.keys.size, 0);
  t.true(a.sessions.localIndex.every((index) => index === 0));
  t.is(a.peers.session[0], -1);
  t.is(a.wireGuard.peerStatus(0), undefined);
  t.is(a.wireGuard.nextDeadline(), Number.POSITIVE_INFINITY);
  a.send(0, 'to nobody');
  a.addPeer({ index: 0, publicKey: b.publicKey, initiate: 'always', endpointKnown: true }, b.address);
  network.runFor(1 * SECOND);
  t.is(a.events.at(-1), 'session-established initiator');
  t.deepEqual(b.received, ['hello', 'to nobody']);
});

test('slots are used again, clean, and the few there are suffice', (t) => {
  const { network, a, b } = connectedPair(
    { seed: 1 },
    { initiateA: 'always', a: { sessions: 4 }, b: { sessions: 4 } },
  );
  for (let i = 0; i < 60; i++) {
    network.runFor(1 * MINUTE);
    for (let k = 0; k < 3; k++) a.send(0, `${i} ${k}`);
  }
  network.runFor(1 * SECOND);
  t.is(b.received.length, 180);
  t.is(a.wireGuard.drops['no-slot'] + b.wireGuard.drops['no-slot'], 0);
});

test('without a free slot initiations are refused by name, and ours wait', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateA: 'always', b: { sessions: 1 } });
  network.runFor(10 * SECOND);
  a.wireGuard.startHandshake(0, network.now, a.unixMs);
  a.drain();
  network.runFor(1 * SECOND);
  t.is(b.wireGuard.drops['no-slot'], 1);
  b.wireGuard.startHandshake(0, network.now, b.unixMs);
  b.drain();
  t.is(b.wireGuard.drops['no-slot'], 2);
  t.is(b.wireGuard.peerStatus(0)?.state, 'waiting');
});

test('while workers take their time to install keys, nothing else is begun', (t) => {
  const { network, a, b } = connectedPair(
    { seed: 1 },
    { initiateA: 'always', a: { installMs: 30 * SECOND } },
  );
  a.send(0, 'hello');
  network.runFor(29 * SECOND);
  t.is(network.sent[1], 1);
  t.true(Number.isFinite(a.wireGuard.nextDeadline()));
  network.runFor(2 * SECOND);
  t.deepEqual(b.received, ['hello']);
});

test('a peer that is removed while its keys are being installed leaves nothing behind', (t) => {
  const slow = { installMs: 5 * SECOND, sessions: 2 };
  const { network, a, b } = connectedPair({ seed: 1 }, { a: slow, b: slow });
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  b.wireGuard.removePeer(0, network.now);
  b.drain();
  b.addPeer({ index: 0, publicKey: a.publicKey, initiate: 'on-demand', endpointKnown: false });
  network.runFor(3.5 * SECOND);
  t.true(b.sessions.localIndex.every((index) => index === 0));
  network.runFor(1 * SECOND);
  t.true(
    b.sessions.localIndex.every((index) => index === 0),
    'reported as installed, but given up',
  );
  network.runFor(20 * SECOND);
  t.deepEqual(b.received, ['hello']);
});

test('reports about sessions that are gone are ignored', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  const events = b.events.length;
  for (let slot = 0; slot < 64; slot++) {
    b.wireGuard.handleInstalled(slot, network.now);
    b.wireGuard.handleSessionUsed(slot, network.now);
    b.wireGuard.handleWanted(slot, network.now);
    b.wireGuard.removePeer(slot + 1, network.now);
    b.wireGuard.startHandshake(slot + 1, network.now, b.unixMs);
    b.wireGuard.setEndpointKnown(slot + 1, true, network.now);
  }
  t.is(b.wireGuard.pollOutput(), undefined);
  t.is(b.events.length, events);
});

test('a peer is added once, in a row of the table', (t) => {
  const { a, b } = connectedPair({ seed: 1 });
  const peer = { publicKey: a.publicKey, initiate: 'on-demand', endpointKnown: false } as const;
  t.throws(() => a.wireGuard.addPeer({ ...peer, index: 0 }));
  t.throws(() => a.wireGuard.addPeer({ ...peer, index: 16 }));
  t.throws(() => a.wireGuard.addPeer({ ...peer, index: 1, publicKey: b.publicKey }));
});

test('a peer whose key has small order is reported, not retried in a loop', (t) => {
  const { network, a } = connectedPair({ seed: 1 });
  a.addPeer({ index: 1, publicKey: new Uint8Array(32), initiate: 'always', endpointKnown: true }, a.address);
  network.runFor(20 * SECOND);
  t.true(a.events.length >= 3 && a.events.length <= 5);
  t.is(a.events[0], 'handshake-failed public key of small order');
});
