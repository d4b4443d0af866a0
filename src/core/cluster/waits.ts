/**
 * Time conditions that tell when they will change. A rule asks "has this lasted long enough?"; where it has not, the
 * moment at which it will is remembered, and the earliest such moment is the next deadline. So no rule sets a timer and
 * no deadline can be forgotten: whoever evaluates the rules knows when to evaluate them again.
 */
export class Waits {
  #now = 0;
  #nextMs = Number.POSITIVE_INFINITY;

  /** Begins an evaluation at `now`; forgets the deadlines of the one before. */
  begin(now: number): void {
    this.#now = now;
    this.#nextMs = Number.POSITIVE_INFINITY;
  }

  get now(): number {
    return this.#now;
  }

  /** Whether at least `waitMs` have passed since `sinceMs`. An undefined beginning has not begun. */
  passed(sinceMs: number | undefined, waitMs: number): boolean {
    if (sinceMs === undefined) return false;
    const atMs = sinceMs + waitMs;
    if (this.#now >= atMs) return true;
    this.at(atMs);
    return false;
  }

  /** Asks to be evaluated again at `atMs`. */
  at(atMs: number): void {
    if (atMs > this.#now && atMs < this.#nextMs) this.#nextMs = atMs;
  }

  /** When the earliest condition changes; +Infinity if none does by time alone. */
  nextDeadline(): number {
    return this.#nextMs;
  }
}
