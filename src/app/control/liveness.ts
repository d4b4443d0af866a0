/**
 * Which peers are up, and which must be dialled. One of our own nodes is up while a path to it works: BFD says so, within
 * the detection time. A peer that has been silent for SILENT_MS_MAX is dialled anew: it may have restarted and forgotten
 * the session.
 *
 * A plain WireGuard peer knows no BFD, and may have nothing to say. All it owes is a keepalive within KEEPALIVE_TIMEOUT of
 * data (paper, 6.5), and a BFD packet is data. So a peer starts UNKNOWN and is asked by a handshake before its silence
 * counts: one that is heard and still speaks no BFD is PLAIN, and judged by SILENT_PLAIN_MS_MAX. Once it has spoken it is
 * ours for good.
 */
import type { SharedTables } from '../../core/router/memory.js';

export const SILENT_MS_MAX = 3_500;
/** An unknown peer that has been silent for so long is dialled, and again as often, to see whether it lives. */
const ASK_AFTER_MS = 2_000;
const ASK_MS = 1_000;
/** Heard so long after its session began, a peer that has not spoken BFD lives and knows none. */
const PLAIN_AFTER_MS = 1_000;
/** From one keepalive of its to the next: KEEPALIVE_TIMEOUT, a BFD packet, and room for two that are lost or late. */
export const SILENT_PLAIN_MS_MAX = 25_000;

/** What is known of a peer that has never spoken BFD. */
const UNKNOWN = 0;
const PLAIN = 1;

export interface LivenessOptions {
  readonly tables: SharedTables;
  readonly pathing: {
    isOurs(peer: number): boolean;
    isUsable(peer: number): boolean;
  };
  readonly dial: (peer: number) => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #dialledAtMs: Float64Array;
  readonly #kind: Uint8Array;
  /** When its first session was first seen; 0 = never. */
  readonly #firstSeenAtMs: Float64Array;

  constructor(options: LivenessOptions) {
    const { capacity } = options.tables.peers;
    this.#options = options;
    this.#dialledAtMs = new Float64Array(capacity);
    this.#kind = new Uint8Array(capacity);
    this.#firstSeenAtMs = new Float64Array(capacity);
  }

  /** Forgets a peer: its number may next belong to a node of another kind, or of none. */
  forget(peer: number): void {
    this.#dialledAtMs[peer] = 0;
    this.#kind[peer] = UNKNOWN;
    this.#firstSeenAtMs[peer] = 0;
  }

  /** Whether packets go to the peer and come back, as far as can be known. */
  isUp(peer: number, now: number): boolean {
    const { tables, pathing } = this.#options;
    const { peers, sessions } = tables;
    const slot = peers.session[peer];
    if (slot < 0 || now >= sessions.expiresAtMs[slot]) return false;
    if (pathing.isOurs(peer)) return pathing.isUsable(peer);
    return now - peers.authenticatedReceivedAtMs[peer] < this.#silentMsMax(peer);
  }

  /** Whether the peer speaks BFD: it is one of our own nodes, and not plain WireGuard. */
  isOurs(peer: number): boolean {
    return this.#options.pathing.isOurs(peer);
  }

  /** Dials those of `peers` that have fallen silent. */
  handleTimeout(peers: Iterable<{ readonly number: number }>, now: number): void {
    const { tables, dial } = this.#options;
    for (const { number: peer } of peers) {
      if (tables.peers.session[peer] < 0) continue;
      this.#classify(peer, now);
      const silentMs = now - tables.peers.authenticatedReceivedAtMs[peer];
      if (!this.#isDialDue(peer, silentMs, now - this.#dialledAtMs[peer])) continue;
      this.#dialledAtMs[peer] = now;
      dial(peer);
    }
  }

  #silentMsMax(peer: number): number {
    return this.#kind[peer] === PLAIN && !this.isOurs(peer) ? SILENT_PLAIN_MS_MAX : SILENT_MS_MAX;
  }

  #classify(peer: number, now: number): void {
    if (this.#firstSeenAtMs[peer] === 0) this.#firstSeenAtMs[peer] = now;
    const heardAtMs = this.#options.tables.peers.authenticatedReceivedAtMs[peer];
    if (heardAtMs - this.#firstSeenAtMs[peer] >= PLAIN_AFTER_MS) this.#kind[peer] = PLAIN;
  }

  #isDialDue(peer: number, silentMs: number, sinceDialMs: number): boolean {
    const silentMsMax = this.#silentMsMax(peer);
    if (silentMs >= silentMsMax) return sinceDialMs >= silentMsMax;
    const unknown = this.#kind[peer] === UNKNOWN && !this.isOurs(peer);
    return unknown && silentMs >= ASK_AFTER_MS && sinceDialMs >= ASK_MS;
  }
}
