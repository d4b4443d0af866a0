/**
 * Whether the data plane works. A worker counts its breaths, and one that waits for packets breathes at least once a
 * second; one that does not count any more hangs, and this node must not keep the role.
 *
 *   ASK_MS      without a breath: the worker is woken, so a quiet one shows itself
 *   STALLED_MS  without a breath: it hangs. The core then stands down, and the partner takes the role
 *
 * A fault that the worker reports itself counts at once. The other way, each look is counted for the worker: where this
 * thread hangs and a partner could take over, the worker stands still too (dataplane/worker.ts).
 */
import { Stillness } from '../../core/base/stillness.js';
import type { Logger } from './log.js';

const ASK_MS = 500;
export const STALLED_MS = 1_500;

export interface Worker {
  /** Breaths so far, modulo 2^32. */
  readonly breaths: number;
  wake(): void;
  /** Shows the worker that the control thread lives. */
  greet(): void;
}

export class WorkerWatch {
  readonly #worker: Worker;
  readonly #log: Logger;
  readonly #stillness = new Stillness();
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

  /** Looks whether it breathes; returns whether it forwards. Call it often. `partnered`: somebody could take over. */
  look(now: number, partnered: boolean): boolean {
    if (partnered) this.#worker.greet();
    const stillMs = this.#stillness.look(this.#worker.breaths, now);
    if (stillMs >= ASK_MS) this.#worker.wake();
    const works = stillMs < STALLED_MS;
    if (works !== this.#works) {
      this.#works = works;
      if (works) this.#log.warn({ event: 'data-plane-breathes' });
      else this.#log.fatal({ event: 'data-plane-stalled', reason: `no breath for ${STALLED_MS} ms` });
    }
    return works && !this.#failed;
  }
}
