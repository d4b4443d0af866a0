/**
 * The data plane as the rest of the control thread sees it, whatever the number of its workers. Each worker reads its own
 * queue of the TUN devices, seals what it reads for whichever peer it is, and opens what its own peers send
 * (core/wireguard/slots.ts). What all of them must do before something may happen is awaited here.
 *
 * A worker that stops by a fault takes the node down with it: forwarding wrongly is worse than not forwarding (`onFault`).
 */
import { DROP_REASONS, type DropReason } from '../../core/packet/drop.js';
import { PEER_COUNTERS, type SharedTables } from '../../core/router/memory.js';
import { OUT_STRAY } from '../../core/router/outbox.js';
import type { Snapshot } from '../../core/router/snapshot.js';
import { workerOf } from '../../core/wireguard/slots.js';
import { type Native, STAT } from '../../edge/native.js';
import type { Command, WorkerNotice } from '../dataplane/protocol.js';
import type { WorkerReport } from '../observe/report.js';
import { Demotions } from './demotions.js';
import type { Logger } from './log.js';
import type { Machine } from './machine.js';
import { WorkerHandle, type WorkerOptions } from './worker-handle.js';
import type { WorkerThreads } from './worker-threads.js';

/** What the addon gave up, under the names that the router's own drops have. */
const NATIVE_DROPS: readonly (readonly [DropReason, number])[] = [
  ['send-queue-full', STAT.udpSendFull],
  ['send-error', STAT.udpSendErrors],
  ['tun-error', STAT.tunWriteErrors],
  ['counter-limit', STAT.counterLimit],
  ['malformed', STAT.segmentErrors],
  ['session-expired', STAT.keyMissing],
];

export interface DataplaneOptions {
  readonly native: Native;
  readonly threads: WorkerThreads;
  readonly tables: SharedTables;
  readonly snapshot: Snapshot;
  readonly machine: Pick<
    Machine,
    'workers' | 'workersRefusal' | 'schedule' | 'tuns' | 'tunOffloads' | 'sockets'
  >;
  readonly log: Logger;
  /** One record of a worker's outbox; the payload is only valid during the call. */
  readonly onRecord: WorkerOptions['onRecord'];
  /** Every worker can seal and open with the session in `slot`. */
  readonly onInstalled: (slot: number) => void;
  /** No worker uses the socket at `index` any longer. */
  readonly onReleased: (index: number) => void;
  readonly onFault: (message: string, stack: string) => void;
}

export class Dataplane {
  readonly workers: readonly WorkerHandle[];
  readonly demotions: Demotions;
  /** Settles when every worker breathes. */
  readonly ready: Promise<void>;
  readonly #options: DataplaneOptions;
  /** By slot and by socket index: how many workers have yet to answer. BOUNDED by the tables. */
  readonly #installing = new Map<number, number>();
  readonly #releasing = new Map<number, number>();
  /** By worker: messages that came to another one, and why it failed. */
  readonly #strays: number[];
  readonly #failures: (string | undefined)[];
  #straysLost = 0;
  #unready: number;
  #becameReady: () => void = () => {};

  constructor(options: DataplaneOptions) {
    const { log, machine } = options;
    const { workers, workersRefusal: reason, schedule } = machine;
    if (reason !== '') log.warn({ event: 'workers-reduced', workers, reason });
    if (schedule.refusal !== '') log.warn({ event: 'scheduling-refused', reason: schedule.refusal });
    this.#options = options;
    this.#unready = workers;
    this.#strays = new Array<number>(workers).fill(0);
    this.#failures = new Array<undefined>(workers).fill(undefined);
    this.demotions = new Demotions(log, machine.sockets);
    this.ready = new Promise((resolve) => {
      this.#becameReady = resolve;
    });
    this.workers = Array.from({ length: workers }, (_, worker) => this.#start(worker));
    options.threads.close();
  }

  #start(worker: number): WorkerHandle {
    const { native, threads, tables, snapshot, machine } = this.#options;
    const { workers, schedule, tuns, tunOffloads, sockets } = machine;
    return new WorkerHandle({
      native,
      threads,
      place: { worker, workers },
      priority: schedule.workerPriority,
      tables,
      snapshot,
      tuns: tuns[worker],
      tunOffloads,
      sockets: sockets.map(({ fds, offloads }) => ({ fd: fds[worker] ?? -1, offloads })),
      onRecord: (type, argument, argument2, payload) => {
        if (type === OUT_STRAY) this.#relay(argument, payload);
        else this.#options.onRecord(type, argument, argument2, payload);
      },
      onNotice: (notice) => this.#handleNotice(worker, notice),
    });
  }

