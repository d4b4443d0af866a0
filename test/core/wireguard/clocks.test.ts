import test from 'ava';
import {
  newHandshakeDueMs,
  noteAuthenticatedReceived,
  noteDataSent,
  noteHandshakeReceived,
  noteHandshakeSent,
  noteKeepaliveSent,
  passiveKeepaliveDueMs,
  persistentKeepaliveDueMs,
} from '../../../src/core/wireguard/clocks.js';
import { SPEC_TIMERS } from '../../../src/core/wireguard/constants.js';
import { PeerTable } from '../../../src/core/wireguard/tables.js';

const newHandshake = (peers: PeerTable): number => newHandshakeDueMs(peers, 1, SPEC_TIMERS, 7);
const passive = (peers: PeerTable): number => passiveKeepaliveDueMs(peers, 1, SPEC_TIMERS, 0);
const NEVER = Number.POSITIVE_INFINITY;

test('6.5: data without an answer for KEEPALIVE_TIMEOUT + REKEY_TIMEOUT makes a new handshake due', (t) => {
  const peers = PeerTable.create(3);
  t.is(newHandshake(peers), NEVER);
  noteDataSent(peers, 1, 1_000);
  noteDataSent(peers, 1, 9_000);
  t.is(newHandshake(peers), 16_007, 'counted from the first unanswered packet');
  noteAuthenticatedReceived(peers, 1, 10_000, false);
  t.is(newHandshake(peers), NEVER, 'a keepalive is an answer');
  noteKeepaliveSent(peers, 1, 11_000);
  t.is(newHandshake(peers), NEVER, 'a keepalive wants no answer');
  noteDataSent(peers, 1, 12_000);
  noteHandshakeReceived(peers, 1, 13_000);
  t.is(newHandshake(peers), NEVER, 'a handshake message is an answer');
});

test('6.5: data without anything sent back for KEEPALIVE_TIMEOUT makes a keepalive due', (t) => {
  const peers = PeerTable.create(3);
  t.is(passive(peers), NEVER);
  noteAuthenticatedReceived(peers, 1, 1_000, false);
  t.is(passive(peers), NEVER, 'a keepalive is not answered');
  noteAuthenticatedReceived(peers, 1, 2_000, true);
  noteAuthenticatedReceived(peers, 1, 9_000, true);
  t.is(passive(peers), 12_000, 'counted from the first unanswered packet');
  t.is(passiveKeepaliveDueMs(peers, 1, SPEC_TIMERS, 12_000), 22_000, 'asked for, but none was sent');
  for (const answer of [noteDataSent, noteKeepaliveSent, noteHandshakeSent]) {
    noteAuthenticatedReceived(peers, 1, 20_000, true);
    answer(peers, 1, 21_000);
    t.is(passive(peers), NEVER);
  }
});

test('a persistent keepalive follows silence in both directions', (t) => {
  const peers = PeerTable.create(3);
  const due = (otherwise = 0): number => persistentKeepaliveDueMs(peers, 1, 25_000, otherwise);
  t.is(persistentKeepaliveDueMs(peers, 1, 0, 0), NEVER);
  noteDataSent(peers, 1, 1_000);
  t.is(due(), 26_000);
  noteAuthenticatedReceived(peers, 1, 2_000, false);
  t.is(due(), 27_000);
  noteKeepaliveSent(peers, 1, 3_000);
  t.is(due(), 28_000);
  t.is(due(4_000), 29_000);
});

test('clocks of one peer leave the others alone', (t) => {
  const peers = PeerTable.create(3);
  noteDataSent(peers, 1, 1_000);
  noteAuthenticatedReceived(peers, 1, 1_000, true);
  for (const peer of [0, 2]) {
    t.is(newHandshakeDueMs(peers, peer, SPEC_TIMERS, 0), NEVER);
    t.is(passiveKeepaliveDueMs(peers, peer, SPEC_TIMERS, 0), NEVER);
  }
});
