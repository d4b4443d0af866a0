/**
 * The handshake Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s in the words of the paper (5.4.2–5.4.5), both roles:
 *
 *   initiator → responder   e, es, s, ss, {timestamp}
 *   responder → initiator   e, ee, se, psk, {}
 *
 * C is the chaining key, H the hash of all that was said. Nothing here keeps state of its own: an initiator holds the
 * `Initiation` until its response comes, a responder answers at once. A refused message changes nothing. Bytes are copied
 * by `new Uint8Array(…)`, since a Node Buffer passes for a Uint8Array and its slice() does not copy.
 */
import { CONSTRUCTION, IDENTIFIER, KEY_BYTES, TIMESTAMP_BYTES } from './constants.js';
import { ascii, type Crypto, type KeyPair } from './crypto.js';
import {
  INITIATION_BYTES,
  INITIATION_EPHEMERAL,
  INITIATION_MAC1,
  INITIATION_SENDER,
  INITIATION_STATIC,
  INITIATION_TIMESTAMP,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  newMessage,
  RESPONSE_BYTES,
  RESPONSE_EMPTY,
  RESPONSE_EPHEMERAL,
  RESPONSE_MAC1,
  RESPONSE_RECEIVER,
  RESPONSE_SENDER,
  readUint32,
  writeUint32,
} from './message.js';

const EMPTY = new Uint8Array(0);
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** What a handshake must know of the other end. */
export interface Remote {
  readonly publicKey: Uint8Array;
  /** DH(own static, its static): the same for every handshake with it. */
  readonly staticStatic: Uint8Array;
  /** 32 bytes; all zero where no pre-shared key is agreed. */
  readonly presharedKey: Uint8Array;
}

/** Transport keys of the new session, 32 bytes each, seen from our side. */
export interface SessionKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** What an initiator keeps between its initiation and the response. */
export interface Initiation {
  readonly transcript: Transcript;
  readonly ephemeral: KeyPair;
}

/** An initiation whose static key is open but whose sender is not yet proven: the timestamp does that. */
export interface OpenedStatic {
  readonly transcript: Transcript;
  readonly remoteIndex: number;
  readonly remoteEphemeral: Uint8Array;
  readonly remoteStatic: Uint8Array;
}

/** Chaining key and hash of one handshake, and the operations of the paper on them. */
export class Transcript {
  readonly #crypto: Crypto;
  c: Uint8Array;
  h: Uint8Array;

  constructor(crypto: Crypto, c: Uint8Array, h: Uint8Array) {
    this.#crypto = crypto;
    this.c = c;
    this.h = h;
  }

  copy(): Transcript {
    return new Transcript(this.#crypto, new Uint8Array(this.c), new Uint8Array(this.h));
  }

  mixHash(data: Uint8Array): void {
    this.h = this.#crypto.hash(this.h, data);
  }

  /** C := Kdf1(C, input). */
  mixKey(input: Uint8Array): void {
    this.c = this.#expand(input, 1)[0];
  }

  /** (C, k) := Kdf2(C, input); returns k. */
  mixKeyForCipher(input: Uint8Array): Uint8Array {
    const [c, key] = this.#expand(input, 2);
    this.c = c;
    return key;
  }

  /** (C, τ, k) := Kdf3(C, psk), H := Hash(H ‖ τ); returns k. */
  mixPresharedKey(presharedKey: Uint8Array): Uint8Array {
    const [c, tau, key] = this.#expand(presharedKey, 3);
    this.c = c;
    this.mixHash(tau);
    return key;
  }

  sealAndHash(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const sealed = this.#crypto.aeadSeal(key, 0, plaintext, this.h);
    this.mixHash(sealed);
    return sealed;
  }

  openAndHash(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#crypto.aeadOpen(key, 0, sealed, this.h);
    if (plaintext !== undefined) this.mixHash(sealed);
    return plaintext;
  }

  /** The two transport keys, initiator's sending key first; then everything is erased. */
  split(): [Uint8Array, Uint8Array] {
    const [first, second] = this.#expand(EMPTY, 2);
    this.erase();
    return [first, second];
  }

  erase(): void {
    this.c.fill(0);
    this.h.fill(0);
  }

  #expand(input: Uint8Array, count: 1 | 2 | 3): Uint8Array[] {
    const crypto = this.#crypto;
    const secret = crypto.hmac(this.c, input);
    const outputs = [crypto.hmac(secret, ONE)];
    if (count > 1) outputs.push(crypto.hmac(secret, outputs[0], TWO));
    if (count > 2) outputs.push(crypto.hmac(secret, outputs[1], THREE));
    secret.fill(0);
    return outputs;
  }
}

