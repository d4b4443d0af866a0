/**
 * Which peers answer probes through their session, and which are up. A worker gives one of our own nodes a sign of life
 * every probeMs (router/pulses.ts) and expects one; the node is down after detectionMs without (cluster-times.ts). A peer
 * that has been silent for SILENT_MS_MAX is dialled anew: it may have restarted and forgotten the session.
 *
 * A plain WireGuard peer knows no probes, and may have nothing to say. All it owes is a keepalive within
 * KEEPALIVE_TIMEOUT of data (paper, 6.5), and a probe is data. So a peer starts UNKNOWN and is asked by a handshake
 * before its silence counts: one that is heard and still leaves probes unanswered is PLAIN, is judged by
 * SILENT_PLAIN_MS_MAX, and soon probed more slowly. One answer and it is ours.
 */
import { assert } from '../../core/base/assert.js';
import type { ClusterTimes } from '../../core/cluster/settings.js';
import type { SharedTables } from '../../core/router/memory.js';
import { encodeProbe } from '../../core/router/probe.js';
import type { Snapshot } from '../../core/router/snapshot.js';

export const PROBE_MS = 1_000;
/** Three probes lost, and a little for a late one. */
export const SILENT_MS_MAX = 3_500;
/** An unknown peer that has been silent for so long is dialled, and again as often, to see whether it lives. */
const ASK_AFTER_MS = 2_000;
const ASK_MS = 1_000;
/** Heard so long after its first unanswered probe, a peer lives and knows no probes. */
const PLAIN_AFTER_MS = 1_000;
/** So many unanswered probes, and a plain peer is probed at PROBE_PLAIN_MS: enough to be owed a keepalive at all times. */
const PROBES_PLAIN_MAX = 10;
export const PROBE_PLAIN_MS = 10_000;
/** From one keepalive of its to the next: PROBE_PLAIN_MS, KEEPALIVE_TIMEOUT, and 5 s for what is lost or late. */
export const SILENT_PLAIN_MS_MAX = 25_000;

/** What is known of a peer. */
const UNKNOWN = 0;
const PLAIN = 1;
const OURS = 2;

export interface LivenessOptions {
  readonly tables: SharedTables;
  readonly snapshot: () => Snapshot;
  readonly seal: (peer: number, packet: Uint8Array) => void;
  readonly dial: (peer: number) => void;
  /** Has the worker look at the tables. */
  readonly wake: () => void;
  /** How often our own nodes get a sign of life, and how long one may be silent. */
  readonly times: Pick<ClusterTimes, 'probeMs' | 'detectionMs'>;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #probedAtMs: Float64Array;
  readonly #dialledAtMs: Float64Array;
  readonly #kind: Uint8Array;
  /** Of a peer that has never answered a probe: when the first was sent (0 = none yet), and how many in this session. */
  readonly #firstProbeAtMs: Float64Array;
  readonly #unanswered: Uint8Array;
  readonly #slot: Int32Array;
  /** Answers counted by the workers, as last looked at. */
  readonly #answers: Int32Array;

  constructor(options: LivenessOptions) {
    this.#options = options;
    const { capacity } = options.tables.peers;
    this.#probedAtMs = new Float64Array(capacity);
    this.#dialledAtMs = new Float64Array(capacity);
    this.#kind = new Uint8Array(capacity);
    this.#firstProbeAtMs = new Float64Array(capacity);
    this.#unanswered = new Uint8Array(capacity);
    this.#slot = new Int32Array(capacity).fill(-1);
    this.#answers = new Int32Array(capacity);
  }

  /** Forgets a peer: its number may next belong to a node of another kind, or of none. */
  forget(peer: number): void {
    this.#probedAtMs[peer] = 0;
    this.#dialledAtMs[peer] = 0;
    this.#kind[peer] = UNKNOWN;
    this.#firstProbeAtMs[peer] = 0;
    this.#unanswered[peer] = 0;
    const { probeRttMs, probeAnswers, pulseMs } = this.#options.tables.peers;
    probeRttMs[peer] = 0;
    pulseMs[peer] = 0;
    this.#answers[peer] = probeAnswers[peer];
  }

