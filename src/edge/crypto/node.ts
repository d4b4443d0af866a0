/**
 * The primitives by the runtime's OpenSSL, and by the audited noble packages where OpenSSL lacks them: keyed BLAKE2s
 * (Node offers no key for it) and XChaCha20. Noble's are plain JavaScript; they see a few hundred bytes a handshake.
 *
 * OpenSSL wants key objects. Those of long-lived keys (our own, the peers') are remembered by the identity of the array;
 * ephemeral ones go with theirs. Results are copied out of Buffers, whose slice() and whose memory are shared.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes as nodeRandomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { TAG_BYTES } from '../../core/wireguard/constants.js';
import type { Crypto } from '../../core/wireguard/crypto.js';

/** Keys pass as JWK (RFC 8037): OpenSSL 3 takes ten times as long to decode them from DER. */
const CURVE = { kty: 'OKP', crv: 'X25519' };
const NONCE_BYTES = 12;
const AEAD = 'chacha20-poly1305';

/** The primitives; `randomBytes` is replaced only where a test must be repeatable. */
export function createCrypto(randomBytes: (length: number) => Uint8Array = nodeRandomBytes): Crypto {
  const privateKeys = new WeakMap<Uint8Array, KeyObject>();
  const publicKeys = new WeakMap<Uint8Array, KeyObject>();

  const publicKey = (key: Uint8Array): Uint8Array => {
    const { x } = createPublicKey(privateObject(privateKeys, key)).export({ format: 'jwk' });
    return new Uint8Array(Buffer.from(x as string, 'base64url'));
  };

  return {
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    publicKey,
    generateKeyPair() {
      const privateKey = new Uint8Array(randomBytes(32));
      return { privateKey, publicKey: publicKey(privateKey) };
    },
    dh(own, theirs) {
      try {
        return new Uint8Array(
          diffieHellman({
            privateKey: privateObject(privateKeys, own),
            publicKey: publicObject(publicKeys, theirs),
          }),
        );
      } catch {
        // OpenSSL refuses to derive an all-zero secret; there is no other way to fail with 32-byte keys.
        return undefined;
      }
    },
    hash(...parts) {
      const hash = createHash('blake2s256');
      for (const part of parts) hash.update(part);
      return new Uint8Array(hash.digest());
    },
    hmac(key, ...parts) {
      const hmac = createHmac('blake2s256', key);
      for (const part of parts) hmac.update(part);
      return new Uint8Array(hmac.digest());
    },
    mac(key, data) {
      return blake2s(data, { key, dkLen: 16 });
    },
    aeadSeal,
    aeadOpen,
    xaeadSeal(key, nonce, plaintext, ad) {
      return xchacha20poly1305(key, nonce, ad).encrypt(plaintext);
    },
    xaeadOpen(key, nonce, ciphertext, ad) {
      try {
        return xchacha20poly1305(key, nonce, ad).decrypt(ciphertext);
      } catch {
        return undefined;
      }
    },
    equal(a, b) {
      return a.length === b.length && timingSafeEqual(a, b);
    },
  };
}

function base64url(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('base64url');
}

function privateObject(known: WeakMap<Uint8Array, KeyObject>, key: Uint8Array): KeyObject {
  let object = known.get(key);
  if (object === undefined) {
    const d = base64url(key);
    // A private JWK must name a public key too, but OpenSSL derives that itself and does not look at this one.
    object = createPrivateKey({ key: { ...CURVE, d, x: d }, format: 'jwk' });
    known.set(key, object);
  }
  return object;
}

function publicObject(known: WeakMap<Uint8Array, KeyObject>, key: Uint8Array): KeyObject {
  let object = known.get(key);
  if (object === undefined) {
    object = createPublicKey({ key: { ...CURVE, x: base64url(key) }, format: 'jwk' });
    known.set(key, object);
  }
  return object;
}

function nonceOf(counter: number): Uint8Array {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32LE(counter % 0x1_0000_0000, 4);
  nonce.writeUInt32LE(Math.floor(counter / 0x1_0000_0000), 8);
  return nonce;
}

function aeadSeal(key: Uint8Array, counter: number, plaintext: Uint8Array, ad: Uint8Array): Uint8Array {
  const cipher = createCipheriv(AEAD, key, nonceOf(counter), { authTagLength: TAG_BYTES });
  cipher.setAAD(ad, { plaintextLength: plaintext.length });
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  sealed.set(cipher.update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

function aeadOpen(
  key: Uint8Array,
  counter: number,
  ciphertext: Uint8Array,
  ad: Uint8Array,
): Uint8Array | undefined {
  const length = ciphertext.length - TAG_BYTES;
  if (length < 0) return undefined;
  const decipher = createDecipheriv(AEAD, key, nonceOf(counter), { authTagLength: TAG_BYTES });
  decipher.setAAD(ad, { plaintextLength: length });
  decipher.setAuthTag(ciphertext.subarray(length));
  const plaintext = new Uint8Array(decipher.update(ciphertext.subarray(0, length)));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}