/** Both roles of the handshake for one static key pair. */
export class Noise {
  readonly publicKey: Uint8Array;
  readonly #crypto: Crypto;
  readonly #privateKey: Uint8Array;
  readonly #initialChain: Uint8Array;
  readonly #initialHash: Uint8Array;

  constructor(crypto: Crypto, privateKey: Uint8Array) {
    this.#crypto = crypto;
    this.#privateKey = privateKey;
    this.publicKey = crypto.publicKey(privateKey);
    this.#initialChain = crypto.hash(ascii(CONSTRUCTION));
    this.#initialHash = crypto.hash(this.#initialChain, ascii(IDENTIFIER));
  }

  /** What handshakes with the owner of `publicKey` need; undefined where that key has a small order. */
  createRemote(publicKey: Uint8Array, presharedKey: Uint8Array): Remote | undefined {
    const staticStatic = this.#crypto.dh(this.#privateKey, publicKey);
    return staticStatic === undefined ? undefined : { publicKey, staticStatic, presharedKey };
  }

  /**
   * First message, as initiator: 148 bytes whose macs are still zero, and what must be kept for the response.
   * `timestamp` is a TAI64N label. Undefined where the remote's key has a small order.
   */
  createInitiation(
    remote: Remote,
    localIndex: number,
    timestamp: Uint8Array,
  ): { message: Uint8Array; initiation: Initiation } | undefined {
    const message = newMessage(MESSAGE_INITIATION, INITIATION_BYTES);
    writeUint32(message, INITIATION_SENDER, localIndex);
    const transcript = this.#begin(remote.publicKey);
    const ephemeral = this.#crypto.generateKeyPair();
    message.set(ephemeral.publicKey, INITIATION_EPHEMERAL);
    // e
    transcript.mixKey(ephemeral.publicKey);
    transcript.mixHash(ephemeral.publicKey);
    // es
    const es = this.#crypto.dh(ephemeral.privateKey, remote.publicKey);
    if (es === undefined) return undefined;
    const staticKey = transcript.mixKeyForCipher(es);
    // s
    message.set(transcript.sealAndHash(staticKey, this.publicKey), INITIATION_STATIC);
    // ss
    const timestampKey = transcript.mixKeyForCipher(remote.staticStatic);
    message.set(transcript.sealAndHash(timestampKey, timestamp), INITIATION_TIMESTAMP);
    return { message, initiation: { transcript, ephemeral } };
  }

  /** First message, as responder, up to the sender's static key; undefined where it does not decrypt. */
  openStatic(message: Uint8Array): OpenedStatic | undefined {
    const remoteEphemeral = new Uint8Array(message.subarray(INITIATION_EPHEMERAL, INITIATION_STATIC));
    const transcript = this.#begin(this.publicKey);
    transcript.mixKey(remoteEphemeral);
    transcript.mixHash(remoteEphemeral);
    const es = this.#crypto.dh(this.#privateKey, remoteEphemeral);
    if (es === undefined) return undefined;
    const key = transcript.mixKeyForCipher(es);
    const remoteStatic = transcript.openAndHash(
      key,
      message.subarray(INITIATION_STATIC, INITIATION_TIMESTAMP),
    );
    if (remoteStatic === undefined || remoteStatic.length !== KEY_BYTES) return undefined;
    return {
      transcript,
      remoteIndex: readUint32(message, INITIATION_SENDER),
      remoteEphemeral,
      remoteStatic,
    };
  }

