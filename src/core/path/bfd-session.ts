/**
 * One BFD session (RFC 5880) in asynchronous mode, sans-IO: packets and time in; packets, changes of state and the next
 * deadline out. AFTER EACH INPUT DRAIN pollPacket AND pollChange FULLY.
 *
 *          Down ──their Down──▶ Init ──their Init or Up──▶ Up
 *            └────────────their Init──────────────────────▶│
 *   Init and Up fall to Down when the detection time passes without a packet, or the other side says so.
 *
 * In a settled session packet follows packet and none says anything new, so the session can hand both directions to
 * the data plane's worker: `offload` is what the worker repeats, at which pace, and which received bytes mean "nothing
 * new". With `offloaded` set the session sends only what cannot wait (a change, a Final); the clock of absorbed packets
 * comes back by `handleReceivedUnchanged`. Both ways decide the same, which a test holds side by side.
 *
 * Between our own nodes a session that is not Up keeps its fast pace for a while (`fastWhileDownMs`), so that a healed
 * path is seen at once; RFC 5880 6.8.3 asks for one packet a second, which is what follows, and what others get with 0.
 */
import { assert } from '../base/assert.js';
import { BfdOffload } from './bfd-offload.js';
import {
  BFD_ADMIN_DOWN,
  BFD_BYTES,
  BFD_DOWN,
  BFD_INIT,
  BFD_UP,
  BfdPacket,
  type BfdState,
  DIAGNOSTIC_ADMIN_DOWN,
  DIAGNOSTIC_EXPIRED,
  DIAGNOSTIC_NEIGHBOR_DOWN,
  DIAGNOSTIC_NONE,
} from './bfd-packet.js';
import { BfdTiming } from './bfd-timing.js';
import type { Pace } from './pacing.js';

/** RFC 5880 6.8.3: the shortest transmit interval of a session that is not Up. */
const SLOW_US = 1_000_000;
/** Changes of state that one input can cause: Up → Down by the packet, and no more than one again. */
const CHANGES_MAX = 4;

/** A packet at hand, of whichever session. */
const scratch = new BfdPacket();
const scratchBytes = new Uint8Array(BFD_BYTES);

export interface BfdOptions {
  /** Nonzero, 32 bits, unique among the sessions of this node. */
  readonly localDiscriminator: number;
  readonly pace: Pace;
  /** What we are willing to answer of the other side's echo packets; 0 = none. */
  readonly requiredMinEchoRxMs: number;
  /** Speaks first. A passive session waits until it has heard the other side. */
  readonly active: boolean;
  readonly fastWhileDownMs: number;
  /** The worker repeats the template; this session sends only what cannot wait. */
  readonly offloaded: boolean;
  /** A number from 0 up to but not including 1. */
  readonly random: () => number;
}

export interface BfdChange {
  readonly from: BfdState;
  readonly to: BfdState;
  /** Why: our own diagnostic, and the one of the other side's last packet. */
  readonly diagnostic: number;
  readonly remoteDiagnostic: number;
  readonly atMs: number;
}

export class BfdSession {
  readonly localDiscriminator: number;
  /** What a worker needs to know of this session. */
  readonly offload = new BfdOffload();
  readonly #options: BfdOptions;
  readonly #timing: BfdTiming;
  readonly #changes: BfdChange[] = [];
  #pace: Pace;
  #state: BfdState = BFD_DOWN;
  #diagnostic = DIAGNOSTIC_NONE;
  #remoteState: BfdState = BFD_DOWN;
  #remoteDiscriminator = 0;
  #remoteDiagnostic = DIAGNOSTIC_NONE;
  #remoteMultiplier = 0;
  #remoteMinTxUs = 0;
  #remoteMinRxUs = 1;
  #remoteMinEchoRxUs = 0;
  #remoteDemand = false;
  #lastReceivedAtMs = Number.NEGATIVE_INFINITY;
  #lastTransmitAtMs = Number.NEGATIVE_INFINITY;
  #fastUntilMs: number;
  #periodicDue = false;
  #changeDue = false;
  #finalDue = false;

