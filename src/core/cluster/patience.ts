/**
 * How patient a member has become: hold-downs and the failback delay double with each change of the cluster's role in
 * the last ten minutes after the second. So two members that disagree about who is better do not swap for ever.
 */

/** Role changes of this long ago no longer lengthen hold-downs. */
const WINDOW_MS = 600_000;
const FACTOR_MAX = 64;
/** The changes within the window that cost nothing. */
const FREE = 2;

export class Patience {
  /** BOUNDED by WINDOW_MS and FACTOR_MAX: forgotten by age. When the cluster's role moved. */
  #changesAtMs: number[] = [];

  note(now: number): void {
    this.#changesAtMs.push(now);
  }

  /** Forgets what is too old to matter. */
  forget(now: number): void {
    this.#changesAtMs = this.#changesAtMs.filter((atMs) => now - atMs < WINDOW_MS).slice(-FACTOR_MAX);
  }

  /** Changes of the role that still matter. */
  get changes(): number {
    return this.#changesAtMs.length;
  }

  /** Hold-downs are this many times longer than configured. */
  get factor(): number {
    return Math.min(FACTOR_MAX, 2 ** Math.max(0, this.#changesAtMs.length - FREE));
  }
}
