/**
 * What the prober keeps of one direction of traffic. An outage is the longest time without an arrival, also the one
 * between the last arrival and the end.
 */

/** What arrived in one direction. Times in ms. */
export interface Track {
  received: number;
  /** Numbers that never came, judged by the highest that did. */
  lost: number;
  longestGapMs: number;
  /** When the longest gap began, counted from the first arrival. */
  longestGapAtMs: number;
  /** Where numbers were missing, the first few places. */
  readonly losses: Loss[];
  /** The gaps that are worth a word, the first of them. */
  readonly gaps: Gap[];
}

/** A time without an arrival, Unix time in ms. */
export interface Gap {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface Loss {
  /** Unix time, ms. */
  readonly atMs: number;
  readonly packets: number;
}

const LOSSES_MAX = 16;
const GAPS_MAX = 512;
/** Five packets. */
const GAP_MS_MIN = 50;

/** A track of what has not begun. */
export function emptyTrack(): Track {
  return { received: 0, lost: 0, longestGapMs: 0, longestGapAtMs: 0, losses: [], gaps: [] };
}

export interface Report {
  readonly there: Track;
  readonly back: Track;
  readonly tcp: Track & { readonly alive: boolean };
}

/** Keeps a Track from arrivals. */
export class Meter {
  #first = 0;
  #last = 0;
  #highest = -1;
  readonly track: Track = emptyTrack();

  /** Notes the arrival of number `sequence` (from 0) at `now`. */
  handleArrival(sequence: number, now: number): void {
    if (this.track.received === 0) this.#first = now;
    else this.#gapUntil(now);
    this.#last = now;
    this.track.received++;
    const missing = sequence - this.#highest - 1;
    const { losses } = this.track;
    if (missing > 0 && losses.length < LOSSES_MAX) {
      losses.push({ atMs: Math.round(performance.timeOrigin + now), packets: missing });
    }
    this.#highest = Math.max(this.#highest, sequence);
    this.track.lost = Math.max(0, this.#highest + 1 - this.track.received);
  }

  /** Ends the measurement at `now`: silence up to the end is a gap too. */
  finish(now: number): Track {
    if (this.track.received > 0) this.#gapUntil(now);
    return this.track;
  }

  #gapUntil(now: number): void {
    const gap = now - this.#last;
    const { gaps } = this.track;
    if (gap >= GAP_MS_MIN && gaps.length < GAPS_MAX) {
      const [fromMs, untilMs] = [this.#last, now].map((at) => Math.round(performance.timeOrigin + at));
      gaps.push({ fromMs, untilMs });
    }
    if (gap <= this.track.longestGapMs) return;
    this.track.longestGapMs = Math.round(gap);
    this.track.longestGapAtMs = Math.round(this.#last - this.#first);
  }
}
