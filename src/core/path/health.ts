/**
 * The state of one path for people and for the choice: up, degraded or down, since when and why; how lossy it is; and
 * from when on it may win back traffic that has left it.
 *
 * Loss has three classes with room between coming and going, so that a rate near a limit does not toggle: hardly any,
 * some, and a brown-out, where TCP is of little use.
 *
 * The hold: a path that has died must stay good for 10 s before it may win back traffic, 20 s when it dies again within
 * five minutes, then 40, then 60; after a brown-out it is 60 s at once. A path that has never failed waits a second.
 */
import { BFD_UP, diagnosticText } from './bfd-packet.js';
import type { BfdSession } from './bfd-session.js';
import type { Quality } from './quality.js';

export type PathState = 'up' | 'degraded' | 'down';
export const LOSS_NONE = 0;
export const LOSS_SOME = 1;
export const LOSS_BROWN_OUT = 2;
export type LossClass = typeof LOSS_NONE | typeof LOSS_SOME | typeof LOSS_BROWN_OUT;

const WINDOW_MS = 10_000;
const WINDOW_LONG_MS = 60_000;
/** Fewer samples in 10 s than this, and the last 60 s are looked at; fewer there, and loss is not judged. */
const SAMPLES_MIN = 20;
const SAMPLES_LONG_MIN = 10;
/** Fewer lost than this are chance. */
const LOST_MIN = 3;
const SOME_FROM = 0.05;
const SOME_UNTIL = 0.02;
const BROWN_OUT_FROM = 0.12;
const BROWN_OUT_UNTIL = 0.04;
/** A round trip so much longer than the shortest seen is worth a word: both the factor and the difference. */
const SLOW_FACTOR = 3;
const SLOW_MS = 100;

const HOLD_NEW_MS = 1_000;
const HOLD_MS = 10_000;
const HOLD_MS_MAX = 60_000;
const FLAPS_WITHIN_MS = 300_000;

export class PathHealth {
  state: PathState = 'down';
  reason = 'not heard yet';
  sinceMs: number;
  lossClass: LossClass = LOSS_NONE;
  /** The loss that this was judged by, 0–1. */
  loss = 0;
  /** From then on the path may win back traffic from one that works; +Infinity while it is not good. */
  heldUntilMs = Number.POSITIVE_INFINITY;
  #flaps = -1;
  #diedAtMs = Number.NEGATIVE_INFINITY;

  constructor(now: number) {
    this.sinceMs = now;
  }

  get isUsable(): boolean {
    return this.state !== 'down';
  }

  /** Whether it has been usable, and was lost. */
  get hasDied(): boolean {
    return this.#flaps >= 0;
  }

  /** Usable, and not in a brown-out. */
  get isGood(): boolean {
    return this.isUsable && this.lossClass !== LOSS_BROWN_OUT;
  }

  /** Looks at everything anew. `uplinkReason` says why the uplink cannot be used; '' if it can. Returns the state before. */
  judge(session: BfdSession, quality: Quality, uplinkReason: string, now: number): PathState {
    const before = this.state;
    const wasGood = this.isGood;
    if (uplinkReason !== '') {
      this.#becomeDown(uplinkReason, now);
      this.reason = uplinkReason;
    } else if (session.state !== BFD_UP) this.#becomeDown(downReason(session, before), now);
    else this.#becomeUsable(quality, now);
    if (!wasGood && this.isGood) this.heldUntilMs = now + this.#holdMs(before);
    else if (!this.isGood) this.heldUntilMs = Number.POSITIVE_INFINITY;
    return before;
  }

  /** What a path that was not good until now has to wait. */
  #holdMs(before: PathState): number {
    if (before !== 'down') return HOLD_MS_MAX;
    if (this.#flaps < 0) return HOLD_NEW_MS;
    return Math.min(HOLD_MS_MAX, HOLD_MS * 2 ** this.#flaps);
  }

  #becomeDown(reason: string, now: number): void {
    if (this.state === 'down') {
      if (!this.hasDied) this.reason = reason;
      return;
    }
    this.#flaps = now - this.#diedAtMs > FLAPS_WITHIN_MS ? 0 : this.#flaps + 1;
    this.#diedAtMs = now;
    this.#enter('down', reason, now);
  }

  #becomeUsable(quality: Quality, now: number): void {
    this.loss = judgedLoss(quality, now);
    this.lossClass = nextClass(this.lossClass, this.loss);
    const reasons: string[] = [];
    if (this.lossClass !== LOSS_NONE) reasons.push(`loss ${Math.round(this.loss * 100)} %`);
    const slow = quality.rttMs > quality.rttMsMin * SLOW_FACTOR && quality.rttMs > quality.rttMsMin + SLOW_MS;
    if (slow) reasons.push(`round trip ${Math.round(quality.rttMs)} ms, was ${Math.round(quality.rttMsMin)}`);
    if (reasons.length === 0) {
      if (this.state !== 'up') this.#enter('up', '', now);
      return;
    }
    if (this.state !== 'degraded') this.#enter('degraded', reasons.join(', '), now);
    else this.reason = reasons.join(', ');
  }

  #enter(state: PathState, reason: string, now: number): void {
    this.state = state;
    this.reason = reason;
    this.sinceMs = now;
  }
}

/** The loss to judge by, 0–1: of the last 10 s, or 60 s where samples are rare. */
function judgedLoss(quality: Quality, now: number): number {
  const many = quality.samples(WINDOW_MS, now) >= SAMPLES_MIN;
  const windowMs = many ? WINDOW_MS : WINDOW_LONG_MS;
  const samples = quality.samples(windowMs, now);
  const loss = quality.loss(windowMs, now);
  return samples >= SAMPLES_LONG_MIN && loss * samples >= LOST_MIN ? loss : 0;
}

function nextClass(before: LossClass, loss: number): LossClass {
  if (loss >= BROWN_OUT_FROM) return LOSS_BROWN_OUT;
  if (before === LOSS_BROWN_OUT && loss > BROWN_OUT_UNTIL) return LOSS_BROWN_OUT;
  if (loss >= SOME_FROM) return LOSS_SOME;
  return before !== LOSS_NONE && loss > SOME_UNTIL ? LOSS_SOME : LOSS_NONE;
}

function downReason(session: BfdSession, before: PathState): string {
  if (before === 'down') return session.remoteDiscriminator === 0 ? 'not heard yet' : 'they do not hear us';
  const theirs =
    session.remoteDiagnostic === 0 ? '' : ` (they say: ${diagnosticText(session.remoteDiagnostic)})`;
  return `${diagnosticText(session.diagnostic)}${theirs}`;
}
