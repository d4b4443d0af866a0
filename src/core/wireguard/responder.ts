/**
 * Answers initiations. All that an unproven sender can cost is checked before all that is dear: mac1 (one hash), cookie
 * and source rate (under load), then the static key (one DH), the timestamp, and only then the response (two DHs).
 */

import { formatKey } from '../base/key.js';
import { noteHandshakeReceived, noteHandshakeSent } from './clocks.js';
import { LOAD_MESSAGES_PER_SECOND } from './constants.js';
import { CookieChecker } from './cookie.js';
import type { Shared } from './initiator.js';
import { LoadMeter, SourceLimiter } from './load.js';
import { INITIATION_SENDER, readUint32 } from './message.js';
import type { HandshakeDrop } from './outputs.js';
import type { Peer } from './peer.js';
import { compareTai64n } from './tai64n.js';

export class Responder {
  readonly #shared: Shared;
  readonly #byKey: ReadonlyMap<string, Peer>;
  readonly #cookies: CookieChecker;
  readonly #limiter = new SourceLimiter();
  readonly #load: LoadMeter;

  /** `byKey` finds peers by formatKey(public key). */
  constructor(
    shared: Shared,
    byKey: ReadonlyMap<string, Peer>,
    loadMessagesPerSecond = LOAD_MESSAGES_PER_SECOND,
  ) {
    this.#shared = shared;
    this.#byKey = byKey;
    this.#cookies = new CookieChecker(shared.crypto, shared.noise.publicKey, shared.timers);
    this.#load = new LoadMeter(loadMessagesPerSecond);
  }

  /** Whether mac1 of an initiation or response was made for our key. */
  isAddressed(message: Uint8Array): boolean {
    return this.#cookies.checkMac1(message);
  }

  /** What an initiation or response must pass before its content is looked at. */
  admit(message: Uint8Array, source: Uint8Array, now: number): HandshakeDrop | undefined {
    if (!this.isAddressed(message)) return 'mac1';
    if (!this.#load.count(now)) return undefined;
    if (!this.#cookies.checkMac2(message, source, now)) {
      // The sender's index stands at the same place in both messages.
      const bytes = this.#cookies.createReply(message, readUint32(message, INITIATION_SENDER), source, now);
      this.#shared.outputs.push({ type: 'send', peer: -1, bytes, to: new Uint8Array(source) });
      return 'cookie-required';
    }
    return this.#limiter.allow(source, now) ? undefined : 'source-rate';
  }

  /** Takes an admitted initiation; the response goes out once the session is installed. */
  handleInitiation(message: Uint8Array, source: Uint8Array, now: number): HandshakeDrop | undefined {
    const { noise, timers, slots, keypairs, outputs, peers } = this.#shared;
    const opened = noise.openStatic(message);
    if (opened === undefined) return 'static-undecryptable';
    const peer = this.#byKey.get(formatKey(opened.remoteStatic));
    if (peer === undefined) return 'unknown-peer';
    const remote = peer.remote(noise);
    if (remote === undefined) return 'timestamp-undecryptable';
    const timestamp = noise.openTimestamp(opened, remote, message);
    if (timestamp === undefined) return 'timestamp-undecryptable';
    if (compareTai64n(timestamp, peer.newestTimestamp) <= 0) return 'timestamp-replayed';
    if (now - peer.initiationReceivedAtMs < timers.initiationIntervalMsMin) return 'flood';
    const slot = slots.allocate(peer.index, now);
    if (slot < 0) return 'no-slot';
    const created = noise.createResponse(opened, remote, slots.indexOf(slot));
    if (created === undefined) {
      slots.release(slot, now);
      return 'static-undecryptable';
    }
    peer.newestTimestamp.set(timestamp);
    peer.initiationReceivedAtMs = now;
    peer.endpointKnown = true;
    peer.handshakeSentAtMs = now;
    noteHandshakeReceived(peers, peer.index, now);
    noteHandshakeSent(peers, peer.index);
    peer.macs.writeMacs(created.message, now);
    const to = new Uint8Array(source);
    outputs.push({ type: 'endpoint', peer: peer.index, endpoint: to });
    keypairs.install(peer, slot, opened.remoteIndex, created.keys, { bytes: created.message, to }, now);
    return undefined;
  }
}
