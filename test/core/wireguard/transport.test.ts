import test from 'ava';
import { COUNTER_LIMIT } from '../../../src/core/wireguard/constants.js';
import { parseMessageType, writeUint32 } from '../../../src/core/wireguard/message.js';
import { SessionTable } from '../../../src/core/wireguard/tables.js';
import { openTransport, sealTransport, transportSlot } from '../../../src/core/wireguard/transport.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { fromHex, toHex } from '../../support/hex.js';
import { readVectors, type WireGuardVectors } from '../../support/vectors.js';

const crypto = createCrypto();
const [vector] = readVectors<WireGuardVectors>('wireguard.json').handshakes;
const key = fromHex(vector.initiatorSendKey);

function session(): SessionTable {
  const sessions = SessionTable.create(0x43);
  const slot = 0x42;
  sessions.remoteIndex[slot] = vector.responder.index;
  sessions.localIndex[slot] = vector.responder.index;
  sessions.expiresAtMs[slot] = 1_000;
  return sessions;
}

test("seals and opens the twin's messages, byte for byte", (t) => {
  const sealing = session();
  const opening = session();
  for (const { counter, message } of vector.transports) {
    sealing.sendCounter[0x42] = BigInt(counter);
    const sealed = sealTransport(crypto, sealing, 0x42, key, fromHex('61207061636b6574'), 0);
    t.is(toHex(sealed!), message);
    t.is(transportSlot(opening, sealed!, 0), 0x42);
    t.is(toHex(openTransport(crypto, opening, 0x42, key, sealed!)!), vector.plaintext);
    t.is(openTransport(crypto, opening, 0x42, key, sealed!), undefined, 'replayed');
  }
});

test('a keepalive is an empty message of 32 bytes', (t) => {
  const sessions = session();
  const keepalive = sealTransport(crypto, sessions, 0x42, key, new Uint8Array(0), 0)!;
  t.is(keepalive.length, 32);
  t.deepEqual(openTransport(crypto, sessions, 0x42, key, keepalive), new Uint8Array(0));
});

test('a message finds its slot only by the whole index of a live session', (t) => {
  const sessions = session();
  const message = sealTransport(crypto, sessions, 0x42, key, new Uint8Array(0), 0)!;
  t.is(transportSlot(sessions, message, 999), 0x42);
  t.is(transportSlot(sessions, message, 1_000), -1, 'expired');
  for (const index of [0, vector.responder.index ^ 0x1_0000, 0x42, 0xffff_ffff]) {
    writeUint32(message, 4, index);
    t.is(transportSlot(sessions, message, 0), -1);
  }
});

test('a session ends by time and by number of messages', (t) => {
  const sessions = session();
  const seal = (now: number): Uint8Array | undefined =>
    sealTransport(crypto, sessions, 0x42, key, new Uint8Array(0), now);
  t.truthy(seal(999));
  t.is(seal(1_000), undefined);
  sessions.sendCounter[0x42] = BigInt(COUNTER_LIMIT);
  t.is(seal(0), undefined);
  const message = fromHex(vector.transports[0].message);
  writeUint32(message, 12, 0x0020_0000);
  t.is(openTransport(crypto, sessions, 0x42, key, message), undefined, 'a counter of 2^53');
});

test('messages are told apart by type, reserved bytes and length', (t) => {
  const lengths = { 1: 148, 2: 92, 3: 64 };
  for (const [type, length] of Object.entries(lengths)) {
    const message = new Uint8Array(length).fill(Number(type), 0, 1);
    t.is(parseMessageType(message), Number(type));
    t.is(parseMessageType(message.subarray(1)), 0);
    t.is(parseMessageType(new Uint8Array(length + 1).fill(Number(type), 0, 1)), 0);
    t.is(parseMessageType(message.subarray(0, length - 1)), 0);
    for (const reserved of [1, 2, 3]) {
      const odd = new Uint8Array(message);
      odd[reserved] = 1;
      t.is(parseMessageType(odd), 0);
    }
  }
  t.is(parseMessageType(Uint8Array.of(4, ...new Uint8Array(31))), 4);
  t.is(parseMessageType(Uint8Array.of(4, ...new Uint8Array(30))), 0);
  t.is(parseMessageType(Uint8Array.of(5, ...new Uint8Array(31))), 0);
  t.is(parseMessageType(new Uint8Array(0)), 0);
});
