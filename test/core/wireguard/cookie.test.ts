import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SPEC_TIMERS } from '../../../src/core/wireguard/constants.js';
import { CookieChecker, MacWriter } from '../../../src/core/wireguard/cookie.js';
import {
  INITIATION_BYTES,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  newMessage,
  RESPONSE_BYTES,
} from '../../../src/core/wireguard/message.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';

const crypto = createCrypto();
const { publicKey } = crypto.generateKeyPair();
const source = encodeEndpoint(Uint8Array.of(192, 0, 2, 1), 51_820, 0);

function ends() {
  return {
    checker: new CookieChecker(crypto, publicKey, SPEC_TIMERS),
    writer: new MacWriter(crypto, publicKey, SPEC_TIMERS),
  };
}

function initiation(): Uint8Array {
  return newMessage(MESSAGE_INITIATION, INITIATION_BYTES);
}

test('mac1 covers all that comes before it, in both messages', (t) => {
  const { checker, writer } = ends();
  for (const message of [initiation(), newMessage(MESSAGE_RESPONSE, RESPONSE_BYTES)]) {
    writer.writeMacs(message, 0);
    t.true(checker.checkMac1(message));
    for (let at = 0; at < message.length - 16; at++) {
      message[at] ^= 1;
      t.false(checker.checkMac1(message), `byte ${at}`);
      message[at] ^= 1;
    }
  }
});

test('a cookie is good for its address and port alone, until the secret changes', (t) => {
  const { checker, writer } = ends();
  const message = initiation();
  writer.writeMacs(message, 1_000);
  t.true(writer.takeCookie(checker.createReply(message, 1, source, 1_000), 1_000));
  writer.writeMacs(message, 1_000);
  t.true(checker.checkMac2(message, source, 1_000));
  const otherPort = encodeEndpoint(Uint8Array.of(192, 0, 2, 1), 51_821, 0);
  const otherAddress = encodeEndpoint(Uint8Array.of(192, 0, 2, 2), 51_820, 0);
  t.false(checker.checkMac2(message, otherPort, 1_000));
  t.false(checker.checkMac2(message, otherAddress, 1_000));
  t.true(
    checker.checkMac2(message, encodeEndpoint(Uint8Array.of(192, 0, 2, 1), 51_820, 3), 1_000),
    'any socket',
  );
  t.true(checker.checkMac2(message, source, 120_999));
  t.false(checker.checkMac2(message, source, 121_000));
  checker.createReply(message, 1, source, 121_000);
  t.false(checker.checkMac2(message, source, 121_000), 'made with the old secret');
});

test('a cookie is used until shortly before its secret can have changed', (t) => {
  const { checker, writer } = ends();
  const message = initiation();
  writer.writeMacs(message, 1_000);
  writer.takeCookie(checker.createReply(message, 1, source, 1_000), 1_000);
  const hasMac2 = (now: number): boolean => {
    const message = initiation();
    writer.writeMacs(message, now);
    return message.subarray(-16).some((byte) => byte !== 0);
  };
  t.true(hasMac2(115_999));
  t.false(hasMac2(116_000));
});

test('a cookie reply is taken only as answer to the last message', (t) => {
  const { checker, writer } = ends();
  const message = initiation();
  const unasked = checker.createReply(message, 1, source, 0);
  t.false(writer.takeCookie(unasked, 0), 'nothing was sent');
  writer.writeMacs(message, 0);
  const late = checker.createReply(message, 1, source, 0);
  message[10] ^= 1;
  writer.writeMacs(message, 0);
  t.false(writer.takeCookie(late, 0), 'answers the message before');
  const reply = checker.createReply(message, 1, source, 0);
  for (let at = 8; at < reply.length; at++) {
    const forged = new Uint8Array(reply);
    forged[at] ^= 1;
    t.false(writer.takeCookie(forged, 0), `byte ${at}`);
  }
  t.true(writer.takeCookie(reply, 0));
});
