/**
 * Threads for data-plane workers, started before there is anything for them to do: loading their modules takes a tenth of a
 * second, which they spend while the configuration is read and the host is brought into its state.
 */
import { Worker } from 'node:worker_threads';
import { GATE_OPEN, GATE_WORKER, type WorkerSetup } from '../dataplane/protocol.js';

interface Waiting {
  readonly worker: Worker;
  readonly gate: Int32Array;
}

export class WorkerThreads {
  readonly #waiting: Waiting[] = [];

  /** Has `count` threads wait. They do not keep the process alive. */
  warm(count: number): void {
    while (this.#waiting.length < count) this.#waiting.push(startThread());
  }

  /** A thread that works by `setup`: one that waits, or a new one. */
  start(setup: WorkerSetup): Worker {
    const { worker, gate } = this.#waiting.shift() ?? startThread();
    worker.ref();
    worker.postMessage(setup);
    gate[GATE_WORKER] = setup.place.worker;
    Atomics.store(gate, GATE_OPEN, 1);
    Atomics.notify(gate, GATE_OPEN);
    return worker;
  }

  /** Ends those that wait. */
  close(): void {
    for (const { worker } of this.#waiting.splice(0)) void worker.terminate();
  }
}

function startThread(): Waiting {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('../dataplane/worker.js', import.meta.url), {
    workerData: gate,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
  return { worker, gate };
}
