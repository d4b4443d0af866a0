/**
 * How long a counter has stood still, for one thread that watches another. Time is counted from look to look, and no look
 * counts for more than LOOK_MS_MAX: after a pause of the whole process, in which nobody could count, little has passed.
 */
const LOOK_MS_MAX = 700;

export class Stillness {
  #count = 0;
  #lookedAtMs: number | undefined;
  #stillMs = 0;

  /** Looks at the counter; returns for how long it has stood still, ms. Call it often. */
  look(count: number, now: number): number {
    const sinceMs = Math.min(now - (this.#lookedAtMs ?? now), LOOK_MS_MAX);
    this.#lookedAtMs = now;
    this.#stillMs = count === this.#count ? this.#stillMs + sinceMs : 0;
    this.#count = count;
    return this.#stillMs;
  }
}
