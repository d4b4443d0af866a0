import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SPEC_TIMERS } from '../../../src/core/wireguard/constants.js';
import { CookieChecker, MacWriter } from '../../../src/core/wireguard/cookie.js';
import type { Crypto } from '../../../src/core/wireguard/crypto.js';
import { MAC1_FROM_END } from '../../../src/core/wireguard/message.js';
import { Noise } from '../../../src/core/wireguard/noise.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { fromHex, toHex } from '../../support/hex.js';
import { type HandshakeVector, readVectors, type WireGuardVectors } from '../../support/vectors.js';

const { handshakes } = readVectors<WireGuardVectors>('wireguard.json');

/** Primitives whose random bytes are these, in turn. */
function cryptoWith(...random: string[]): Crypto {
  return createCrypto(() => fromHex(random.shift()!));
}

function initiate(vector: HandshakeVector) {
  const crypto = cryptoWith(vector.initiator.ephemeral);
  const noise = new Noise(crypto, fromHex(vector.initiator.static));
  const remote = noise.createRemote(fromHex(vector.responder.staticPublic), fromHex(vector.presharedKey))!;
  return {
    noise,
    remote,
    ...noise.createInitiation(remote, vector.initiator.index, fromHex(vector.timestamp))!,
  };
}

function respond(vector: HandshakeVector, message = fromHex(vector.initiation)) {
  const crypto = cryptoWith(vector.responder.ephemeral);
  const noise = new Noise(crypto, fromHex(vector.responder.static));
  const remote = noise.createRemote(fromHex(vector.initiator.staticPublic), fromHex(vector.presharedKey))!;
  return { noise, remote, opened: noise.openStatic(message) };
}

for (const vector of handshakes) {
  test(`initiator: ${vector.name}: every byte of the twin's handshake`, (t) => {
    const { noise, remote, message, initiation } = initiate(vector);
    const unmaced = message.length - MAC1_FROM_END;
    t.is(toHex(message.subarray(0, unmaced)), vector.initiation.slice(0, 2 * unmaced));
    t.is(toHex(initiation.transcript.c), vector.afterInitiation.chain);
    t.is(toHex(initiation.transcript.h), vector.afterInitiation.hash);
    const keys = noise.openResponse(initiation, remote, fromHex(vector.response))!;
    t.is(toHex(keys.sendKey), vector.initiatorSendKey);
    t.is(toHex(keys.receiveKey), vector.responderSendKey);
  });

  test(`responder: ${vector.name}: every byte of the twin's handshake`, (t) => {
    const { noise, remote, opened } = respond(vector);
    t.is(toHex(opened!.remoteStatic), vector.initiator.staticPublic);
    t.is(opened!.remoteIndex, vector.initiator.index);
    t.is(toHex(noise.openTimestamp(opened!, remote, fromHex(vector.initiation))!), vector.timestamp);
    const { message, keys } = noise.createResponse(opened!, remote, vector.responder.index)!;
    const unmaced = message.length - MAC1_FROM_END;
    t.is(toHex(message.subarray(0, unmaced)), vector.response.slice(0, 2 * unmaced));
    t.is(toHex(keys.sendKey), vector.responderSendKey);
    t.is(toHex(keys.receiveKey), vector.initiatorSendKey);
  });

  test(`macs and cookie: ${vector.name}: every byte of the twin's`, (t) => {
    const { secret, nonce, source, reply, initiationWithMac2 } = vector.cookie;
    const crypto = cryptoWith(secret, nonce);
    const responderKey = fromHex(vector.responder.staticPublic);
    const checker = new CookieChecker(crypto, responderKey, SPEC_TIMERS);
    const writer = new MacWriter(crypto, responderKey, SPEC_TIMERS);
    const address = fromHex(source);
    const from = encodeEndpoint(address.subarray(0, 4), (address[4] << 8) | address[5], 0);

    const message = fromHex(vector.initiation).fill(0, -MAC1_FROM_END);
    writer.writeMacs(message, 1_000);
    t.is(toHex(message), vector.initiation);
    t.true(checker.checkMac1(message));
    t.false(checker.checkMac2(message, from, 1_000));

    const cookieReply = checker.createReply(message, vector.initiator.index, from, 1_000);
    t.is(toHex(cookieReply), reply);
    t.true(writer.takeCookie(cookieReply, 1_000));
    writer.writeMacs(message, 1_000);
    t.is(toHex(message), initiationWithMac2);
    t.true(checker.checkMac2(message, from, 1_000));
  });
}

test('a response to another initiation, with another psk or changed anywhere is refused and changes nothing', (t) => {
  const [vector, other] = handshakes;
  const { noise, remote, initiation } = initiate(vector);
  const response = fromHex(vector.response);
  t.is(noise.openResponse(initiation, remote, fromHex(other.response)), undefined);
  const otherPsk = { ...remote, presharedKey: fromHex(other.presharedKey) };
  t.is(noise.openResponse(initiation, otherPsk, response), undefined);
  for (let at = 12; at < 60; at++) {
    const changed = new Uint8Array(response);
    changed[at] ^= 1;
    t.is(noise.openResponse(initiation, remote, changed), undefined, `byte ${at}`);
  }
  t.is(toHex(noise.openResponse(initiation, remote, response)!.sendKey), vector.initiatorSendKey);
});

test('an initiation changed anywhere is refused', (t) => {
  const [vector] = handshakes;
  for (let at = 8; at < 116; at++) {
    const changed = fromHex(vector.initiation);
    changed[at] ^= 1;
    const { noise, remote, opened } = respond(vector, changed);
    const timestamp = opened && noise.openTimestamp(opened, remote, changed);
    t.is(timestamp, undefined, `byte ${at}`);
  }
});

test('a peer with a key of small order has no handshake', (t) => {
  const [vector] = handshakes;
  const noise = new Noise(createCrypto(), fromHex(vector.initiator.static));
  t.is(noise.createRemote(new Uint8Array(32), new Uint8Array(32)), undefined);
  const message = fromHex(vector.initiation).fill(0, 8, 40);
  t.is(noise.openStatic(message), undefined);
});
