/** One session's life between two ends on a network that keeps its word: the rules of section 6 of the paper. */
import test from 'ava';
import { connectedPair, timersWith } from '../../support/wireguard-network.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

test('data makes a session and arrives', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  t.deepEqual(b.received, ['hello']);
  b.send(0, 'hello yourself');
  network.runFor(1 * SECOND);
  t.deepEqual(a.received, ['hello yourself']);
  t.deepEqual(network.sent.slice(1, 3), [1, 1]);
});

test('an end that is told nothing and has nothing to send is silent', (t) => {
  const { network } = connectedPair({ seed: 1 });
  network.runFor(60 * MINUTE);
  t.deepEqual(network.sent, [0, 0, 0, 0, 0]);
});

test('the pre-shared key must agree', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { presharedKey: new Uint8Array(32).fill(7) });
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  t.deepEqual(b.received, ['hello']);

  const wrong = connectedPair({ seed: 1 });
  wrong.b.wireGuard.removePeer(0, wrong.network.now);
  wrong.b.addPeer({
    index: 0,
    publicKey: wrong.a.publicKey,
    presharedKey: new Uint8Array(32).fill(8),
    initiate: 'on-demand',
    endpointKnown: false,
  });
  wrong.a.send(0, 'hello');
  wrong.network.runFor(1 * SECOND);
  t.deepEqual(wrong.b.received, []);
  t.is(wrong.a.wireGuard.drops['response-undecryptable'], 1);
});

test('6.2: the initiator renews when it sends after REKEY_AFTER_TIME; the responder does not', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(119 * SECOND);
  a.send(0, 'young');
  b.send(0, 'young');
  network.runFor(2 * SECOND);
  b.send(0, 'old');
  network.runFor(5 * SECOND);
  t.is(network.sent[1], 1);
  a.send(0, 'old');
  network.runFor(2 * SECOND);
  t.is(network.sent[1], 2);
  t.deepEqual(b.received, ['hello', 'young', 'old']);
});

test('6.2: the initiator renews once when it receives shortly before REJECT_AFTER_TIME', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { keepaliveMsB: 7_000 });
  a.send(0, 'hello');
  network.runUntil(165 * SECOND);
  t.is(network.sent[1], 1, 'a receives keepalives, and sends nothing itself');
  network.cut.add(b);
  network.tamper = (bytes, from) => {
    if (from === b) network.deliver(a, b.address, bytes, 10);
    return bytes;
  };
  network.runUntil(180 * SECOND);
  // Unanswered, it is repeated, but not begun anew by each packet that is received.
  t.true(network.sent[1] >= 2 && network.sent[1] <= 4, `${network.sent[1]}`);
});

test('6.2: a renewal that failed is not begun anew without new use of the session', (t) => {
  const timers = timersWith({ rekeyAttemptMs: 4 * SECOND });
  const { network, a, b } = connectedPair({ seed: 1 }, { a: { timers }, keepaliveMsB: 3_000 });
  a.send(0, 'hello');
  network.runUntil(125 * SECOND);
  network.tamper = (bytes, from) => (from === a ? undefined : bytes);
  a.send(0, 'old');
  network.runUntil(160 * SECOND);
  t.is(network.sent[1], 2, 'one try for what was sent');
  network.runUntil(180 * SECOND);
  t.is(network.sent[1], 3, 'one try for what was received late, though more came');
  t.deepEqual(a.events.slice(1), ['handshake-failed no answer', 'handshake-failed no answer']);
  t.true(b.events.length === 1);
});

test('a session is renewed by the number of messages too', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(1 * SECOND);
  b.sessions.sendCounter[b.peers.session[0]] = 2n ** 52n;
  b.send(0, 'many');
  network.runFor(11 * SECOND);
  t.is(network.sent[1], 2);
  t.deepEqual(a.received, ['many']);
});

test('6.1: after REJECT_AFTER_TIME nothing is sent on a session; the next data makes another', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(181 * SECOND);
  const before = network.sent[4];
  a.send(0, 'again');
  t.is(network.sent[4], before);
  network.runFor(1 * SECOND);
  t.deepEqual(b.received, ['hello', 'again']);
});

test('6.3: keys are erased three times REJECT_AFTER_TIME after they were made', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(539 * SECOND);
  t.is(a.keys.size, 1);
  t.is(b.keys.size, 1);
  network.runFor(2 * SECOND);
  t.is(a.keys.size, 0);
  t.is(b.keys.size, 0);
  t.is(a.peers.session[0], -1);
});

test('6.4: initiations are repeated every REKEY_TIMEOUT plus jitter, and given up after REKEY_ATTEMPT_TIME', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  network.cut.add(b);
  a.send(0, 'lost');
  network.runFor(5 * MINUTE);
  t.deepEqual(a.events, ['handshake-failed no answer']);
  const times = network.lines
    .filter((line) => line.includes('initiation'))
    .map((line) => Number.parseFloat(line));
  t.true(times.length >= 17 && times.length <= 18, `${times.length}`);
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  for (const gap of gaps) t.true(gap >= 5 && gap <= 5.334, `${gap}`);
  t.true(new Set(gaps).size > 5, 'the jitter varies');
});

test('6.4: new data starts the attempts again', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  network.cut.add(b);
  a.send(0, 'lost');
  network.runFor(3 * MINUTE);
  const before = network.sent[1];
  a.send(0, 'more');
  network.runFor(1 * MINUTE);
  t.true(network.sent[1] > before + 8);
  network.cut.clear();
  network.runFor(6 * SECOND);
  t.deepEqual(b.received, ['lost', 'more']);
});

