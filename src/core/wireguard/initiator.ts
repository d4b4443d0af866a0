/**
 * Our own initiations: when to send them, how long to repeat them, and what to do with their answers (paper, 6.1, 6.4).
 * Initiations of one peer come REKEY_TIMEOUT apart, and so far behind a response of ours; only a wish to dial now
 * (takeover, change of path) goes before.
 */
import { noteHandshakeReceived, noteHandshakeSent } from './clocks.js';
import { DIAL_INTERVAL_MS_MIN, type Timers } from './constants.js';
import type { Crypto } from './crypto.js';
import type { Keypairs } from './keypairs.js';
import { COOKIE_REPLY_RECEIVER, RESPONSE_RECEIVER, RESPONSE_SENDER, readUint32 } from './message.js';
import type { Noise } from './noise.js';
import type { EventName, HandshakeDrop, HandshakeDrops, OutputQueue } from './outputs.js';
import type { Peer } from './peer.js';
import type { Slots } from './slots.js';
import type { PeerTable } from './tables.js';
import type { TimestampSource } from './tai64n.js';

/** The objects that the two handshake roles share. */
export interface Shared {
  readonly crypto: Crypto;
  readonly noise: Noise;
  readonly timers: Timers;
  readonly timestamps: TimestampSource;
  readonly slots: Slots;
  readonly keypairs: Keypairs;
  readonly peers: PeerTable;
  readonly peerAt: (Peer | undefined)[];
  readonly outputs: OutputQueue;
  readonly drops: HandshakeDrops;
}

/** A jitter of 0 to REKEY_JITTER_MS_MAX ms. */
export function drawJitterMs(crypto: Crypto, timers: Timers): number {
  const random = crypto.randomBytes(2);
  return ((random[0] << 8) | random[1]) % (timers.rekeyJitterMsMax + 1);
}

export class Initiator {
  readonly #shared: Shared;
  #storeFailed = false;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** A handshake is wanted as soon as it is allowed; while one is under way, it gets its full time again. */
  want(peer: Peer, now: number): void {
    if (!peer.endpointKnown) return;
    if (peer.state === 'idle') {
      peer.becomeWaiting(Math.max(now, peer.handshakeSentAtMs + this.#shared.timers.rekeyTimeoutMs), now);
    } else {
      peer.attemptsSinceMs = now;
    }
  }

  /** A handshake is wanted at once, even if one is under way. */
  dial(peer: Peer, now: number): void {
    if (!peer.endpointKnown) return;
    peer.becomeWaiting(Math.max(now, peer.initiationSentAtMs + DIAL_INTERVAL_MS_MIN), now);
    peer.attemptsSinceMs = now;
  }

  /** Sends, repeats or gives up as is due. Returns when to look again; +Infinity if idle. */
  run(peer: Peer, now: number, unixMs: number): number {
    const { timers } = this.#shared;
    if (peer.state === 'waiting' && now >= peer.startAtMs) {
      this.#send(peer, now, unixMs);
    } else if (peer.state === 'initiating' && now >= peer.retransmitAtMs) {
      if (now - peer.attemptsSinceMs < timers.rekeyAttemptMs) {
        this.#send(peer, now, unixMs);
      } else {
        this.#event('handshake-failed', peer.index, 'no answer');
        if (peer.always) {
          peer.attemptsSinceMs = now;
          this.#send(peer, now, unixMs);
        } else {
          this.stop(peer, now);
          return now + timers.clockCheckMs;
        }
      }
    }
    if (peer.state === 'idle') return Number.POSITIVE_INFINITY;
    return peer.state === 'waiting' ? peer.startAtMs : peer.retransmitAtMs;
  }

  /** Ends what is under way: a session has been established, or the peer is removed. */
  stop(peer: Peer, now: number): void {
    if (peer.initiationSlot >= 0) this.#shared.slots.release(peer.initiationSlot, now);
    peer.initiationSlot = -1;
    peer.becomeIdle();
  }

  /** Takes a response (mac1 is right). */
  handleResponse(message: Uint8Array, source: Uint8Array, now: number): HandshakeDrop | undefined {
    const { noise, slots, keypairs, outputs, peers, peerAt } = this.#shared;
    const index = readUint32(message, RESPONSE_RECEIVER);
    const peer = peerAt[slots.ownerOf(index)];
    if (peer?.initiation === undefined) return 'unknown-index';
    const slot = peer.initiationSlot;
    if (slots.indexOf(slot) !== index) return 'unknown-index';
    const remote = peer.remote(noise);
    const keys = remote && noise.openResponse(peer.initiation, remote, message);
    if (keys === undefined) return 'response-undecryptable';
    peer.initiationSlot = -1;
    peer.becomeIdle();
    noteHandshakeReceived(peers, peer.index, now);
    outputs.push({ type: 'endpoint', peer: peer.index, endpoint: new Uint8Array(source) });
    keypairs.install(peer, slot, readUint32(message, RESPONSE_SENDER), keys, undefined, now);
    return undefined;
  }

  /** Takes a cookie reply: the next message to that peer carries mac2. It is sent when it is due, not at once. */
  handleCookieReply(message: Uint8Array, now: number): HandshakeDrop | undefined {
    const { slots, peerAt } = this.#shared;
    const peer = peerAt[slots.ownerOf(readUint32(message, COOKIE_REPLY_RECEIVER))];
    if (peer === undefined) return 'unknown-index';
    return peer.macs.takeCookie(message, now) ? undefined : 'cookie-undecryptable';
  }

  #send(peer: Peer, now: number, unixMs: number): void {
    const { crypto, noise, timers, timestamps, slots, outputs, peers, drops } = this.#shared;
    const remote = peer.remote(noise);
    const slot = this.#reserveSlot(peer, now);
    const created =
      remote === undefined || slot < 0
        ? undefined
        : noise.createInitiation(remote, slots.indexOf(slot), timestamps.next(unixMs));
    if (created === undefined) {
      if (slot < 0) drops['no-slot']++;
      else this.#event('handshake-failed', peer.index, 'public key of small order');
      peer.becomeWaiting(now + timers.rekeyTimeoutMs, now);
      return;
    }
    peer.macs.writeMacs(created.message, now);
    outputs.push({ type: 'send', peer: peer.index, bytes: created.message, to: undefined });
    noteHandshakeSent(peers, peer.index);
    peer.becomeInitiating(created.initiation, slot, now, timers, drawJitterMs(crypto, timers));
    this.#reportStore();
  }

  /** A repeated initiation keeps its slot, which was never published, under another index. */
  #reserveSlot(peer: Peer, now: number): number {
    const { slots } = this.#shared;
    if (peer.initiationSlot >= 0) slots.renew(peer.initiationSlot);
    else peer.initiationSlot = slots.allocate(peer.index, now);
    return peer.initiationSlot;
  }

  #reportStore(): void {
    const failed = this.#shared.timestamps.storeError !== undefined;
    if (failed && !this.#storeFailed) {
      this.#event('timestamp-store-failed', -1, String(this.#shared.timestamps.storeError));
    }
    this.#storeFailed = failed;
  }

  #event(name: EventName, peer: number, detail: string): void {
    this.#shared.outputs.push({ type: 'event', name, peer, detail });
  }
}
