/** The real EC2, behind a worker thread that holds the AWS SDK (ec2-worker.ts). */
import { Worker } from 'node:worker_threads';
import type { VpcAnswer, VpcCall } from '../../core/plan/vpc-updater.js';
import { CALL_TIMEOUT_MS, type Ec2, type Ec2Options } from './ec2.js';

/** The first call also waits for the SDK to be loaded, which a busy machine does slowly. */
const LOADING_MS_MAX = 60_000;
/** A worker that died is started again, at most once in this time. */
const RESTART_MS = 1_000;

interface Waiting {
  readonly resolve: (answer: VpcAnswer) => void;
  readonly timer: NodeJS.Timeout;
}

/** Opens EC2 with the SDK's own chain of credentials. Returns at once; the SDK loads meanwhile. */
export function openEc2(options: Ec2Options): Ec2 {
  return new WorkerEc2(options);
}

class WorkerEc2 implements Ec2 {
  readonly #options: Ec2Options;
  /** UNBOUNDED here: the updater bounds its calls under way. */
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #loaded = false;
  #serial = 0;
  #closed = false;

  constructor(options: Ec2Options) {
    this.#options = options;
    this.#start();
  }

  run(call: VpcCall): Promise<VpcAnswer> {
    if (this.#worker === undefined && performance.now() - this.#startedAtMs > RESTART_MS) this.#start();
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve(unreachable('the AWS SDK does not run'));
    const id = ++this.#serial;
    const callMs = (this.#options.timeoutMs ?? CALL_TIMEOUT_MS) + 500;
    return new Promise((resolve) => {
      const giveUp = (): void => this.#finish(id, unreachable('no answer in time'));
      const timer = setTimeout(giveUp, this.#loaded ? callMs : LOADING_MS_MAX);
      this.#waiting.set(id, { resolve, timer });
      worker.postMessage({ id, call });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
  }

  #start(): void {
    if (this.#closed) return;
    this.#startedAtMs = performance.now();
    this.#loaded = false;
    const worker = new Worker(new URL('./ec2-worker.js', import.meta.url), {
      workerData: this.#options,
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    });
    worker.unref();
    worker.on('message', ({ id, answer }: { id: number; answer: VpcAnswer }) => {
      this.#loaded = true;
      this.#finish(id, answer);
    });
    const gone = (reason: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      for (const id of [...this.#waiting.keys()]) this.#finish(id, unreachable(reason));
    };
    worker.on('error', (error) => gone(`the AWS SDK failed: ${String(error)}`));
    worker.on('exit', () => gone('the AWS SDK ended'));
    this.#worker = worker;
  }

  #finish(id: number, answer: VpcAnswer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }
}

function unreachable(message: string): VpcAnswer {
  return { ok: false, code: 'Unreachable', message };
}
