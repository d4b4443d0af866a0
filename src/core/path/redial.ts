/**
 * When a dead path is dialled anew, from a new source port and with its name resolved again: stateful firewalls and
 * carrier NATs lose flows, or keep one pinned to an ISP that is dead. First after 3 s, then twice as long each time, up
 * to a minute, each wait varied by a tenth so that many paths that died together do not dial together.
 */
const FIRST_MS = 3_000;
const LONGEST_MS = 60_000;
const VARIATION = 0.1;

export class Redial {
  /** Dials since the path died. */
  attempts = 0;
  #atMs = Number.POSITIVE_INFINITY;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The path works. */
  handleUp(): void {
    this.attempts = 0;
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  /** The path is dead since now, or may work again since now. */
  handleDown(now: number): void {
    this.attempts = 0;
    this.#schedule(now);
  }

  /** Whether a dial is due; if so it counts as made. */
  take(now: number): boolean {
    if (now < this.#atMs) return false;
    this.attempts += 1;
    this.#schedule(now);
    return true;
  }

  nextDeadline(): number {
    return this.#atMs;
  }

  #schedule(now: number): void {
    const waitMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.attempts, 10));
    this.#atMs = now + waitMs * (1 - VARIATION + 2 * VARIATION * this.#random());
  }
}
