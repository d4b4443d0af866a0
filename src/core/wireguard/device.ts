/**
 * WireGuard as one sans-IO object: handshakes, cookies, sessions and timers of all peers of one key. It knows no socket,
 * clock or thread. THE CONTRACT: after each call that takes `now`, drain pollOutput() and do what it says in that order
 * (outputs.ts), then wait until nextDeadline() at the latest.
 *
 * Transport messages are not seen here. Workers seal and open them and write the clocks of the PeerTable (clocks.ts)
 * without telling; each peer is looked at when a deadline that follows from its clocks is due, and every
 * KEEPALIVE_TIMEOUT, since no clock written after a look can make anything due sooner. The exception is renewal on use,
 * which is noticed within clockCheckMs. A call of handleTimeout with nothing due scans two flat columns: some 10 µs for
 * 5,000 peers.
 *
 * Several devices, each with a key of its own, may stand behind the same sockets and tables: they share one space of
 * session indices (`beside`), their peers have different indices in the PeerTable, and isFor() tells whose a handshake
 * message is. All other inputs may be given to all of them: each knows its own peers and sessions.
 *
 * `now` is monotonic milliseconds, greater than 0; `unixMs` is the wall clock, used for handshake labels alone.
 */
import { assert } from '../base/assert.js';
import { Deadlines } from '../base/deadlines.js';
import { formatKey } from '../base/key.js';
import { clearClocks, newHandshakeDueMs, passiveKeepaliveDueMs, persistentKeepaliveDueMs } from './clocks.js';
import { KEY_BYTES, SPEC_TIMERS, type Timers } from './constants.js';
import { MacWriter } from './cookie.js';
import type { Crypto } from './crypto.js';
import { drawJitterMs, Initiator, type Shared } from './initiator.js';
import { Keypairs } from './keypairs.js';
import { loadLimitFor } from './load.js';
import {
  COOKIE_REPLY_RECEIVER,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  parseMessageType,
  RESPONSE_RECEIVER,
  readUint32,
} from './message.js';
import { Noise } from './noise.js';
import {
  type HandshakeDrop,
  type HandshakeDrops,
  newHandshakeDrops,
  type Output,
  OutputQueue,
} from './outputs.js';
import { type HandshakeState, Peer, type PeerOptions } from './peer.js';
import { PeerBytes } from './peer-bytes.js';
import { isRenewalDue, renewalCheckMs } from './renewal.js';
import { Responder } from './responder.js';
import { Slots } from './slots.js';
import { type PeerTable, type SessionTable, SLOT_MASK } from './tables.js';
import { compareTai64n, type TimestampSource } from './tai64n.js';

const NO_PRESHARED_KEY = new Uint8Array(KEY_BYTES);

export interface WireGuardOptions {
  readonly privateKey: Uint8Array;
  readonly crypto: Crypto;
  readonly sessions: SessionTable;
  readonly peers: PeerTable;
  /** Data-plane workers among which peers are divided; 1 if left out. */
  readonly workers?: number;
  readonly timestamps: TimestampSource;
  /** SPEC_TIMERS if left out. */
  readonly timers?: Timers;
  /** Handshake messages a second above which cookies are asked for; load.ts decides if left out. */
  readonly loadMessagesPerSecond?: number;
  /** Another device behind the same sockets and tables. */
  readonly beside?: WireGuard;
}

/** What status pages show of a peer. Times are monotonic ms, −Infinity = never. */
export interface PeerStatus {
  readonly state: HandshakeState;
  readonly establishedAtMs: number;
  /** Since when initiations have gone unanswered; undefined where none is under way. */
  readonly attemptsSinceMs: number | undefined;
  /** Slot of the session that is sent with, −1 none. */
  readonly slot: number;
  /** Greatest timestamp of its initiations (12 bytes, zeros = none yet). A view. */
  readonly newestTimestamp: Uint8Array;
}

