/**
 * The two macs at the end of each handshake message, and cookies (paper, 5.3 and 5.4.4–5.4.7). mac1 proves that the
 * sender knows our public key, and costs one hash to check. mac2 proves that it owns its source address: it is keyed
 * with a cookie that we sent there, and is asked for only under load.
 */
import { endpointAddress, endpointPort } from '../base/endpoint.js';
import {
  COOKIE_NONCE_BYTES,
  KEY_BYTES,
  LABEL_COOKIE,
  LABEL_MAC1,
  MAC_BYTES,
  type Timers,
} from './constants.js';
import { ascii, type Crypto } from './crypto.js';
import {
  COOKIE_REPLY_BYTES,
  COOKIE_REPLY_COOKIE,
  COOKIE_REPLY_NONCE,
  COOKIE_REPLY_RECEIVER,
  MAC1_FROM_END,
  MAC2_FROM_END,
  MESSAGE_COOKIE_REPLY,
  newMessage,
  writeUint32,
} from './message.js';
import { PeerBytes } from './peer-bytes.js';

/** Checks the macs of messages to us and makes cookie replies. One for each own key. */
export class CookieChecker {
  readonly #crypto: Crypto;
  readonly #secretLifeMs: number;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #secret = new Uint8Array(KEY_BYTES);
  #secretUntilMs = Number.NEGATIVE_INFINITY;

  constructor(crypto: Crypto, ownPublicKey: Uint8Array, timers: Timers) {
    this.#crypto = crypto;
    this.#secretLifeMs = timers.cookieMs;
    this.#mac1Key = crypto.hash(ascii(LABEL_MAC1), ownPublicKey);
    this.#cookieKey = crypto.hash(ascii(LABEL_COOKIE), ownPublicKey);
  }

  /** Whether mac1 of a handshake message is right. */
  checkMac1(message: Uint8Array): boolean {
    const at = message.length - MAC1_FROM_END;
    const mac1 = this.#crypto.mac(this.#mac1Key, message.subarray(0, at));
    return this.#crypto.equal(mac1, message.subarray(at, at + MAC_BYTES));
  }

  /** Whether mac2 was made with a cookie of ours for this source (endpoint record) that is still good. */
  checkMac2(message: Uint8Array, source: Uint8Array, now: number): boolean {
    if (now >= this.#secretUntilMs) return false;
    const at = message.length - MAC2_FROM_END;
    const mac2 = this.#crypto.mac(this.#cookieFor(source), message.subarray(0, at));
    return this.#crypto.equal(mac2, message.subarray(at));
  }

  /** The cookie reply to a handshake message whose sender index is `remoteIndex`. The secret changes every cookieMs. */
  createReply(message: Uint8Array, remoteIndex: number, source: Uint8Array, now: number): Uint8Array {
    if (now >= this.#secretUntilMs) {
      this.#secret.set(this.#crypto.randomBytes(KEY_BYTES));
      this.#secretUntilMs = now + this.#secretLifeMs;
    }
    const nonce = this.#crypto.randomBytes(COOKIE_NONCE_BYTES);
    const at = message.length - MAC1_FROM_END;
    const mac1 = message.subarray(at, at + MAC_BYTES);
    const reply = newMessage(MESSAGE_COOKIE_REPLY, COOKIE_REPLY_BYTES);
    writeUint32(reply, COOKIE_REPLY_RECEIVER, remoteIndex);
    reply.set(nonce, COOKIE_REPLY_NONCE);
    reply.set(
      this.#crypto.xaeadSeal(this.#cookieKey, nonce, this.#cookieFor(source), mac1),
      COOKIE_REPLY_COOKIE,
    );
    return reply;
  }

  #cookieFor(source: Uint8Array): Uint8Array {
    const address = endpointAddress(source);
    const port = endpointPort(source);
    const named = new Uint8Array(address.length + 2);
    named.set(address);
    named[address.length] = port >> 8;
    named[address.length + 1] = port;
    return this.#crypto.mac(this.#secret, named);
  }
}

/** Puts the macs on messages to one peer and takes its cookies. */
export class MacWriter {
  readonly #crypto: Crypto;
  readonly #cookieUseMs: number;
  readonly #remotePublicKey: Uint8Array;
  readonly #bytes: PeerBytes;
  readonly #peer: number;
  #hasMac1 = false;
  #cookie: Uint8Array | undefined;
  #cookieUntilMs = Number.NEGATIVE_INFINITY;

  /** What it must remember it keeps among the `bytes` of `peer`. */
  constructor(
    crypto: Crypto,
    remotePublicKey: Uint8Array,
    timers: Timers,
    bytes = new PeerBytes(1),
    peer = 0,
  ) {
    this.#crypto = crypto;
    this.#bytes = bytes;
    this.#peer = peer;
    this.#cookieUseMs = timers.cookieMs - timers.cookieLatencyMs;
    this.#remotePublicKey = remotePublicKey;
  }

  /** Writes mac1, and mac2 while we hold a good cookie, into a handshake message. */
  writeMacs(message: Uint8Array, now: number): void {
    const mac1At = message.length - MAC1_FROM_END;
    const mac2At = message.length - MAC2_FROM_END;
    const mac1 = this.#crypto.mac(this.#keyFor(LABEL_MAC1), message.subarray(0, mac1At));
    message.set(mac1, mac1At);
    this.#bytes.lastMac1(this.#peer).set(mac1);
    this.#hasMac1 = true;
    if (this.#cookie !== undefined && now < this.#cookieUntilMs) {
      message.set(this.#crypto.mac(this.#cookie, message.subarray(0, mac2At)), mac2At);
    }
  }

  /** Takes the cookie out of a reply to our last handshake message; false where it is no reply to that. */
  takeCookie(reply: Uint8Array, now: number): boolean {
    if (!this.#hasMac1) return false;
    const mac1 = this.#bytes.lastMac1(this.#peer);
    const nonce = reply.subarray(COOKIE_REPLY_NONCE, COOKIE_REPLY_COOKIE);
    const sealed = reply.subarray(COOKIE_REPLY_COOKIE, COOKIE_REPLY_BYTES);
    const cookie = this.#crypto.xaeadOpen(this.#keyFor(LABEL_COOKIE), nonce, sealed, mac1);
    if (cookie === undefined) return false;
    this.#cookie = cookie;
    this.#cookieUntilMs = now + this.#cookieUseMs;
    return true;
  }

  /** A hash is a small part of a handshake; kept for thousands of peers they are megabytes. */
  #keyFor(label: string): Uint8Array {
    return this.#crypto.hash(ascii(label), this.#remotePublicKey);
  }
}
