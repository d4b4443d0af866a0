/** Under load: cookies, source rates, floods, and who still gets through (paper, 5.3). */
import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SeededRandom } from '../../../src/core/base/random.js';
import { SPEC_TIMERS } from '../../../src/core/wireguard/constants.js';
import { MacWriter } from '../../../src/core/wireguard/cookie.js';
import { INITIATION_BYTES, MESSAGE_INITIATION, newMessage } from '../../../src/core/wireguard/message.js';
import { Noise } from '../../../src/core/wireguard/noise.js';
import { encodeTai64n } from '../../../src/core/wireguard/tai64n.js';
import { connectedPair, type WireGuardNetwork } from '../../support/wireguard-network.js';
import type { WireGuardNode } from '../../support/wireguard-node.js';

const SECOND = 1_000;
const LIMIT = 20;

/** Messages with a good mac1 and nothing else, each from another address. */
function* junk(
  network: WireGuardNetwork,
  victim: WireGuardNode,
): Generator<{ bytes: Uint8Array; from: Uint8Array }> {
  const random = new SeededRandom(99);
  const macs = new MacWriter(network.crypto, victim.publicKey, SPEC_TIMERS);
  for (;;) {
    const bytes = newMessage(MESSAGE_INITIATION, INITIATION_BYTES);
    bytes.set(random.bytes(INITIATION_BYTES - 4), 4);
    bytes.fill(0, -32);
    macs.writeMacs(bytes, network.now);
    yield { bytes, from: encodeEndpoint(random.bytes(4), 1 + random.below(65_535), 0) };
  }
}

/** Lets `seconds` pass while 100 junk messages a second arrive. */
function flood(network: WireGuardNetwork, victim: WireGuardNode, seconds: number): void {
  const source = junk(network, victim);
  for (let i = 0; i < seconds * 100; i++) {
    const { bytes, from } = source.next().value!;
    network.deliver(victim, from, bytes, 0);
    network.runFor(10);
  }
}

test('an initiator gets its cookie, comes back with it, and is served under load', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { b: { loadMessagesPerSecond: LIMIT } });
  flood(network, b, 1);
  a.send(0, 'hello');
  flood(network, b, 1);
  t.deepEqual(b.received, []);
  t.true(network.lines.some((line) => line.endsWith('B → A: cookie-reply')));
  flood(network, b, 6);
  t.deepEqual(b.received, ['hello'], 'the repeated initiation carried mac2');
  t.is(network.sent[1], 2);
  const drops = b.wireGuard.drops;
  t.true(drops['cookie-required'] > 700);
  t.true(drops['static-undecryptable'] <= 2 * LIMIT, 'before the first load was seen');
});

test('a responder under load gets a cookie for its response too', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { a: { loadMessagesPerSecond: LIMIT } });
  flood(network, a, 1);
  a.send(0, 'hello');
  flood(network, a, 12);
  t.deepEqual(b.received, ['hello']);
  t.true(network.lines.some((line) => line.endsWith('A → B: cookie-reply')));
});

test('without load nobody is asked for a cookie', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  flood(network, b, 2);
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  t.deepEqual(b.received, ['hello']);
  t.is(network.sent[3], 0);
  t.is(b.wireGuard.drops['static-undecryptable'], 200);
});

test('a wrong mac1 costs nothing more, is no load and gets no answer', (t) => {
  const { network, b } = connectedPair({ seed: 1 }, { b: { loadMessagesPerSecond: LIMIT } });
  const random = new SeededRandom(5);
  for (let i = 0; i < 200; i++) {
    const bytes = newMessage(MESSAGE_INITIATION, INITIATION_BYTES);
    bytes.set(random.bytes(144), 4);
    b.handleDatagram({ from: b.address, to: b.address, bytes });
  }
  t.is(b.wireGuard.drops.mac1, 200);
  t.deepEqual(network.sent, [0, 0, 0, 0, 0]);
});

test('a source with a cookie may still start only five at once and twenty a second', (t) => {
  const { network, b } = connectedPair({ seed: 1 }, { b: { loadMessagesPerSecond: LIMIT } });
  const stranger = network.addNode('stranger');
  const macs = new MacWriter(network.crypto, b.publicKey, SPEC_TIMERS);
  const message = (): Uint8Array => {
    const bytes = newMessage(MESSAGE_INITIATION, INITIATION_BYTES);
    macs.writeMacs(bytes, network.now);
    return bytes;
  };
  network.tamper = (bytes) => {
    if (bytes[0] === 3) macs.takeCookie(bytes, network.now);
    return bytes;
  };
  flood(network, b, 1);
  b.handleDatagram({ from: stranger.address, to: b.address, bytes: message() });
  const before = b.wireGuard.drops['source-rate'];
  for (let i = 0; i < 50; i++) b.handleDatagram({ from: stranger.address, to: b.address, bytes: message() });
  t.is(b.wireGuard.drops['source-rate'] - before, 45);
});

test('a peer that floods is held to twenty initiations a second, and slots stay bounded', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  const noise = new Noise(network.crypto, a.privateKey);
  const remote = noise.createRemote(b.publicKey, new Uint8Array(32))!;
  const macs = new MacWriter(network.crypto, b.publicKey, SPEC_TIMERS);
  for (let i = 0; i < 400; i++) {
    const { message } = noise.createInitiation(remote, 1 + i, encodeTai64n(BigInt(b.unixMs) * 1_000_000n))!;
    macs.writeMacs(message, network.now);
    network.deliver(b, a.address, message, 0);
    network.runFor(10);
  }
  t.is(b.wireGuard.drops.flood, 320);
  t.is(network.sent[2], 80);
  t.true(b.keys.size <= 4);
  t.is(b.wireGuard.drops['no-slot'], 0);
});

test('a recorded initiation is refused when it comes again, from anywhere', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  const recorded: Uint8Array[] = [];
  network.tamper = (bytes, from) => {
    if (from === a && bytes[0] === 1) recorded.push(bytes);
    return bytes;
  };
  a.send(0, 'hello');
  network.runFor(10 * SECOND);
  const sent = network.sent[2];
  b.handleDatagram({
    from: encodeEndpoint(Uint8Array.of(6, 6, 6, 6), 666, 0),
    to: b.address,
    bytes: recorded[0],
  });
  t.is(b.wireGuard.drops['timestamp-replayed'], 1);
  t.is(network.sent[2], sent);
  t.deepEqual(b.endpoints.get(0), a.address);
});

test('initiations by strangers and by impostors are refused by name', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  const stranger = network.addNode('stranger');
  stranger.addPeer(
    { index: 0, publicKey: b.publicKey, initiate: 'on-demand', endpointKnown: true },
    b.address,
  );
  stranger.send(0, 'hello');
  network.runFor(1 * SECOND);
  t.is(b.wireGuard.drops['unknown-peer'], 1);

  // Names a as its static key without owning it: the static-static secret is wrong, so the timestamp is too.
  const noise = new Noise(network.crypto, stranger.privateKey);
  Object.defineProperty(noise, 'publicKey', { value: a.publicKey });
  const remote = noise.createRemote(b.publicKey, new Uint8Array(32))!;
  const { message } = noise.createInitiation(remote, 1, encodeTai64n(1n))!;
  new MacWriter(network.crypto, b.publicKey, SPEC_TIMERS).writeMacs(message, network.now);
  b.handleDatagram({ from: stranger.address, to: b.address, bytes: message });
  t.is(b.wireGuard.drops['timestamp-undecryptable'], 1);
  t.deepEqual(b.events, []);
});
