/**
 * The conversation with the register: one heartbeat at a time, one claim at a time, and what follows from answers and
 * from their absence. Whether Redis answers is a state, with the moment it began: silence of a partner's heartbeat
 * proves something only when Redis has answered for a while.
 */
import { highest } from './record.js';
import type { BeatAnswer, ClaimAnswer, Epoch } from './register.js';
import type { ClusterSettings } from './settings.js';
import type { Waits } from './waits.js';

/** The edge gives up a command after its timeout; a lost report of that must not stop the heart for good. */
const LOST_REPORT_FACTOR = 3;

export class RegisterLink {
  readonly #settings: ClusterSettings;
  #beatSentAtMs: number | undefined;
  #beatDueAtMs = 0;
  #beatUrgent = false;
  #claimSentAtMs: number | undefined;
  #clock: { readonly redisMs: number; readonly atMs: number } | undefined;
  /** Redis answers: the last command was answered in time. */
  answering = false;
  answeringSinceMs = 0;
  answeredAtMs = Number.NEGATIVE_INFINITY;
  /** As last read; undefined = empty or never read. */
  register: Epoch | undefined;
  /** The highest it ever showed. */
  seen: Epoch | undefined;

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
  }

  /** A heartbeat must go out as soon as the one under way is answered. */
  hurry(): void {
    this.#beatUrgent = true;
  }

  /** Whether a heartbeat is to be sent now; the caller sends it. */
  takeBeat(waits: Waits): boolean {
    const { redis, heartbeatMs, commandTimeoutMs } = this.#settings;
    if (!redis) return false;
    const underWay =
      this.#beatSentAtMs !== undefined &&
      !waits.passed(this.#beatSentAtMs, commandTimeoutMs * LOST_REPORT_FACTOR);
    if (underWay) return false;
    if (!this.#beatUrgent && waits.now < this.#beatDueAtMs) {
      waits.at(this.#beatDueAtMs);
      return false;
    }
    this.#beatUrgent = false;
    this.#beatSentAtMs = waits.now;
    // A steady pace; a hurried beat delays none, and a pause is not made up for.
    const next = Math.min(this.#beatDueAtMs + heartbeatMs, waits.now + heartbeatMs);
    this.#beatDueAtMs = Math.max(next, waits.now + heartbeatMs / 2);
    return true;
  }

  /** Whether a claim may be sent now: none is under way. */
  takeClaim(waits: Waits): boolean {
    const limit = this.#settings.commandTimeoutMs * LOST_REPORT_FACTOR;
    if (this.#claimSentAtMs !== undefined && !waits.passed(this.#claimSentAtMs, limit)) return false;
    this.#claimSentAtMs = waits.now;
    return true;
  }

  /** Redis TIME until which a claim sent now may be executed. */
  notAfter(now: number): number {
    if (!(this.#settings.rules?.claimNotAfter ?? true) || this.#clock === undefined)
      return Number.MAX_SAFE_INTEGER;
    const { redisMs, atMs } = this.#clock;
    return Math.ceil(redisMs + (now - atMs) + this.#settings.claimNotAfterMs);
  }

  /** The answer of a heartbeat, or that there was none. */
  handleBeat(answer: BeatAnswer | undefined, now: number): void {
    this.#beatSentAtMs = undefined;
    this.#answered(answer, now);
  }

  /** The answer of a claim, or that there was none. */
  handleClaim(answer: ClaimAnswer | undefined, now: number): void {
    this.#claimSentAtMs = undefined;
    this.#answered(answer, now);
  }

  /** Forgets what was measured on a clock that stood still. */
  handleJump(now: number): void {
    this.answeringSinceMs = now;
    this.#clock = undefined;
  }

  #answered(
    answer: { readonly register: Epoch | undefined; readonly redisMs: number } | undefined,
    now: number,
  ) {
    if (answer === undefined) {
      this.answering = false;
      return;
    }
    if (!this.answering) {
      this.answering = true;
      this.answeringSinceMs = now;
    }
    this.answeredAtMs = now;
    this.register = answer.register;
    this.seen = highest(this.seen, answer.register);
    this.#clock = { redisMs: answer.redisMs, atMs: now };
  }
}
