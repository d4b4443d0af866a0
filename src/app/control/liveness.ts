/**
 * Which peers answer: a probe a second through each session, and the round-trip time of its answer. A peer that has been
 * silent for SILENT_MS_MAX does not serve, and is dialled anew: it may have restarted and forgotten the session.
 *
 * A plain WireGuard peer knows no probes, and may have nothing to say. All it owes is a keepalive within
 * KEEPALIVE_TIMEOUT of data (paper, 6.5), and a probe is data. So a peer that has never answered one is probed more
 * slowly once that is plain, and judged by SILENT_PLAIN_MS_MAX.
 */
import { assert } from '../../core/base/assert.js';
import type { SharedTables } from '../../core/router/memory.js';
import { encodeProbe, parseProbeAnswer } from '../../core/router/probe.js';
import type { Snapshot } from '../../core/router/snapshot.js';

export const PROBE_MS = 1_000;
/** Three probes lost, and a little for a late one. */
export const SILENT_MS_MAX = 3_500;
/** A peer that has left this many probes unanswered, and never answered any, is taken for plain WireGuard. */
export const PLAIN_AFTER_PROBES = 10;
/** The pace of probes to it: enough to be owed a keepalive at all times. */
export const PROBE_PLAIN_MS = 10_000;
/** From one keepalive of its to the next: PROBE_PLAIN_MS, KEEPALIVE_TIMEOUT, and 5 s for what is lost or late. */
export const SILENT_PLAIN_MS_MAX = 25_000;
/** Weight of a new sample in the smoothed round-trip time (RFC 6298: 1/8). */
const RTT_GAIN = 1 / 8;
const ANSWERS = -1;

export interface LivenessOptions {
  readonly tables: SharedTables;
  readonly snapshot: () => Snapshot;
  readonly seal: (peer: number, packet: Uint8Array) => void;
  readonly dial: (peer: number) => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #probedAtMs: Float64Array;
  readonly #dialledAtMs: Float64Array;
  /** Probes sent to each peer that has never answered one; ANSWERS for one that has. */
  readonly #unanswered: Int32Array;
  /** Smoothed round-trip time of each peer, ms; 0 = none measured. */
  readonly rttMs: Float64Array;

  constructor(options: LivenessOptions) {
    this.#options = options;
    const { capacity } = options.tables.peers;
    this.#probedAtMs = new Float64Array(capacity);
    this.#dialledAtMs = new Float64Array(capacity);
    this.#unanswered = new Int32Array(capacity);
    this.rttMs = new Float64Array(capacity);
  }

  /** Forgets a peer: its number may next belong to a node of another kind, or of none. */
  forget(peer: number): void {
    this.#probedAtMs[peer] = 0;
    this.#dialledAtMs[peer] = 0;
    this.#unanswered[peer] = 0;
    this.rttMs[peer] = 0;
  }

  /** Whether the peer has a session over which something authentic came lately. */
  isUp(peer: number, now: number): boolean {
    const { peers, sessions } = this.#options.tables;
    const slot = peers.session[peer];
    return (
      slot >= 0 &&
      now < sessions.expiresAtMs[slot] &&
      now - peers.authenticatedReceivedAtMs[peer] < this.#silentMsMax(peer)
    );
  }

  /** Sends the probes that are due to `peers`, and dials those that have fallen silent. */
  handleTimeout(peers: Iterable<{ readonly number: number }>, now: number): void {
    const { tables } = this.#options;
    for (const { number: peer } of peers) {
      if (tables.peers.session[peer] < 0) continue;
      const paceMs = this.#unanswered[peer] < PLAIN_AFTER_PROBES ? PROBE_MS : PROBE_PLAIN_MS;
      if (now - this.#probedAtMs[peer] >= paceMs) this.#probe(peer, now);
      const silentMs = now - tables.peers.authenticatedReceivedAtMs[peer];
      const silentMsMax = this.#silentMsMax(peer);
      if (silentMs >= silentMsMax && now - this.#dialledAtMs[peer] >= silentMsMax) {
        this.#dialledAtMs[peer] = now;
        this.#options.dial(peer);
      }
    }
  }

  /** An inner packet from `peer` to our control address. */
  handleInner(peer: number, packet: Uint8Array, now: number): void {
    const sentAtMs = parseProbeAnswer(packet);
    if (sentAtMs === undefined || sentAtMs > now || now - sentAtMs > SILENT_MS_MAX) return;
    this.#unanswered[peer] = ANSWERS;
    const sample = now - sentAtMs;
    const before = this.rttMs[peer];
    this.rttMs[peer] = before === 0 ? sample : before + (sample - before) * RTT_GAIN;
  }

  #silentMsMax(peer: number): number {
    return this.#unanswered[peer] === ANSWERS ? SILENT_MS_MAX : SILENT_PLAIN_MS_MAX;
  }

  #probe(peer: number, now: number): void {
    const { snapshot, seal } = this.#options;
    const { ownControl, peerControl } = snapshot();
    const at = peer * 4;
    assert(at + 4 <= peerControl.length, 'a peer has a control address');
    this.#probedAtMs[peer] = now;
    if (this.#unanswered[peer] !== ANSWERS && this.#unanswered[peer] < PLAIN_AFTER_PROBES) {
      this.#unanswered[peer] += 1;
    }
    const target = [peerControl[at], peerControl[at + 1], peerControl[at + 2], peerControl[at + 3]] as const;
    seal(peer, encodeProbe(ownControl, target, now));
  }
}