  /** Whether the peer has a session over which something authentic came lately. */
  isUp(peer: number, now: number): boolean {
    const { peers, sessions } = this.#options.tables;
    const slot = peers.session[peer];
    return (
      slot >= 0 &&
      now < sessions.expiresAtMs[slot] &&
      now - peers.authenticatedReceivedAtMs[peer] < this.#downAfterMs(peer)
    );
  }

  /** Whether the peer has answered a probe: it is one of our own nodes, and not plain WireGuard. */
  isOurs(peer: number): boolean {
    return this.#kind[peer] === OURS;
  }

  /** Sends the probes that are due to `peers`, and dials those that have fallen silent. */
  handleTimeout(peers: Iterable<{ readonly number: number }>, now: number): void {
    const { tables, dial } = this.#options;
    for (const { number: peer } of peers) {
      const slot = tables.peers.session[peer];
      if (slot < 0) continue;
      this.#countAnswers(peer);
      if (slot !== this.#slot[peer]) this.#unanswered[peer] = 0;
      this.#slot[peer] = slot;
      this.#classify(peer);
      if (this.#kind[peer] !== OURS && now - this.#probedAtMs[peer] >= this.#paceMs(peer))
        this.#probe(peer, now);
      const silentMs = now - tables.peers.authenticatedReceivedAtMs[peer];
      if (!this.#isDialDue(peer, silentMs, now - this.#dialledAtMs[peer])) continue;
      this.#dialledAtMs[peer] = now;
      dial(peer);
    }
  }

  /** Takes note of the answers that workers have counted since the last look. */
  #countAnswers(peer: number): void {
    const answers = this.#options.tables.peers.probeAnswers[peer];
    if (answers === this.#answers[peer]) return;
    this.#answers[peer] = answers;
    this.#unanswered[peer] = 0;
    if (this.#kind[peer] === OURS) return;
    this.#kind[peer] = OURS;
    const { tables, times, wake } = this.#options;
    tables.peers.pulseMs[peer] = times.probeMs;
    tables.peers.silentAfterMs[peer] = times.detectionMs;
    wake();
  }

  #paceMs(peer: number): number {
    return this.#unanswered[peer] < PROBES_PLAIN_MAX ? PROBE_MS : PROBE_PLAIN_MS;
  }

  #downAfterMs(peer: number): number {
    return this.#kind[peer] === OURS ? this.#options.times.detectionMs : this.#silentMsMax(peer);
  }

  #silentMsMax(peer: number): number {
    return this.#kind[peer] === PLAIN ? SILENT_PLAIN_MS_MAX : SILENT_MS_MAX;
  }

  #classify(peer: number): void {
    if (this.#kind[peer] !== UNKNOWN || this.#firstProbeAtMs[peer] === 0) return;
    const heardAtMs = this.#options.tables.peers.authenticatedReceivedAtMs[peer];
    if (heardAtMs - this.#firstProbeAtMs[peer] >= PLAIN_AFTER_MS) this.#kind[peer] = PLAIN;
  }

  #isDialDue(peer: number, silentMs: number, sinceDialMs: number): boolean {
    const silentMsMax = this.#silentMsMax(peer);
    if (silentMs >= silentMsMax) return sinceDialMs >= silentMsMax;
    return this.#kind[peer] === UNKNOWN && silentMs >= ASK_AFTER_MS && sinceDialMs >= ASK_MS;
  }

  #probe(peer: number, now: number): void {
    const { snapshot, seal } = this.#options;
    const { ownControl, peerControl } = snapshot();
    const at = peer * 4;
    assert(at + 4 <= peerControl.length, 'a peer has a control address');
    this.#probedAtMs[peer] = now;
    if (this.#unanswered[peer] < PROBES_PLAIN_MAX) {
      if (this.#firstProbeAtMs[peer] === 0) this.#firstProbeAtMs[peer] = now;
      this.#unanswered[peer] += 1;
    }
    const target = [peerControl[at], peerControl[at + 1], peerControl[at + 2], peerControl[at + 3]] as const;
    seal(peer, encodeProbe(ownControl, target, now));
  }
}
