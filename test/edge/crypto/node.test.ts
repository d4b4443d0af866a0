import test from 'ava';
import fc from 'fast-check';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { fromHex, toHex } from '../../support/hex.js';
import { readVectors, type WireGuardVectors } from '../../support/vectors.js';

interface Published {
  x25519: Record<'alicePrivate' | 'alicePublic' | 'bobPrivate' | 'bobPublic' | 'shared', string>;
  blake2s: { data: string; digest: string };
  xchacha20poly1305: { key: string; nonce: string; ad: string; plaintext: string; sealed: string };
  smallOrder: { points: string[] };
}

const crypto = createCrypto();
const published = readVectors<Published>('published.json');
const { primitives } = readVectors<WireGuardVectors>('wireguard.json');
const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('X25519 is that of RFC 7748', (t) => {
  const { alicePrivate, alicePublic, bobPrivate, bobPublic, shared } = published.x25519;
  t.is(toHex(crypto.publicKey(fromHex(alicePrivate))), alicePublic);
  t.is(toHex(crypto.publicKey(fromHex(bobPrivate))), bobPublic);
  t.is(toHex(crypto.dh(fromHex(alicePrivate), fromHex(bobPublic))!), shared);
  t.is(toHex(crypto.dh(fromHex(bobPrivate), fromHex(alicePublic))!), shared);
});

test('a public key of small order has no shared secret', (t) => {
  const { privateKey } = crypto.generateKeyPair();
  for (const point of published.smallOrder.points) t.is(crypto.dh(privateKey, fromHex(point)), undefined);
});

test('both ends of any two generated key pairs agree', (t) => {
  const a = crypto.generateKeyPair();
  const b = crypto.generateKeyPair();
  t.notDeepEqual(a.publicKey, b.publicKey);
  t.deepEqual(crypto.dh(a.privateKey, b.publicKey), crypto.dh(b.privateKey, a.publicKey));
});

test('BLAKE2s is that of RFC 7693', (t) => {
  t.is(toHex(crypto.hash(fromHex(published.blake2s.data))), published.blake2s.digest);
});

test('hash, keyed hash and HMAC agree with Python', (t) => {
  const { key } = primitives;
  for (const { data, digest } of primitives.hash) t.is(toHex(crypto.hash(fromHex(data))), digest);
  for (const { data, digest } of primitives.mac) t.is(toHex(crypto.mac(fromHex(key), fromHex(data))), digest);
  for (const { data, digest } of primitives.hmac)
    t.is(toHex(crypto.hmac(fromHex(key), fromHex(data))), digest);
  const shortKey = fromHex(key).subarray(0, 16);
  for (const { data, digest } of primitives.mac16) t.is(toHex(crypto.mac(shortKey, fromHex(data))), digest);
});

test('parts hash as their concatenation', (t) => {
  fc.assert(
    fc.property(bytes(90), bytes(90), (a, b) => {
      const whole = Uint8Array.from([...a, ...b]);
      t.deepEqual(crypto.hash(a, b), crypto.hash(whole));
      t.deepEqual(crypto.hmac(a, a, b), crypto.hmac(a, whole));
    }),
  );
});

test('ChaCha20-Poly1305 agrees with Python, counters above 32 bits too', (t) => {
  const key = fromHex(primitives.key);
  for (const { counter, plaintext, ad, sealed } of primitives.aead) {
    t.is(toHex(crypto.aeadSeal(key, counter, fromHex(plaintext), fromHex(ad))), sealed);
    t.is(toHex(crypto.aeadOpen(key, counter, fromHex(sealed), fromHex(ad))!), plaintext);
  }
});

test('XChaCha20-Poly1305 is that of the draft', (t) => {
  const { key, nonce, ad, plaintext, sealed } = published.xchacha20poly1305;
  t.is(toHex(crypto.xaeadSeal(fromHex(key), fromHex(nonce), fromHex(plaintext), fromHex(ad))), sealed);
  t.is(toHex(crypto.xaeadOpen(fromHex(key), fromHex(nonce), fromHex(sealed), fromHex(ad))!), plaintext);
});

test('what was sealed opens, and with any bit changed it does not', (t) => {
  fc.assert(
    fc.property(key, fc.maxSafeNat(), bytes(80), bytes(40), fc.nat(), (key, counter, plaintext, ad, at) => {
      const sealed = crypto.aeadSeal(key, counter, plaintext, ad);
      t.deepEqual(crypto.aeadOpen(key, counter, sealed, ad), plaintext);
      sealed[at % sealed.length] ^= 1 << (at % 8);
      t.is(crypto.aeadOpen(key, counter, sealed, ad), undefined);

      const nonce = key.subarray(0, 24);
      const xsealed = crypto.xaeadSeal(key, nonce, plaintext, ad);
      t.deepEqual(crypto.xaeadOpen(key, nonce, xsealed, ad), plaintext);
      xsealed[at % xsealed.length] ^= 1 << (at % 8);
      t.is(crypto.xaeadOpen(key, nonce, xsealed, ad), undefined);
    }),
  );
});

test('what is shorter than a tag does not open', (t) => {
  for (let length = 0; length < 16; length++) {
    const short = new Uint8Array(length);
    t.is(crypto.aeadOpen(new Uint8Array(32), 0, short, short), undefined);
    t.is(crypto.xaeadOpen(new Uint8Array(32), new Uint8Array(24), short, short), undefined);
  }
});

test('equal compares content and length', (t) => {
  t.true(crypto.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  t.false(crypto.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  t.false(crypto.equal(Uint8Array.of(1, 2), Uint8Array.of(1)));
});

test('results are plain arrays that own their bytes', (t) => {
  const data = new Uint8Array(40);
  const results = [
    crypto.hash(data),
    crypto.hmac(data, data),
    crypto.mac(data.subarray(0, 32), data),
    crypto.aeadSeal(data.subarray(0, 32), 0, data, data),
    crypto.generateKeyPair().privateKey,
    crypto.dh(crypto.generateKeyPair().privateKey, crypto.generateKeyPair().publicKey)!,
  ];
  for (const result of results) {
    t.false(Buffer.isBuffer(result));
    t.is(result.buffer.byteLength, result.length);
  }
});