export class WireGuard {
  readonly publicKey: Uint8Array;
  /** Handshake datagrams refused, by reason; of all devices that stand beside each other. */
  readonly drops: HandshakeDrops;
  /** Refuses every handshake message: another node answers for this key now. */
  silent = false;
  readonly #shared: Shared;
  readonly #sessions: SessionTable;
  readonly #peers: PeerTable;
  readonly #outputs = new OutputQueue();
  readonly #keypairs: Keypairs;
  readonly #initiator: Initiator;
  readonly #responder: Responder;
  readonly #deadlines: Deadlines;
  /** BOUNDED by the peer table's capacity, as is the map by key. */
  readonly #peerAt: (Peer | undefined)[] = [];
  readonly #byKey = new Map<string, Peer>();
  /** Shared with devices beside this one: their peers have other numbers. */
  readonly #bytes: PeerBytes;

  constructor(options: WireGuardOptions) {
    const { crypto, sessions, peers, timestamps } = options;
    const timers = options.timers ?? SPEC_TIMERS;
    const noise = new Noise(crypto, options.privateKey);
    const { beside } = options;
    const slots =
      beside === undefined ? new Slots(crypto, sessions.capacity, options.workers) : beside.#shared.slots;
    this.drops = beside?.drops ?? newHandshakeDrops();
    this.publicKey = noise.publicKey;
    this.#sessions = sessions;
    this.#peers = peers;
    this.#bytes = beside === undefined ? new PeerBytes(peers.capacity) : beside.#bytes;
    this.#keypairs = new Keypairs(sessions, peers, slots, timers, this.#outputs);
    this.#shared = {
      crypto,
      noise,
      timers,
      timestamps,
      slots,
      keypairs: this.#keypairs,
      peers,
      peerAt: this.#peerAt,
      outputs: this.#outputs,
      drops: this.drops,
    };
    this.#initiator = new Initiator(this.#shared);
    this.#responder = new Responder(
      this.#shared,
      this.#byKey,
      options.loadMessagesPerSecond ?? loadLimitFor(peers.capacity),
    );
    this.#deadlines = new Deadlines(peers.capacity);
  }

  /** Adds a peer; its index must be free and its key new (configuration is checked before). It is due at once. */
  addPeer(options: PeerOptions): void {
    const name = formatKey(options.publicKey);
    assert(options.index >= 0 && options.index < this.#peers.capacity, 'a peer has a row in the table');
    assert(this.#peerAt[options.index] === undefined, 'a peer index is used once');
    assert(!this.#byKey.has(name), 'a public key is used once');
    const { crypto, timers } = this.#shared;
    const peer = new Peer(
      options,
      options.presharedKey ?? NO_PRESHARED_KEY,
      new MacWriter(crypto, options.publicKey, timers, this.#bytes, options.index),
      this.#bytes,
    );
    peer.jitterMs = drawJitterMs(crypto, timers);
    this.#peerAt[options.index] = peer;
    this.#byKey.set(name, peer);
    clearClocks(this.#peers, options.index);
    Atomics.store(this.#peers.wanted, options.index, 0);
    this.#deadlines.set(options.index, 0);
  }

  /** Removes a peer with all its sessions; an index that is free is ignored. */
  removePeer(index: number, now: number): void {
    const peer = this.#peerAt[index];
    if (peer === undefined) return;
    this.#initiator.stop(peer, now);
    this.#keypairs.removeAll(peer, now);
    this.#peerAt[index] = undefined;
    this.#byKey.delete(formatKey(peer.publicKey));
    this.#deadlines.stop(index);
    clearClocks(this.#peers, index);
    this.#bytes.erase(index);
  }

  /** There is now somewhere, or no longer anywhere, to send initiations to. */
  setEndpointKnown(index: number, known: boolean, now: number): void {
    const peer = this.#peerAt[index];
    if (peer === undefined) return;
    peer.endpointKnown = known;
    if (!known) this.#initiator.stop(peer, now);
    this.#lookAgain(peer, now);
  }

  /** The peer has sent this timestamp to another holder of our key: what is not greater is a replay. */
  raiseTimestamp(index: number, label: Uint8Array): void {
    const peer = this.#peerAt[index];
    if (peer !== undefined && compareTai64n(label, peer.newestTimestamp) > 0) peer.newestTimestamp.set(label);
  }

  /** Whether a handshake datagram (anything at all may be in it) is for this device, and not for another beside it. */
  isFor(bytes: Uint8Array): boolean {
    switch (parseMessageType(bytes)) {
      case MESSAGE_INITIATION:
        return this.#responder.isAddressed(bytes);
      case MESSAGE_RESPONSE:
        return this.#hasPeerOf(readUint32(bytes, RESPONSE_RECEIVER));
      case MESSAGE_COOKIE_REPLY:
        return this.#hasPeerOf(readUint32(bytes, COOKIE_REPLY_RECEIVER));
      default:
        return false;
    }
  }

  /** Takes a datagram that is no transport message; anything at all may be in it. `source` is its endpoint record. */
  handleDatagram(bytes: Uint8Array, source: Uint8Array, now: number): void {
    const drop = this.#refuse(bytes, source, now);
    if (drop !== undefined) this.drops[drop]++;
  }

  /** Does what is due. May be called at any time. */
  handleTimeout(now: number, unixMs: number): void {
    const wanted = this.#peers.wanted;
    for (let index = 0; index < this.#peerAt.length; index++) {
      if (wanted[index] !== 0) this.handleWanted(index, now);
    }
    for (let index = this.#deadlines.due(now); index >= 0; index = this.#deadlines.due(now, index + 1)) {
      const peer = this.#peerAt[index];
      assert(peer !== undefined, 'a deadline belongs to a peer');
      this.#deadlines.set(index, this.#lookAt(peer, now, unixMs));
    }
  }

  /** When handleTimeout must be called at the latest; +Infinity without peers. */
  nextDeadline(): number {
    return this.#deadlines.next();
  }

  /** All workers have the keys of an 'install' output. Sessions that are gone by now are ignored. */
  handleInstalled(slot: number, now: number): void {
    const peer = this.#keypairs.handleInstalled(slot, now);
    if (peer === undefined) return;
    peer.keepaliveAskedAtMs = now;
    this.#outputs.push({ type: 'keepalive', peer: peer.index });
    this.#established(peer, 'initiator', now);
  }

  /** A worker opened a packet on a session that is flagged SESSION_UNCONFIRMED. */
  handleSessionUsed(slot: number, now: number): void {
    const index = Atomics.load(this.#sessions.localIndex, slot);
    const peer = index === 0 ? undefined : this.#peerAt[this.#sessions.peer[slot]];
    if (peer === undefined || (index & SLOT_MASK) !== slot) return;
    if (this.#keypairs.confirm(peer, slot)) this.#established(peer, 'responder', now);
  }

  /** A worker has data for the peer and no session, or wants a renewal. nextDeadline() says when it will be sent. */
  handleWanted(index: number, now: number): void {
    const peer = this.#peerAt[index];
    if (peer === undefined) return;
    Atomics.store(this.#peers.wanted, index, 0);
    const { timers } = this.#shared;
    const fresh = this.#keypairs.usable(peer, now);
    if (fresh && !isRenewalDue(this.#sessions, peer.current, timers, now)) return;
    this.#initiator.want(peer, now);
    this.#lookAgain(peer, now);
  }

  /** Starts a handshake now: takeover, "dial now", a new path. Without a known endpoint nothing happens. */
  startHandshake(index: number, now: number, unixMs: number): void {
    const peer = this.#peerAt[index];
    if (peer === undefined) return;
    this.#initiator.dial(peer, now);
    this.#deadlines.set(index, this.#lookAt(peer, now, unixMs));
  }

  /** The next thing to do; undefined when all is done. */
  pollOutput(): Output | undefined {
    return this.#outputs.poll();
  }

  /** How a peer stands; undefined where there is none. */
  peerStatus(index: number): PeerStatus | undefined {
    const peer = this.#peerAt[index];
    if (peer === undefined) return undefined;
    return {
      state: peer.state,
      establishedAtMs: peer.establishedAtMs,
      attemptsSinceMs: peer.state === 'idle' ? undefined : peer.attemptsSinceMs,
      slot: peer.current,
      newestTimestamp: peer.newestTimestamp,
    };
  }

  /** Whether a session index is one of a peer of ours. */
  #hasPeerOf(sessionIndex: number): boolean {
    return this.#peerAt[this.#shared.slots.ownerOf(sessionIndex)] !== undefined;
  }

  #refuse(bytes: Uint8Array, source: Uint8Array, now: number): HandshakeDrop | undefined {
    const type = parseMessageType(bytes);
    if (type === MESSAGE_COOKIE_REPLY) return this.#initiator.handleCookieReply(bytes, now);
    if (type !== MESSAGE_INITIATION && type !== MESSAGE_RESPONSE) return 'malformed';
    if (this.silent) return 'standby';
    const refused = this.#responder.admit(bytes, source, now);
    if (refused !== undefined) return refused;
    return type === MESSAGE_INITIATION
      ? this.#responder.handleInitiation(bytes, source, now)
      : this.#initiator.handleResponse(bytes, source, now);
  }

  #established(peer: Peer, detail: 'initiator' | 'responder', now: number): void {
    this.#initiator.stop(peer, now);
    peer.establishedAtMs = now;
    peer.jitterMs = drawJitterMs(this.#shared.crypto, this.#shared.timers);
    this.#outputs.push({ type: 'event', name: 'session-established', peer: peer.index, detail });
    this.#lookAgain(peer, now);
  }

  #lookAgain(peer: Peer, now: number): void {
    this.#deadlines.set(peer.index, Math.min(now, this.#deadlines.at(peer.index)));
  }

  /** Derives from clocks and sessions what is due for a peer, does it, and returns when to look again. */
  #lookAt(peer: Peer, now: number, unixMs: number): number {
    const { timers, crypto } = this.#shared;
    const peers = this.#peers;
    let nextMs = Math.min(now + timers.keepaliveTimeoutMs, this.#keypairs.expire(peer, now));

    const unansweredMs = newHandshakeDueMs(peers, peer.index, timers, peer.jitterMs);
    if (unansweredMs <= now) {
      peers.dataSentUnansweredSinceMs[peer.index] = 0;
      peer.jitterMs = drawJitterMs(crypto, timers);
      this.#initiator.want(peer, now);
    } else {
      nextMs = Math.min(nextMs, unansweredMs);
    }

    const usable = this.#keypairs.usable(peer, now);
    nextMs = Math.min(nextMs, this.#keepalive(peer, usable, now));
    if (peer.state === 'idle' && peer.arriving[0] < 0) {
      const renewalMs = renewalCheckMs(this.#sessions, peers, peer, timers, usable, now);
      if (renewalMs <= now) this.#initiator.want(peer, now);
      else nextMs = Math.min(nextMs, renewalMs);
    }
    return Math.min(nextMs, this.#initiator.run(peer, now, unixMs));
  }

  /** Asks for a keepalive if one is due, or for a session if there is none; returns when the next may be. */
  #keepalive(peer: Peer, usable: boolean, now: number): number {
    const due = (): number =>
      Math.min(
        passiveKeepaliveDueMs(this.#peers, peer.index, this.#shared.timers, peer.keepaliveAskedAtMs),
        persistentKeepaliveDueMs(
          this.#peers,
          peer.index,
          peer.persistentKeepaliveMs,
          Math.max(peer.keepaliveAskedAtMs, peer.handshakeSentAtMs),
        ),
      );
    if (due() > now) return due();
    peer.keepaliveAskedAtMs = now;
    if (usable && peer.current >= 0) this.#outputs.push({ type: 'keepalive', peer: peer.index });
    else this.#initiator.want(peer, now);
    return due();
  }
}
