/**
 * Whether the data plane works: every worker of it. A worker counts its breaths, and one that waits for packets breathes at
 * least once a second; one that does not count any more hangs, and this node must not keep the role.
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

interface Watched {
  readonly worker: Worker;
  readonly stillness: Stillness;
  works: boolean;
}

export class WorkerWatch {
  readonly #watched: readonly Watched[];
  readonly #log: Logger;
  #failed = false;

  constructor(workers: readonly Worker[], log: Logger) {
    this.#watched = workers.map((worker) => ({ worker, stillness: new Stillness(), works: true }));
    this.#log = log;
  }

  /** A worker has stopped itself. */
  fail(): void {
    this.#failed = true;
  }

  /** Looks whether all breathe; returns whether they forward. Call it often. `partnered`: somebody could take over. */
  look(now: number, partnered: boolean): boolean {
    let works = !this.#failed;
    for (const [index, watched] of this.#watched.entries()) {
      if (!this.#look(index, watched, now, partnered)) works = false;
    }
    return works;
  }

  #look(index: number, watched: Watched, now: number, partnered: boolean): boolean {
    const { worker, stillness } = watched;
    if (partnered) worker.greet();
    const stillMs = stillness.look(worker.breaths, now);
    if (stillMs >= ASK_MS) worker.wake();
    const works = stillMs < STALLED_MS;
    if (works !== watched.works) {
      watched.works = works;
      const reason = `no breath for ${STALLED_MS} ms`;
      if (works) this.#log.warn({ event: 'data-plane-breathes', worker: index });
      else this.#log.fatal({ event: 'data-plane-stalled', worker: index, reason });
    }
    return works;
  }
}