  /** The timestamp of an initiation, which proves that `remote` sent it; undefined where it does not decrypt. */
  openTimestamp(opened: OpenedStatic, remote: Remote, message: Uint8Array): Uint8Array | undefined {
    const key = opened.transcript.mixKeyForCipher(remote.staticStatic);
    const timestamp = opened.transcript.openAndHash(
      key,
      message.subarray(INITIATION_TIMESTAMP, INITIATION_MAC1),
    );
    return timestamp?.length === TIMESTAMP_BYTES ? timestamp : undefined;
  }

  /** Second message, as responder: 92 bytes whose macs are still zero, and the keys of the session. */
  createResponse(
    opened: OpenedStatic,
    remote: Remote,
    localIndex: number,
  ): { message: Uint8Array; keys: SessionKeys } | undefined {
    const message = newMessage(MESSAGE_RESPONSE, RESPONSE_BYTES);
    writeUint32(message, RESPONSE_SENDER, localIndex);
    writeUint32(message, RESPONSE_RECEIVER, opened.remoteIndex);
    const transcript = opened.transcript;
    const ephemeral = this.#crypto.generateKeyPair();
    message.set(ephemeral.publicKey, RESPONSE_EPHEMERAL);
    // e
    transcript.mixKey(ephemeral.publicKey);
    transcript.mixHash(ephemeral.publicKey);
    // ee, se
    const ee = this.#crypto.dh(ephemeral.privateKey, opened.remoteEphemeral);
    const se = this.#crypto.dh(ephemeral.privateKey, remote.publicKey);
    ephemeral.privateKey.fill(0);
    if (ee === undefined || se === undefined) return undefined;
    transcript.mixKey(ee);
    transcript.mixKey(se);
    // psk
    const key = transcript.mixPresharedKey(remote.presharedKey);
    message.set(transcript.sealAndHash(key, EMPTY), RESPONSE_EMPTY);
    const [receiveKey, sendKey] = transcript.split();
    return { message, keys: { sendKey, receiveKey } };
  }

  /** Second message, as initiator: the keys, or undefined where it is not a response to `initiation`, which then stands. */
  openResponse(initiation: Initiation, remote: Remote, message: Uint8Array): SessionKeys | undefined {
    const remoteEphemeral = new Uint8Array(message.subarray(RESPONSE_EPHEMERAL, RESPONSE_EMPTY));
    const transcript = initiation.transcript.copy();
    transcript.mixKey(remoteEphemeral);
    transcript.mixHash(remoteEphemeral);
    const ee = this.#crypto.dh(initiation.ephemeral.privateKey, remoteEphemeral);
    const se = this.#crypto.dh(this.#privateKey, remoteEphemeral);
    if (ee === undefined || se === undefined) return undefined;
    transcript.mixKey(ee);
    transcript.mixKey(se);
    const key = transcript.mixPresharedKey(remote.presharedKey);
    const empty = transcript.openAndHash(key, message.subarray(RESPONSE_EMPTY, RESPONSE_MAC1));
    if (empty === undefined) return undefined;
    const [sendKey, receiveKey] = transcript.split();
    return { sendKey, receiveKey };
  }

  #begin(responderStatic: Uint8Array): Transcript {
    const transcript = new Transcript(this.#crypto, new Uint8Array(this.#initialChain), this.#initialHash);
    transcript.mixHash(responderStatic);
    return transcript;
  }
}

/** Forgets the secrets of an initiation that is over. */
export function eraseInitiation(initiation: Initiation): void {
  initiation.transcript.erase();
  initiation.ephemeral.privateKey.fill(0);
}