test('6.4: while data is sent the attempts do not end', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  network.cut.add(b);
  for (let i = 0; i < 30; i++) {
    a.send(0, 'lost');
    network.runFor(10 * SECOND);
  }
  t.deepEqual(a.events, []);
  network.runFor(2 * MINUTE);
  t.deepEqual(a.events, ['handshake-failed no answer']);
});

test('initiations never end to a peer that is always to be reached', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateA: 'always' });
  network.cut.add(b);
  network.runFor(60 * MINUTE);
  t.true(network.sent[1] > 60 * 11, `${network.sent[1]}`);
  t.true(a.events.length >= 38 && a.events.length <= 40, 'each REKEY_ATTEMPT_TIME is reported');
  network.cut.clear();
  network.runFor(6 * SECOND);
  t.is(a.events.at(-1), 'session-established initiator');
  t.is(b.events.at(-1), 'session-established responder');
});

test('6.5: data that is not answered at all makes a new handshake', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(30 * SECOND);
  network.cut.add(b);
  a.send(0, 'lost');
  network.runFor(14.9 * SECOND);
  t.is(network.sent[1], 1);
  network.runFor(0.5 * SECOND);
  t.is(network.sent[1], 2);
});

test('6.5: the new handshake is given up too, if nothing more is sent', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(30 * SECOND);
  network.cut.add(b);
  a.send(0, 'lost');
  network.runFor(10 * MINUTE);
  t.deepEqual(a.events.slice(1), ['handshake-failed no answer']);
  t.true(network.sent[1] <= 19, `${network.sent[1]}`);
});

test('6.1: an initiation comes no sooner than REKEY_TIMEOUT after a response of ours', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  network.tamper = (bytes) => (bytes[0] === 4 ? undefined : bytes);
  a.send(0, 'hello');
  network.runFor(0.1 * SECOND);
  b.send(0, 'waits for the first packet of a, which is lost');
  network.runFor(4.8 * SECOND);
  t.is(network.sent[1], 1);
  network.runFor(0.2 * SECOND);
  t.is(network.sent[1], 2);
});

test('6.5: data is answered by a keepalive after KEEPALIVE_TIMEOUT, unless by data', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(9.9 * SECOND);
  const before = network.sent[4];
  network.runFor(0.2 * SECOND);
  t.is(network.sent[4], before + 1);
  network.runFor(1 * MINUTE);
  t.is(network.sent[4], before + 1, 'keepalives are not answered');
  a.send(0, 'hello');
  network.runFor(5 * SECOND);
  b.send(0, 'answer');
  network.runFor(9 * SECOND);
  t.is(network.sent[4], before + 3);
});

test('a persistent keepalive keeps a session at all times, and makes the first one', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { keepaliveMs: 25_000, bKnowsA: false });
  network.runFor(10 * MINUTE);
  t.deepEqual(a.events.at(0), 'session-established initiator');
  t.true(a.peers.authenticatedSentAtMs[0] > network.now - 50_001);
  const lines = network.lines.filter((line) => /keepalive|initiation|response/.test(line));
  const times = lines.map((line) => Number.parseFloat(line));
  for (let i = 1; i < times.length; i++) t.true(times[i] - times[i - 1] <= 25.4, lines[i]);
  b.send(0, 'from inside');
  network.runFor(1 * SECOND);
  t.deepEqual(a.received, ['from inside']);
});

test('a peer that is always to be reached is renewed before its session ends, without use', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateA: 'always' });
  for (let second = 1; second < 1_800; second++) {
    network.runFor(1 * SECOND);
    const slot = a.peers.session[0];
    t.true(slot >= 0 && network.now < a.sessions.expiresAtMs[slot]);
  }
  t.true(network.sent[1] >= 14 && network.sent[1] <= 15);
  t.is(b.events.length, a.events.length);
  t.true(a.keys.size <= 3 && b.keys.size <= 3, 'old sessions are removed');
});

test('the responder steps in where the initiator of the session is gone', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateB: 'always' });
  a.send(0, 'hello');
  network.runFor(10 * SECOND);
  t.is(b.events.at(-1), 'session-established initiator');
  network.tamper = (bytes, from) => (from === b && bytes[0] === 1 ? undefined : bytes);
  a.wireGuard.startHandshake(0, network.now, a.unixMs);
  a.drain();
  network.runFor(5 * SECOND);
  t.is(b.events.at(-1), 'session-established responder');
  network.tamper = (bytes) => bytes;
  network.runFor(166 * SECOND);
  t.is(b.events.at(-1), 'session-established initiator');
});

test('dial now: a handshake starts at once, though one is under way', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  network.cut.add(b);
  a.send(0, 'hello');
  network.runFor(2 * SECOND);
  network.cut.clear();
  a.wireGuard.startHandshake(0, network.now, a.unixMs);
  a.drain();
  network.runFor(0.1 * SECOND);
  t.deepEqual(b.received, ['hello']);
  for (let i = 0; i < 50; i++) a.wireGuard.startHandshake(0, network.now, a.unixMs);
  a.drain();
  network.runFor(1 * SECOND);
  t.true(network.sent[1] <= 4, 'but not without limit');
  t.is(b.wireGuard.drops.flood, 0);
});