  /** Has workers that wait take a breath and look at the shared tables. */
  wake(): void {
    for (const worker of this.workers) worker.wake();
  }

  /** Posts a command to all; each obeys it between two batches. */
  post(command: Command): void {
    if (command.kind === 'install') this.#installing.set(command.slot, this.workers.length);
    if (command.kind === 'socket') {
      this.demotions.forget(command.index);
      if (command.fds.length === 0) this.#releasing.set(command.index, this.workers.length);
    }
    for (const worker of this.workers) worker.post(command);
  }

  /** Has the peer's worker seal an inner packet; see WorkerHandle.seal. */
  seal(peer: number, packet: Uint8Array, path = -1, whole = false): boolean {
    return this.workers[workerOf(peer, this.workers.length)].seal(peer, packet, path, whole);
  }

  /** One of a peer's counters (COUNT_ in core/router/memory.ts). */
  count(peer: number, counter: number): number {
    return this.#sum(({ memory }) => memory.peerCounters[peer * PEER_COUNTERS + counter]);
  }

  /** Drops by reason name, the router's and the addon's; only those that happened. */
  drops(): Record<string, number> {
    const counted: Record<string, number> = {};
    const add = (reason: DropReason, count: number): void => {
      if (count > 0) counted[reason] = (counted[reason] ?? 0) + count;
    };
    DROP_REASONS.forEach((name, index) => {
      if (index > 0)
        add(
          name,
          this.#sum(({ memory }) => memory.drops[index]),
        );
    });
    for (const [reason, stat] of NATIVE_DROPS)
      add(
        reason,
        this.#sum(({ stats }) => stats[stat]),
      );
    add('control-queue-full', this.#straysLost);
    return counted;
  }

  reports(): WorkerReport[] {
    return this.workers.map(({ stats }, index) => {
      const reason = this.#failures[index];
      return {
        index,
        state: reason === undefined ? 'running' : 'failed',
        ...(reason !== undefined && { reason }),
        sealed: stats[STAT.sealed],
        opened: stats[STAT.opened],
        strays: this.#strays[index],
      };
    });
  }

  /** Stops the workers after their current breaths and waits for them. */
  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  #sum(value: (worker: WorkerHandle) => number): number {
    let sum = 0;
    for (const worker of this.workers) sum += value(worker);
    return sum;
  }

  /** To the worker that owns the session in `slot`. */
  #relay(slot: number, payload: Uint8Array): void {
    const owner = workerOf(slot, this.workers.length);
    this.#strays[owner] += 1;
    if (!this.workers[owner].handOver(payload)) this.#straysLost += 1;
  }

  #handleNotice(worker: number, notice: WorkerNotice): void {
    const { onInstalled, onReleased, onFault } = this.#options;
    switch (notice.kind) {
      case 'ready':
        this.#unready -= 1;
        if (this.#unready === 0) this.#becameReady();
        break;
      case 'installed':
        if (isLast(this.#installing, notice.slot)) onInstalled(notice.slot);
        break;
      case 'released':
        if (isLast(this.#releasing, notice.index)) onReleased(notice.index);
        break;
      case 'demoted':
        this.demotions.handle(notice.demoted);
        break;
      case 'fault':
        this.#failures[worker] ??= notice.message;
        onFault(notice.message, notice.stack);
        break;
    }
  }
}

/** Counts an answer; whether it was the last that was awaited. */
function isLast(awaited: Map<number, number>, key: number): boolean {
  const left = (awaited.get(key) ?? 0) - 1;
  if (left > 0) awaited.set(key, left);
  else awaited.delete(key);
  return left === 0;
}