  constructor(options: BfdOptions, now: number) {
    assert(options.localDiscriminator > 0, 'a discriminator is not zero');
    this.localDiscriminator = options.localDiscriminator;
    this.#options = options;
    this.#pace = options.pace;
    this.#fastUntilMs = now + options.fastWhileDownMs;
    this.#timing = new BfdTiming(this.#wantedTxUs(now), toUs(options.pace.requiredMinRxMs));
    this.#refresh(now);
  }

  get state(): BfdState {
    return this.#state;
  }

  get remoteState(): BfdState {
    return this.#remoteState;
  }

  /** 0 = the other side is not known (any more). */
  get remoteDiscriminator(): number {
    return this.#remoteDiscriminator;
  }

  get diagnostic(): number {
    return this.#diagnostic;
  }

  get remoteDiagnostic(): number {
    return this.#remoteDiagnostic;
  }

  /** The shortest interval of echo packets that the other side bears; +Infinity = none. */
  get echoIntervalMsMin(): number {
    const wanted = this.#state === BFD_UP && this.#remoteMinEchoRxUs > 0;
    return wanted ? this.#remoteMinEchoRxUs / 1_000 : Number.POSITIVE_INFINITY;
  }

  get lastReceivedAtMs(): number {
    return this.#lastReceivedAtMs;
  }

  get polling(): boolean {
    return this.#timing.polling;
  }

