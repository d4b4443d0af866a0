/**
 * A timer is a slot in a table, not an object with a callback. A flat scan of 5,000 doubles takes a few microseconds,
 * which beats the book-keeping of a heap at the rates at which slots are set; the minimum is remembered between changes.
 */
export class Deadlines {
  readonly #atMs: Float64Array;
  #nextMs = Number.POSITIVE_INFINITY;
  #stale = false;
  /** Slots from here on were never set, so scans end here. */
  #used = 0;

  /** A table of `capacity` slots, all stopped. */
  constructor(capacity: number) {
    this.#atMs = new Float64Array(capacity).fill(Number.POSITIVE_INFINITY);
  }

  /** Sets `slot` to go off at `atMs`, instead of any earlier setting; +Infinity stops it. */
  set(slot: number, atMs: number): void {
    const before = this.#atMs[slot];
    this.#atMs[slot] = atMs;
    if (slot >= this.#used) this.#used = slot + 1;
    if (atMs <= this.#nextMs) this.#nextMs = atMs;
    else if (before === this.#nextMs) this.#stale = true;
  }

  /** Stops `slot`. */
  stop(slot: number): void {
    this.set(slot, Number.POSITIVE_INFINITY);
  }

  /** When `slot` goes off; +Infinity if it is stopped. */
  at(slot: number): number {
    return this.#atMs[slot];
  }

  /** When the earliest slot goes off; +Infinity if all are stopped. */
  next(): number {
    if (this.#stale) {
      let nextMs = Number.POSITIVE_INFINITY;
      for (let slot = 0; slot < this.#used; slot++) if (this.#atMs[slot] < nextMs) nextMs = this.#atMs[slot];
      this.#nextMs = nextMs;
      this.#stale = false;
    }
    return this.#nextMs;
  }

  /** The first slot at or after `from` that is due at `now`; −1 if none. The slot stays set. */
  due(now: number, from = 0): number {
    if (from === 0 && this.next() > now) return -1;
    for (let slot = from; slot < this.#used; slot++) if (this.#atMs[slot] <= now) return slot;
    return -1;
  }
}
