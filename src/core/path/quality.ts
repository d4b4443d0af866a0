/**
 * How good a path is: round-trip time, its variation, and loss. Samples come from echo packets, one at a time or as
 * counts that a worker has kept. Nothing is allocated after the first.
 *
 * Round-trip time is smoothed as in RFC 6298 section 2 (gains 1/8 and 1/4), jitter as in RFC 3550 6.4.1 (gain 1/16) over
 * successive round trips. Loss is counted in the second in which the fate of a packet is known, in two rings: tenths
 * of a second for what happens now, whole seconds for what happens for a while. Both stand in one array, which there is
 * once anything has been counted.
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

/** Words of a slice. */
const ANSWERED = 0;
const LOST = 1;
const WORDS = 2;
const COUNT_MAX = 0xffff;
const RINGS_LENGTH = (FINE_BUCKETS + COARSE_BUCKETS) * WORDS;

/** Nothing has been counted. */
const EMPTY = new Uint16Array(RINGS_LENGTH);
/** Answered, lost. */
const sums = new Float64Array(2);

/** Counts per slice of time, the newest slices only: a ring in an array of `rings`. */
class Ring {
  readonly #widthMs: number;
  readonly #first: number;
  readonly #length: number;

  /** `length` slices, before which `before` others stand. */
  constructor(widthMs: number, before: number, length: number) {
    this.#widthMs = widthMs;
    this.#first = before * WORDS;
    this.#length = length;
  }

  sliceAt(now: number): number {
    return Math.max(0, Math.floor(now / this.#widthMs));
  }

  count(rings: Uint16Array, answered: number, lost: number, slice: number): void {
    const at = this.#at(slice);
    rings[at + ANSWERED] = Math.min(COUNT_MAX, rings[at + ANSWERED] + answered);
    rings[at + LOST] = Math.min(COUNT_MAX, rings[at + LOST] + lost);
  }

  /** Adds up the slices of the last `windowMs` up to `newest`, the one under way, into `sums`. */
  read(rings: Uint16Array, windowMs: number, newest: number): void {
    const slices = Math.min(this.#length, Math.ceil(windowMs / this.#widthMs) + 1);
    sums.fill(0);
    for (let back = 0; back < slices && back <= newest; back++) {
      const at = this.#at(newest - back);
      sums[0] += rings[at + ANSWERED];
      sums[1] += rings[at + LOST];
    }
  }

  /** Makes room for the slices after `newest`, the last of which is `slice`. */
  clear(rings: Uint16Array, newest: number, slice: number): void {
    for (let i = Math.max(newest + 1, slice - this.#length + 1, 0); i <= slice; i++) {
      rings.fill(0, this.#at(i), this.#at(i) + WORDS);
    }
  }

  #at(slice: number): number {
    return this.#first + (slice % this.#length) * WORDS;
  }
}

const FINE = new Ring(FINE_MS, 0, FINE_BUCKETS);
const COARSE = new Ring(COARSE_MS, FINE_BUCKETS, COARSE_BUCKETS);

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
  #rings = EMPTY;
  /** Numbers of the newest slices: time divided by the width. */
  #fine = -1;
  #coarse = -1;

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
    if (this.#rings === EMPTY) this.#rings = new Uint16Array(RINGS_LENGTH);
    this.#advance(now);
    FINE.count(this.#rings, answered, lost, this.#fine);
    COARSE.count(this.#rings, answered, lost, this.#coarse);
  }

  /** How long an answer may take before it counts as lost: RFC 6298's formula with bounds for probes. */
  get answerMsMax(): number {
    const ms = this.rttMs + VARIATION_FACTOR * this.rttVariationMs;
    return this.rttMs === 0 ? ANSWER_MS_MAX : Math.min(ANSWER_MS_MAX, Math.max(ANSWER_MS_MIN, ms));
  }

  /** Echo packets whose fate became known in the last `windowMs` (at most 60 s). */
  samples(windowMs: number, now: number): number {
    this.#read(windowMs, now);
    return sums[0] + sums[1];
  }

  /** The share of them that was lost, 0–1; 0 where there were none. */
  loss(windowMs: number, now: number): number {
    this.#read(windowMs, now);
    const [answered, lost] = sums;
    return lost === 0 ? 0 : lost / (answered + lost);
  }

  #read(windowMs: number, now: number): void {
    this.#advance(now);
    if (windowMs <= FINE_MS * (FINE_BUCKETS - 1)) FINE.read(this.#rings, windowMs, this.#fine);
    else COARSE.read(this.#rings, windowMs, this.#coarse);
  }

  #advance(now: number): void {
    const [fine, coarse] = [FINE.sliceAt(now), COARSE.sliceAt(now)];
    if (fine <= this.#fine) return;
    if (this.#rings !== EMPTY) {
      FINE.clear(this.#rings, this.#fine, fine);
      COARSE.clear(this.#rings, this.#coarse, coarse);
    }
    this.#fine = fine;
    this.#coarse = coarse;
  }
}
