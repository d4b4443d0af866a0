/**
 * The sessions of all peers: filling a slot, publishing it, and the rotation of previous, current and next. A session's
 * index is published after its keys are installed and withdrawn before they are removed, so a worker never sees an
 * index without its keys.
 *
 * The columns of a slot belong to the former session until every worker has answered that it has the new keys: a worker
 * obeys between two batches, so none of them then holds packets of the former session. Were the counter reset any earlier,
 * a worker that was kept from its processor in the middle of a batch would seal with the old key and a new counter.
 *
 * A session that rotation pushes out is retired: it may still be received with for RETIRE_MS. The kernel drops it at
 * once, but there the two ends never hold two sessions of which each sends on another; here they may, after both have
 * started at the same time, and the next renewal must not lose the packets that are on their way.
 */
import { assert } from '../base/assert.js';
import { ERASE_AFTER_REJECTS, RETIRE_MS, RETIRED_MAX, type Timers } from './constants.js';
import type { SessionKeys } from './noise.js';
import type { OutputQueue } from './outputs.js';
import type { Peer } from './peer.js';
import { clearReplayWindow } from './replay.js';
import type { Slots } from './slots.js';
import { type PeerTable, SESSION_INITIATOR, SESSION_UNCONFIRMED, type SessionTable } from './tables.js';

const AS_INITIATOR = 0;
const AS_RESPONDER = 1;

/** What waits for the installation of a responder's session. */
interface Reply {
  readonly bytes: Uint8Array;
  readonly to: Uint8Array;
}

interface Arriving {
  readonly peer: Peer;
  readonly remoteIndex: number;
  readonly createdAtMs: number;
  readonly reply: Reply | undefined;
  /** Removed before it was installed: the slot is free once the installation has been reported. */
  abandoned: boolean;
}

export class Keypairs {
  readonly #sessions: SessionTable;
  readonly #peers: PeerTable;
  readonly #slots: Slots;
  readonly #timers: Timers;
  readonly #outputs: OutputQueue;
  /** BOUNDED by the number of slots. */
  readonly #arriving = new Map<number, Arriving>();

  constructor(sessions: SessionTable, peers: PeerTable, slots: Slots, timers: Timers, outputs: OutputQueue) {
    this.#sessions = sessions;
    this.#peers = peers;
    this.#slots = slots;
    this.#timers = timers;
    this.#outputs = outputs;
  }

  /** Asks for the installation of a new session in `slot`. `reply` is the response that we owe as responder. */
  install(
    peer: Peer,
    slot: number,
    remoteIndex: number,
    keys: SessionKeys,
    reply: Reply | undefined,
    now: number,
  ): void {
    const role = reply === undefined ? AS_INITIATOR : AS_RESPONDER;
    if (peer.arriving[role] >= 0) this.remove(peer.arriving[role], now);
    peer.arriving[role] = slot;
    this.#arriving.set(slot, { peer, remoteIndex, createdAtMs: now, reply, abandoned: false });
    this.#outputs.push({ type: 'install', slot, peer: peer.index, ...keys });
  }