  /** A packet that was parsed and is meant for this session (RFC 5880 6.8.6, from "set bfd.RemoteDiscr" on). */
  handlePacket(packet: BfdPacket, now: number): void {
    if (this.#remoteDiscriminator === 0) this.#fastUntilMs = now + this.#options.fastWhileDownMs;
    this.#remoteDiscriminator = packet.myDiscriminator;
    this.#remoteState = packet.state;
    this.#remoteDiagnostic = packet.diagnostic;
    this.#remoteDemand = packet.demand;
    this.#remoteMultiplier = packet.multiplier;
    this.#remoteMinTxUs = packet.desiredMinTxUs;
    this.#remoteMinRxUs = packet.requiredMinRxUs;
    this.#remoteMinEchoRxUs = packet.requiredMinEchoRxUs;
    this.#timing.handleFinal(packet.final);
    this.#lastReceivedAtMs = now;
    if (this.#state !== BFD_ADMIN_DOWN) {
      this.#follow(packet.state, now);
      if (packet.poll) this.#finalDue = true;
    }
    this.#refresh(now);
    packet.encode(this.offload.expected, 0);
    this.offload.absorbs =
      !packet.poll &&
      !packet.final &&
      this.#state !== BFD_ADMIN_DOWN &&
      nextState(this.#state, packet.state) === this.#state;
  }

  /** Up to `atMs` the worker has absorbed packets that say what the last one said. */
  handleReceivedUnchanged(atMs: number): void {
    if (atMs > this.#lastReceivedAtMs) this.#lastReceivedAtMs = atMs;
  }

  /** The worker has last repeated the template at `atMs`. */
  handleRepeated(atMs: number): void {
    if (atMs > this.#lastTransmitAtMs) this.#lastTransmitAtMs = atMs;
  }

  /** Something else authentic came over this path: while Up it proves as much as a packet of ours. */
  handleSignOfLife(atMs: number): void {
    if (this.#state === BFD_UP) this.handleReceivedUnchanged(atMs);
  }

  /** Time has passed: sends what is due, and gives up a side that has been silent for the detection time. */
  handleTimeout(now: number): void {
    if (now >= this.#detectionAtMs) {
      this.#forgetRemote();
      if (this.#state === BFD_INIT || this.#state === BFD_UP) {
        this.#becomeDown(DIAGNOSTIC_EXPIRED, now);
        // Also a passive session says so, once: the other side may hear us still, and would only miss us a detection time
        // later. What follows is periodic, and the passive role forbids it (RFC 5880 6.8.7).
        this.#changeDue = true;
      }
    }
    this.#refresh(now);
    if (this.#options.offloaded || now < this.offload.nextTransmitAtMs) return;
    this.#periodicDue = true;
    this.#lastTransmitAtMs = now;
    this.offload.scheduleFrom(now, this.#options.random);
  }

  /** Takes up another pace; while Up the other side is told by a Poll Sequence. */
  setPace(pace: Pace, now: number): void {
    this.#pace = pace;
    this.#refresh(now);
  }

  /** Tries at the fast pace again, from now: there is a reason to believe that the path works. */
  hurry(now: number): void {
    if (this.#state === BFD_UP || this.#state === BFD_ADMIN_DOWN) return;
    this.#fastUntilMs = now + this.#options.fastWhileDownMs;
    this.#changeDue = this.#maySend();
    this.#refresh(now);
  }

  /** Takes the session out of service; the other side is told, with this diagnostic (RFC 5880 6.8.16). */
  disable(now: number, diagnostic = DIAGNOSTIC_ADMIN_DOWN): void {
    if (this.#state !== BFD_ADMIN_DOWN) this.#becomeAdminDown(diagnostic, now);
    this.#refresh(now);
  }

  /** Puts it back in service. */
  enable(now: number): void {
    if (this.#state === BFD_ADMIN_DOWN) this.#becomeDown(DIAGNOSTIC_NONE, now);
    this.#refresh(now);
  }

  /** Takes a packet to be sent now. */
  pollPacket(into: BfdPacket): boolean {
    if (!this.#finalDue && !this.#changeDue && !this.#periodicDue) return false;
    this.#fill(into);
    into.final = this.#finalDue;
    // A packet carries Poll or Final, never both (RFC 5880 6.5): the Poll goes with the next periodic one.
    if (into.final) into.poll = false;
    else this.#periodicDue = false;
    this.#finalDue = false;
    this.#changeDue = false;
    return true;
  }

  /** Takes a change of state. */
  pollChange(): BfdChange | undefined {
    return this.#changes.shift();
  }

  /** When `handleTimeout` is due, given all packets that are known here. */
  nextDeadline(): number {
    const transmitAtMs = this.#options.offloaded ? Number.POSITIVE_INFINITY : this.offload.nextTransmitAtMs;
    const waits = this.#state === BFD_DOWN || this.#state === BFD_INIT;
    const isFast = waits && this.#timing.advertisedTxUs < SLOW_US;
    const slowAtMs = isFast ? this.#fastUntilMs : Number.POSITIVE_INFINITY;
    return Math.min(transmitAtMs, this.#detectionAtMs, slowAtMs);
  }

  get #detectionAtMs(): number {
    return this.#remoteDiscriminator === 0
      ? Number.POSITIVE_INFINITY
      : this.#lastReceivedAtMs + this.offload.detectionMs;
  }

  #follow(remote: BfdState, now: number): void {
    const next = nextState(this.#state, remote);
    if (next === this.#state) return;
    if (next === BFD_INIT) this.#becomeInit(now);
    else if (next === BFD_UP) this.#becomeUp(now);
    else this.#becomeDown(DIAGNOSTIC_NEIGHBOR_DOWN, now);
  }

  #becomeDown(diagnostic: number, now: number): void {
    assert(this.#state !== BFD_DOWN, 'Down comes from another state');
    this.#timing.abandon();
    this.#fastUntilMs = now + this.#options.fastWhileDownMs;
    this.#enter(BFD_DOWN, diagnostic, now);
  }

  #becomeInit(now: number): void {
    assert(this.#state === BFD_DOWN, 'Init comes from Down');
    this.#enter(BFD_INIT, this.#diagnostic, now);
  }

  #becomeUp(now: number): void {
    assert(this.#state === BFD_DOWN || this.#state === BFD_INIT, 'Up comes from Down or Init');
    this.#enter(BFD_UP, DIAGNOSTIC_NONE, now);
  }

  #becomeAdminDown(diagnostic: number, now: number): void {
    assert(this.#state !== BFD_ADMIN_DOWN, 'AdminDown comes from another state');
    this.#timing.abandon();
    this.offload.absorbs = false;
    this.#enter(BFD_ADMIN_DOWN, diagnostic, now);
  }

  #enter(to: BfdState, diagnostic: number, now: number): void {
    const from = this.#state;
    this.#state = to;
    this.#diagnostic = diagnostic;
    assert(this.#changes.length < CHANGES_MAX, 'changes are drained after each input');
    this.#changes.push({ from, to, diagnostic, remoteDiagnostic: this.#remoteDiagnostic, atMs: now });
  }

  #forgetRemote(): void {
    this.#remoteDiscriminator = 0;
    this.#remoteState = BFD_DOWN;
    this.#remoteDemand = false;
    this.#remoteMinRxUs = 1;
    this.#remoteMinEchoRxUs = 0;
    this.#finalDue = false;
    this.#timing.abandon();
    this.offload.absorbs = false;
  }

  #wantedTxUs(now: number): number {
    const fastUs = toUs(this.#pace.desiredMinTxMs);
    if (this.#state === BFD_UP) return fastUs;
    const fast = this.#state !== BFD_ADMIN_DOWN && now < this.#fastUntilMs;
    return fast ? fastUs : Math.max(fastUs, SLOW_US);
  }

  /** Whether periodic packets may go out (RFC 5880 6.8.7). */
  #maySend(): boolean {
    if (this.#remoteDiscriminator === 0 && !this.#options.active) return false;
    if (this.#remoteMinRxUs === 0) return false;
    const demand = this.#remoteDemand && this.#state === BFD_UP && this.#remoteState === BFD_UP;
    return !demand || this.#timing.polling;
  }

  /** Brings everything that follows from the state up to date: what we tell, how often, and how long we wait. */
  #refresh(now: number): void {
    const { offload } = this;
    const remoteKnown = this.#remoteDiscriminator !== 0;
    const requiredRxUs = toUs(this.#pace.requiredMinRxMs);
    this.#timing.want(this.#wantedTxUs(now), requiredRxUs, this.#state === BFD_UP, remoteKnown);
    offload.detectionMs = remoteKnown
      ? (this.#remoteMultiplier * Math.max(this.#timing.effectiveRxUs, this.#remoteMinTxUs)) / 1_000
      : Number.POSITIVE_INFINITY;
    offload.setMultiplier(this.#pace.multiplier);
    const intervalMs = this.#maySend()
      ? Math.max(this.#timing.effectiveTxUs, this.#remoteMinRxUs) / 1_000
      : Number.POSITIVE_INFINITY;
    const paceChanged = intervalMs !== offload.intervalMs;
    offload.intervalMs = intervalMs;
    this.#fill(scratch);
    scratch.encode(scratchBytes, 0);
    // A change of more than Poll is worth a packet of its own (RFC 5880 6.8.7).
    if (offload.replaceTemplate(scratchBytes) && this.#maySend()) this.#changeDue = true;
    // What is sent for a change counts as the periodic packet: the next one is due a whole interval later.
    if (this.#changeDue) this.#lastTransmitAtMs = now;
    if (!this.#changeDue && !paceChanged) return;
    offload.scheduleFrom(Math.max(this.#lastTransmitAtMs, now - intervalMs), this.#options.random);
  }

  #fill(packet: BfdPacket): void {
    packet.state = this.#state;
    packet.diagnostic = this.#diagnostic;
    packet.poll = this.#timing.polling;
    packet.final = false;
    packet.controlPlaneIndependent = false;
    packet.demand = false;
    packet.multiplier = this.#pace.multiplier;
    packet.myDiscriminator = this.localDiscriminator;
    packet.yourDiscriminator = this.#remoteDiscriminator;
    packet.desiredMinTxUs = this.#timing.advertisedTxUs;
    packet.requiredMinRxUs = this.#timing.advertisedRxUs;
    packet.requiredMinEchoRxUs = toUs(this.#options.requiredMinEchoRxMs);
  }
}

/** The state that a packet leads to (RFC 5880 6.8.6); AdminDown is left by hand only. */
function nextState(own: BfdState, remote: BfdState): BfdState {
  if (own === BFD_ADMIN_DOWN) return own;
  if (remote === BFD_ADMIN_DOWN) return BFD_DOWN;
  if (own === BFD_DOWN) return remote === BFD_DOWN ? BFD_INIT : remote === BFD_INIT ? BFD_UP : own;
  if (own === BFD_INIT) return remote === BFD_DOWN ? own : BFD_UP;
  return remote === BFD_DOWN ? BFD_DOWN : own;
}

function toUs(ms: number): number {
  return Math.round(ms * 1_000);
}
