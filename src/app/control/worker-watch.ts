/**
 * Whether the data plane works. A worker counts its breaths, and one that waits for packets breathes at least once a
 * second; one that does not count any more hangs, and this node must not keep the role. Time is counted from look to
 * look and no look counts for much, so that a pause of the whole process is not taken for the worker's.
 *
 *   ASK_MS      without a breath: the worker is woken, so a quiet one shows itself
 *   STALLED_MS  without a breath: it hangs. The core then stands down, and the partner takes the role
 *
 * A fault that the worker reports itself counts at once.
 */
import type { Logger } from './log.js';

const ASK_MS = 500;
export const STALLED_MS = 1_500;
const LOOK_MS_MAX = 700;

export interface Worker {
  /** Breaths so far, modulo 2^32. */
  readonly breaths: number;
  wake(): void;
}

export class WorkerWatch {
  readonly #worker: Worker;
  readonly #log: Logger;
  #breaths = 0;
  #lookedAtMs: number | undefined;
  #stillMs = 0;
  #works = true;
  #failed = false;

  constructor(worker: Worker, log: Logger) {
    this.#worker = worker;
    this.#log = log;
  }

  /** The worker has stopped itself. */
  fail(): void {
    this.#failed = true;
  }

  /** Looks whether it breathes; returns whether it forwards. Call it often. */
  look(now: number): boolean {
    const { breaths } = this.#worker;
    const sinceMs = Math.min(now - (this.#lookedAtMs ?? now), LOOK_MS_MAX);
    this.#lookedAtMs = now;
    const breathed = breaths !== this.#breaths;
    this.#breaths = breaths;
    this.#stillMs = breathed ? 0 : this.#stillMs + sinceMs;
    if (this.#stillMs >= ASK_MS) this.#worker.wake();
    const works = this.#stillMs < STALLED_MS;
    if (works !== this.#works) {
      this.#works = works;
      if (works) this.#log.warn({ event: 'data-plane-breathes' });
      else this.#log.fatal({ event: 'data-plane-stalled', reason: `no breath for ${STALLED_MS} ms` });
    }
    return works && !this.#failed;
  }
}