  /** The workers have the keys. Returns the peer if its new session is current now, undefined otherwise. */
  handleInstalled(slot: number, now: number): Peer | undefined {
    const arriving = this.#arriving.get(slot);
    if (arriving === undefined) return undefined;
    const { peer, reply } = arriving;
    this.#arriving.delete(slot);
    if (arriving.abandoned) {
      this.#slots.release(slot, now);
      return undefined;
    }
    this.#fill(slot, arriving);
    Atomics.store(this.#sessions.localIndex, slot, this.#slots.indexOf(slot));
    if (reply !== undefined) {
      peer.arriving[AS_RESPONDER] = -1;
      this.#rotateAsResponder(peer, slot, now);
      this.#outputs.push({ type: 'send', peer: peer.index, bytes: reply.bytes, to: reply.to });
      return undefined;
    }
    peer.arriving[AS_INITIATOR] = -1;
    this.#rotateAsInitiator(peer, slot, now);
    return peer;
  }

  /** A packet came on the session: if it was a responder's new one, it is current now and the result is true. */
  confirm(peer: Peer, slot: number): boolean {
    this.#sessions.flags[slot] &= ~SESSION_UNCONFIRMED;
    if (peer.next !== slot) return false;
    assert(peer.previous < 0, 'previous was retired when next came');
    peer.previous = peer.current;
    peer.next = -1;
    this.#use(peer, slot);
    return true;
  }

  /** Withdraws a session and asks for the removal of its keys. */
  remove(slot: number, now: number): void {
    Atomics.store(this.#sessions.localIndex, slot, 0);
    this.#outputs.push({ type: 'remove', slot });
    const arriving = this.#arriving.get(slot);
    if (arriving === undefined) {
      this.#slots.release(slot, now);
    } else {
      const { arriving: slots } = arriving.peer;
      slots[slots.indexOf(slot)] = -1;
      arriving.abandoned = true;
    }
  }

  /** Removes every session of a peer. */
  removeAll(peer: Peer, now: number): void {
    Atomics.store(this.#peers.session, peer.index, -1);
    for (const slot of [peer.current, peer.previous, peer.next, ...peer.arriving]) {
      if (slot >= 0) this.remove(slot, now);
    }
    for (const { slot } of peer.retired.splice(0)) this.remove(slot, now);
    peer.current = -1;
    peer.previous = -1;
    peer.next = -1;
  }

  /** Removes sessions of a peer whose keys are to be erased; returns when the next one will be. */
  expire(peer: Peer, now: number): number {
    const { retired } = peer;
    while (retired.length > 0 && retired[0].untilMs <= now) this.#removeOldestRetired(peer, now);
    let nextMs = retired.length > 0 ? retired[0].untilMs : Number.POSITIVE_INFINITY;
    const check = (slot: number): number => {
      if (slot < 0) return slot;
      const eraseAtMs = this.#sessions.createdAtMs[slot] + ERASE_AFTER_REJECTS * this.#timers.rejectAfterMs;
      if (now < eraseAtMs) {
        nextMs = Math.min(nextMs, eraseAtMs);
        return slot;
      }
      if (slot === peer.current) Atomics.store(this.#peers.session, peer.index, -1);
      this.remove(slot, now);
      return -1;
    };
    peer.previous = check(peer.previous);
    peer.next = check(peer.next);
    peer.current = check(peer.current);
    return nextMs;
  }

  /** Whether the peer has a session that it may send with, or will have one as soon as its keys are installed. */
  usable(peer: Peer, now: number): boolean {
    if (peer.arriving[AS_INITIATOR] >= 0) return true;
    return peer.current >= 0 && now < this.#sessions.expiresAtMs[peer.current];
  }

  #fill(slot: number, { peer, remoteIndex, createdAtMs, reply }: Arriving): void {
    const sessions = this.#sessions;
    sessions.sendCounter[slot] = 0n;
    sessions.createdAtMs[slot] = createdAtMs;
    sessions.expiresAtMs[slot] = createdAtMs + this.#timers.rejectAfterMs;
    sessions.remoteIndex[slot] = remoteIndex;
    sessions.peer[slot] = peer.index;
    sessions.flags[slot] = reply === undefined ? SESSION_INITIATOR : SESSION_UNCONFIRMED;
    clearReplayWindow(sessions, slot);
  }

  /** A pending `next` becomes previous: the other end may have moved to it, and will follow us to the new one. */
  #rotateAsInitiator(peer: Peer, slot: number, now: number): void {
    const { previous, current, next } = peer;
    this.#use(peer, slot);
    peer.previous = next >= 0 ? next : current;
    peer.next = -1;
    this.#retire(peer, previous, now);
    if (next >= 0) this.#retire(peer, current, now);
  }

  #rotateAsResponder(peer: Peer, slot: number, now: number): void {
    this.#retire(peer, peer.previous, now);
    this.#retire(peer, peer.next, now);
    peer.previous = -1;
    peer.next = slot;
  }

  #retire(peer: Peer, slot: number, now: number): void {
    if (slot < 0) return;
    peer.retired.push({ slot, untilMs: now + RETIRE_MS });
    if (peer.retired.length > RETIRED_MAX) this.#removeOldestRetired(peer, now);
  }

  #removeOldestRetired(peer: Peer, now: number): void {
    const oldest = peer.retired.shift();
    if (oldest !== undefined) this.remove(oldest.slot, now);
  }

  #use(peer: Peer, slot: number): void {
    peer.current = slot;
    Atomics.store(this.#peers.session, peer.index, slot);
    this.#outputs.push({ type: 'use', peer: peer.index, slot });
  }
}
