/**
 * How good a path is: round-trip time, its variation, and loss. Samples come from echo packets, one at a time or as
 * counts that a worker has kept. Nothing is allocated after construction.
 *
 * Round-trip time is smoothed as in RFC 6298 section 2 (gains 1/8 and 1/4), jitter as in RFC 3550 6.4.1 (gain 1/16) over
 * successive round trips. Loss is counted in the second in which the fate of a packet is known, in two rings: tenths
 * of a second for what happens now, whole seconds for what happens for a while.
 */
const FINE_MS = 100;
const FINE_BUCKETS = 11;
const COARSE_MS = 1_000;
const COARSE_BUCKETS = 61;
/** RFC 6298: K = 4. */
const VARIATION_FACTOR = 4;
const ANSWER_MS_MIN = 250;
const ANSWER_MS_MAX = 2_000;

/** The windows of loss that are worth showing, in ms. */
export const LOSS_WINDOWS_MS = [1_000, 10_000, 60_000] as const;

/** Counts per slice of time, the newest slices only. */
class Buckets {
  readonly #widthMs: number;
  readonly #answered: Uint32Array;
  readonly #lost: Uint32Array;
  /** Number of the newest slice: time divided by the width. */
  #newest = Number.NEGATIVE_INFINITY;

  constructor(widthMs: number, count: number) {
    this.#widthMs = widthMs;
    this.#answered = new Uint32Array(count);
    this.#lost = new Uint32Array(count);
  }

  count(answered: number, lost: number, now: number): void {
    this.#advance(now);
    const at = this.#newest % this.#answered.length;
    this.#answered[at] += answered;
    this.#lost[at] += lost;
  }

  /** Adds up the slices of the last `windowMs`, the one under way included, into `into`: answered, lost. */
  read(windowMs: number, now: number, into: Float64Array): void {
    this.#advance(now);
    const { length } = this.#answered;
    const slices = Math.min(length, Math.ceil(windowMs / this.#widthMs) + 1);
    into.fill(0);
    for (let back = 0; back < slices && back <= this.#newest; back++) {
      const at = (this.#newest - back) % length;
      into[0] += this.#answered[at];
      into[1] += this.#lost[at];
    }
  }

  #advance(now: number): void {
    const slice = Math.max(0, Math.floor(now / this.#widthMs));
    const { length } = this.#answered;
    if (slice <= this.#newest) return;
    const first = Math.max(this.#newest + 1, slice - length + 1, 0);
    for (let i = first; i <= slice; i++) {
      this.#answered[i % length] = 0;
      this.#lost[i % length] = 0;
    }
    this.#newest = slice;
  }
}

export class Quality {
  /** Smoothed round-trip time; 0 before the first sample. */
  rttMs = 0;
  /** Mean deviation of the round-trip time (RFC 6298 RTTVAR). */
  rttVariationMs = 0;
  /** Mean difference of successive round-trip times (RFC 3550 jitter). */
  jitterMs = 0;
  rttMsMin = Number.POSITIVE_INFINITY;
  answered = 0;
  lost = 0;
  #lastRttMs = Number.NaN;
  readonly #fine = new Buckets(FINE_MS, FINE_BUCKETS);
  readonly #coarse = new Buckets(COARSE_MS, COARSE_BUCKETS);
  readonly #sums = new Float64Array(2);

  /** An echo packet came back after `rttMs`. */
  handleAnswer(rttMs: number, now: number): void {
    if (Number.isNaN(this.#lastRttMs)) {
      this.rttMs = rttMs;
      this.rttVariationMs = rttMs / 2;
    } else {
      this.rttVariationMs += (Math.abs(this.rttMs - rttMs) - this.rttVariationMs) / 4;
      this.rttMs += (rttMs - this.rttMs) / 8;
      this.jitterMs += (Math.abs(rttMs - this.#lastRttMs) - this.jitterMs) / 16;
    }
    this.#lastRttMs = rttMs;
    if (rttMs < this.rttMsMin) this.rttMsMin = rttMs;
    this.handleCounts(1, 0, now);
  }

  /** The fate of so many echo packets has become known. */
  handleCounts(answered: number, lost: number, now: number): void {
    this.answered += answered;
    this.lost += lost;
    this.#fine.count(answered, lost, now);
    this.#coarse.count(answered, lost, now);
  }

  /** How long an answer may take before it counts as lost: RFC 6298's formula with bounds for probes. */
  get answerMsMax(): number {
    const ms = this.rttMs + VARIATION_FACTOR * this.rttVariationMs;
    return this.rttMs === 0 ? ANSWER_MS_MAX : Math.min(ANSWER_MS_MAX, Math.max(ANSWER_MS_MIN, ms));
  }

  /** Echo packets whose fate became known in the last `windowMs` (at most 60 s). */
  samples(windowMs: number, now: number): number {
    this.#read(windowMs, now);
    return this.#sums[0] + this.#sums[1];
  }

  /** The share of them that was lost, 0–1; 0 where there were none. */
  loss(windowMs: number, now: number): number {
    this.#read(windowMs, now);
    const [answered, lost] = this.#sums;
    return lost === 0 ? 0 : lost / (answered + lost);
  }

  #read(windowMs: number, now: number): void {
    const buckets = windowMs <= FINE_MS * (FINE_BUCKETS - 1) ? this.#fine : this.#coarse;
    buckets.read(windowMs, now, this.#sums);
  }
}
