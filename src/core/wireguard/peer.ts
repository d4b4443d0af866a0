/**
 * One peer as the control thread knows it. Its own initiations go round
 *
 *   idle → waiting (a handshake is wanted, but not before startAtMs) → initiating (sent, until retransmitAtMs) → idle
 *
 * and only becomeX changes that state. Answering the peer's initiations is no state: it is done at once, and does not
 * disturb an initiation of our own that is under way, so two ends that start together both succeed.
 *
 * Sessions (slots; −1 none), as in the paper and the kernel: `current` is sent with; `next` is a responder's new session
 * until its first packet arrives; `previous` is still received with. `arriving` are sessions whose keys are on their way
 * into the workers.
 */
import { assert } from '../base/assert.js';
import type { Timers } from './constants.js';
import type { MacWriter } from './cookie.js';
import { eraseInitiation, type Initiation, type Noise, type Remote } from './noise.js';
import type { PeerBytes } from './peer-bytes.js';

export interface PeerOptions {
  /** Number of the peer in the PeerTable. */
  readonly index: number;
  /** Kept, not copied, like the preshared key. */
  readonly publicKey: Uint8Array;
  /** 32 bytes; left out = none. */
  readonly presharedKey?: Uint8Array;
  /** 0 or left out = off. */
  readonly persistentKeepaliveMs?: number;
  /** 'always': a session is kept at all times and initiations never end; 'on-demand': when there is data to send. */
  readonly initiate: 'always' | 'on-demand';
  /** Whether there is somewhere to send an initiation to. It becomes true by itself when the peer calls us. */
  readonly endpointKnown: boolean;
  /** Greatest timestamp that the peer is known to have sent; left out = none. */
  readonly newestTimestamp?: Uint8Array;
}

export type HandshakeState = 'idle' | 'waiting' | 'initiating';

const NEVER_MS = Number.NEGATIVE_INFINITY;

export class Peer {
  readonly index: number;
  readonly publicKey: Uint8Array;
  readonly presharedKey: Uint8Array;
  readonly persistentKeepaliveMs: number;
  readonly always: boolean;
  readonly macs: MacWriter;
  endpointKnown: boolean;
  /** When the last of the peer's initiations was accepted. */
  initiationReceivedAtMs = NEVER_MS;
  readonly #bytes: PeerBytes;
  #hasStaticStatic = false;

  #state: HandshakeState = 'idle';
  startAtMs = 0;
  retransmitAtMs = 0;
  /** Since when initiations have gone unanswered. */
  attemptsSinceMs = 0;
  initiation: Initiation | undefined;
  /** Slot reserved for the session that `initiation` will make; −1 none. */
  initiationSlot = -1;
  /** Last handshake message of ours, initiation or response. */
  handshakeSentAtMs = NEVER_MS;
  initiationSentAtMs = NEVER_MS;
  /** When a session was last established; −Infinity = never. */
  establishedAtMs = NEVER_MS;
  keepaliveAskedAtMs = 0;
  /** Jitter of the next "no answer to data" and of the current session's renewal. */
  jitterMs = 0;
  /** The session whose last minute has already asked for a new one. */
  lastMinuteSlot = -1;

  current = -1;
  previous = -1;
  next = -1;
  /** Slots of sessions being installed: [as initiator, as responder]. */
  readonly arriving: [number, number] = [-1, -1];
  /** Sessions pushed out by newer ones, oldest first. BOUNDED by RETIRED_MAX. */
  readonly retired: { readonly slot: number; readonly untilMs: number }[] = [];

  constructor(options: PeerOptions, presharedKey: Uint8Array, macs: MacWriter, bytes: PeerBytes) {
    this.index = options.index;
    this.publicKey = options.publicKey;
    this.presharedKey = presharedKey;
    this.persistentKeepaliveMs = options.persistentKeepaliveMs ?? 0;
    this.always = options.initiate === 'always';
    this.endpointKnown = options.endpointKnown;
    this.macs = macs;
    this.#bytes = bytes;
    if (options.newestTimestamp !== undefined) this.newestTimestamp.set(options.newestTimestamp);
  }

  /** Greatest timestamp of the peer's initiations. A view. */
  get newestTimestamp(): Uint8Array {
    return this.#bytes.timestamp(this.index);
  }

  /** What a handshake needs; the first one costs a DH. Undefined where the peer's key has a small order. */
  remote(noise: Noise): Remote | undefined {
    const { publicKey, presharedKey } = this;
    const staticStatic = this.#bytes.staticStatic(this.index);
    if (!this.#hasStaticStatic) {
      const remote = noise.createRemote(publicKey, presharedKey);
      if (remote === undefined) return undefined;
      staticStatic.set(remote.staticStatic);
      remote.staticStatic.fill(0);
      this.#hasStaticStatic = true;
    }
    return { publicKey, staticStatic, presharedKey };
  }

  get state(): HandshakeState {
    return this.#state;
  }

  /** Nothing of our own is under way. The reserved slot must have been given away or released before. */
  becomeIdle(): void {
    assert(this.initiationSlot < 0, 'an idle peer holds no handshake slot');
    if (this.initiation !== undefined) eraseInitiation(this.initiation);
    this.initiation = undefined;
    this.#state = 'idle';
  }

  /** An initiation is to be sent at `startAtMs`. An earlier initiation may still be answered until then. */
  becomeWaiting(startAtMs: number, now: number): void {
    if (this.#state === 'idle') this.attemptsSinceMs = Math.max(now, startAtMs);
    this.startAtMs = startAtMs;
    this.#state = 'waiting';
  }

  /** An initiation has just been sent; it replaces the one before. */
  becomeInitiating(
    initiation: Initiation,
    slot: number,
    now: number,
    timers: Timers,
    jitterMs: number,
  ): void {
    assert(this.#state !== 'idle', 'an initiation starts from waiting');
    if (this.initiation !== undefined) eraseInitiation(this.initiation);
    this.initiation = initiation;
    this.initiationSlot = slot;
    this.initiationSentAtMs = now;
    this.handshakeSentAtMs = now;
    this.retransmitAtMs = now + timers.rekeyTimeoutMs + jitterMs;
    this.#state = 'initiating';
  }
}
