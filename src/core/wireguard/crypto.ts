/**
 * The primitives that WireGuard is built from (paper, 5.4), behind one interface: edge/crypto implements it with the
 * runtime's OpenSSL and audited packages, tests make its randomness repeatable. Key arrays that are passed in are not
 * changed afterwards by anyone while they are in use as keys, so an implementation may remember work by their identity.
 */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface Crypto {
  /** Unpredictable bytes. */
  randomBytes(length: number): Uint8Array;
  /** DH-Generate: a new Curve25519 key pair. */
  generateKeyPair(): KeyPair;
  /** The Curve25519 public key (32 bytes) of a private key (32 bytes, clamped inside). */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** DH: X25519 (RFC 7748), 32 bytes; undefined where the result is all zero (the public key has a small order). */
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** Hash: BLAKE2s-256 over the concatenation of `parts`. */
  hash(...parts: Uint8Array[]): Uint8Array;
  /** Hmac: HMAC-BLAKE2s-256 over the concatenation of `parts`. */
  hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array;
  /** Mac: keyed BLAKE2s-128 over `data`; `key` has 16 or 32 bytes. */
  mac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Aead: ChaCha20-Poly1305 (RFC 8439) with nonce 0^32 ‖ LE64(counter); ciphertext ‖ tag. `counter` < 2^53. */
  aeadSeal(key: Uint8Array, counter: number, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;
  /** The plaintext, or undefined where the tag does not match or the input is shorter than a tag. */
  aeadOpen(key: Uint8Array, counter: number, ciphertext: Uint8Array, ad: Uint8Array): Uint8Array | undefined;
  /** Xaead: XChaCha20-Poly1305 with a nonce of 24 bytes. */
  xaeadSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;
  xaeadOpen(
    key: Uint8Array,
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    ad: Uint8Array,
  ): Uint8Array | undefined;
  /** Whether `a` and `b` are equal, in time that depends on their length alone. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}

/** The bytes of an ASCII text (core has no TextEncoder). */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
