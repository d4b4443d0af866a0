/**
 * Which peers answer: a probe a second through each session, and the round-trip time of its answer. A peer that has been
 * silent for SILENT_MS_MAX does not serve, and is dialled anew: it may have restarted and forgotten the session.
 */
import { assert } from '../../core/base/assert.js';
import type { SharedTables } from '../../core/router/memory.js';
import { encodeProbe, parseProbeAnswer } from '../../core/router/probe.js';
import type { Snapshot } from '../../core/router/snapshot.js';

export const PROBE_MS = 1_000;
/** Three probes lost, and a little for a late one. */
export const SILENT_MS_MAX = 3_500;
/** Weight of a new sample in the smoothed round-trip time (RFC 6298: 1/8). */
const RTT_GAIN = 1 / 8;

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
  /** Smoothed round-trip time of each peer, ms; 0 = none measured. */
  readonly rttMs: Float64Array;

  constructor(options: LivenessOptions) {
    this.#options = options;
    const { capacity } = options.tables.peers;
    this.#probedAtMs = new Float64Array(capacity);
    this.#dialledAtMs = new Float64Array(capacity);
    this.rttMs = new Float64Array(capacity);
  }

  /** Whether the peer has a session over which something authentic came lately. */
  isUp(peer: number, now: number): boolean {
    const { peers, sessions } = this.#options.tables;
    const slot = peers.session[peer];
    return (
      slot >= 0 &&
      now < sessions.expiresAtMs[slot] &&
      now - peers.authenticatedReceivedAtMs[peer] < SILENT_MS_MAX
    );
  }

  /** Sends the probes that are due to `peers`, and dials those that have fallen silent. */
  handleTimeout(peers: Iterable<{ readonly number: number }>, now: number): void {
    const { tables } = this.#options;
    for (const { number: peer } of peers) {
      if (tables.peers.session[peer] < 0) continue;
      if (now - this.#probedAtMs[peer] >= PROBE_MS) this.#probe(peer, now);
      const silentMs = now - tables.peers.authenticatedReceivedAtMs[peer];
      if (silentMs >= SILENT_MS_MAX && now - this.#dialledAtMs[peer] >= SILENT_MS_MAX) {
        this.#dialledAtMs[peer] = now;
        this.#options.dial(peer);
      }
    }
  }

  /** An inner packet from `peer` to our control address. */
  handleInner(peer: number, packet: Uint8Array, now: number): void {
    const sentAtMs = parseProbeAnswer(packet);
    if (sentAtMs === undefined || sentAtMs > now || now - sentAtMs > SILENT_MS_MAX) return;
    const sample = now - sentAtMs;
    const before = this.rttMs[peer];
    this.rttMs[peer] = before === 0 ? sample : before + (sample - before) * RTT_GAIN;
  }

  #probe(peer: number, now: number): void {
    const { snapshot, seal } = this.#options;
    const { ownControl, peerControl } = snapshot();
    const at = peer * 4;
    assert(at + 4 <= peerControl.length, 'a peer has a control address');
    this.#probedAtMs[peer] = now;
    const target = [peerControl[at], peerControl[at + 1], peerControl[at + 2], peerControl[at + 3]] as const;
    seal(peer, encodeProbe(ownControl, target, now));
  }
}
