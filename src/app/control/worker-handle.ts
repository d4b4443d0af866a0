/**
 * The control thread's handle on one data-plane worker: it takes the worker's memory, starts it, posts commands, and
 * empties its outbox.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Histogram } from '../../core/base/histogram.js';
import {
  createRouterMemory,
  RouterMemory,
  type SharedTables,
  type WorkerPlace,
} from '../../core/router/memory.js';
import { IN_SEAL, IN_SEAL_WHOLE, IN_STRAY } from '../../core/router/outbox.js';
import type { Snapshot } from '../../core/router/snapshot.js';
import { type Native, SLOT_BYTES, STAT_COUNT } from '../../edge/native.js';
import {
  type Command,
  type SocketSetup,
  type TunFds,
  WORD_BREATHS,
  WORD_COMMANDS_POSTED,
  WORD_COUNT,
  WORD_LOOKS,
  WORD_NOTIFIED,
  type WorkerNotice,
  type WorkerSetup,
} from '../dataplane/protocol.js';
import type { WorkerThreads } from './worker-threads.js';

const STOP_MS_MAX = 2_000;
const UDP_SLOTS = 16;
/** Bytes of one batch from a TUN: some eight super-packets, which stay in the cache until they are sealed. */
const TUN_SLOTS = 9;
/** A message holds at most 128 datagrams (GRO), so a batch of UDP_SLOTS messages always fits. */
const BATCH_ROWS = UDP_SLOTS * 128;
const RING_BYTES = 1 << 18;
/** How long the outbox may keep the event loop. */
const DRAIN_MS_MAX = 5;

export interface WorkerOptions {
  readonly native: Native;
  readonly threads: WorkerThreads;
  readonly place: WorkerPlace;
  /** Of its thread (edge/native.ts threadPriority); 0: as usual. */
  readonly priority: number;
  readonly tables: SharedTables;
  readonly snapshot: Snapshot;
  readonly tuns: TunFds;
  readonly tunOffloads: number;
  readonly sockets: readonly SocketSetup[];
  /** One record of the worker's outbox; the payload is only valid during the call. */
  readonly onRecord: (type: number, argument: number, argument2: number, payload: Uint8Array) => void;
  /** What the worker says about itself. */
  readonly onNotice: (notice: WorkerNotice) => void;
}

export class WorkerHandle {
  readonly memory: RouterMemory;
  readonly stats: Float64Array;
  /** How long the worker was away from its descriptors, each time. */
  readonly turns = new Histogram();
  readonly #native: Native;
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_COUNT * 4));
  readonly #wakeFd: number;
  readonly #outboxFd: number;
  readonly #outboxWatch: number;
  readonly #worker: Worker;
  readonly #onRecord: WorkerOptions['onRecord'];
  readonly #onNotice: WorkerOptions['onNotice'];
  readonly #exited: Promise<void>;
  #sealing = false;
  /** The outbox, or the rest of it, is about to be taken. */
  #draining = false;

  constructor(options: WorkerOptions) {
    const { native, tables } = options;
    this.#native = native;
    this.#onRecord = options.onRecord;
    this.#onNotice = options.onNotice;
    this.#wakeFd = native.eventOpen();
    this.#outboxFd = native.eventOpen();
    this.#outboxWatch = native.watchOpen(this.#outboxFd, () => this.#handleOutbox());
    const parts = createRouterMemory({
      batchRows: BATCH_ROWS,
      slotBytes: (UDP_SLOTS + TUN_SLOTS) * SLOT_BYTES,
      sourceCount: UDP_SLOTS,
      peerCapacity: tables.peers.capacity,
      ringBytes: RING_BYTES,
    });
    this.memory = new RouterMemory(parts);
    this.stats = new Float64Array(new SharedArrayBuffer(STAT_COUNT * 8));
    const setup: WorkerSetup = {
      place: options.place,
      priority: options.priority,
      memory: parts,
      sessions: { buffer: tables.sessions.buffer, capacity: tables.sessions.capacity },
      peers: { buffer: tables.peers.buffer, capacity: tables.peers.capacity },
      beats: { buffer: tables.beats.buffer, rows: tables.beats.rows },
      seed: randomInt(2 ** 32),
      paths: tables.paths.buffer as SharedArrayBuffer,
      available: tables.available.buffer as SharedArrayBuffer,
      era: tables.era.buffer as SharedArrayBuffer,
      stats: this.stats.buffer as SharedArrayBuffer,
      turns: this.turns.words,
      words: this.#words.buffer as SharedArrayBuffer,
      snapshot: options.snapshot,
      tuns: options.tuns,
      wakeFd: this.#wakeFd,
      outboxFd: this.#outboxFd,
      tunOffloads: options.tunOffloads,
      sockets: options.sockets,
      udpSlots: UDP_SLOTS,
      tunSlots: TUN_SLOTS,
    };
    this.#worker = options.threads.start(setup);
    this.#worker.on('message', (notice: WorkerNotice) => this.#onNotice(notice));
    this.#worker.on('error', ({ message, stack = '' }) => this.#onNotice({ kind: 'fault', message, stack }));
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** Breaths of the worker so far, modulo 2^32. */
  get breaths(): number {
    return Atomics.load(this.#words, WORD_BREATHS);
  }

  /** Has a worker that waits take a breath and look at the shared tables. */
  wake(): void {
    this.#native.eventSignal(this.#wakeFd);
  }

  /** Shows the worker that this thread lives; after the first time it stands still where that stops. */
  greet(): void {
    Atomics.add(this.#words, WORD_LOOKS, 1);
  }

  /** Posts a command; the worker obeys it between two batches. */
  post(command: Command): void {
    this.#worker.postMessage(command);
    Atomics.add(this.#words, WORD_COMMANDS_POSTED, 1);
    this.#native.eventSignal(this.#wakeFd);
  }

  /**
   * Has the worker seal an inner packet (empty = keepalive) to `peer`, on the path in slot `path` (−1: the one in use);
   * `whole`: not to be fragmented on its way. False when its inbox is full. The worker is woken once for all packets of one turn of the event loop.
   */
  seal(peer: number, packet: Uint8Array, path = -1, whole = false): boolean {
    const type = whole ? IN_SEAL_WHOLE : IN_SEAL;
    const taken = this.memory.inbox.push(type, peer, path + 1, packet, 0, packet.length);
    if (!this.#sealing) {
      this.#sealing = true;
      queueMicrotask(() => this.#wakeToSeal());
    }
    return taken;
  }

  /** Gives the worker a datagram, behind its source record, that another one has received. False when its inbox is full. */
  handOver(payload: Uint8Array): boolean {
    const taken = this.memory.inbox.push(IN_STRAY, 0, 0, payload, 0, payload.length);
    this.wake();
    return taken;
  }

  /** Stops the worker after its current breath and waits for it; one that hangs is ended. */
  async stop(): Promise<void> {
    this.post({ kind: 'stop' });
    const hung = await Promise.race([this.#exited, sleep(STOP_MS_MAX, true, { ref: false })]);
    if (hung === true) await this.#worker.terminate();
    this.#native.watchClose(this.#outboxWatch);
    this.#native.closeFd(this.#outboxFd);
    this.#native.closeFd(this.#wakeFd);
  }

  #wakeToSeal(): void {
    this.#sealing = false;
    this.wake();
  }

  #handleOutbox(): void {
    this.#native.eventTake(this.#outboxFd);
    if (!this.#draining) this.#drainSoon();
  }

  /** Once in a turn of the event loop, whether it is told of the outbox in this turn or has left something in the last. */
  #drainSoon(): void {
    this.#draining = true;
    setImmediate(() => this.#drainOutbox());
  }

  /** Handshakes are slow to answer: in a storm of them timers must have their turn, too. */
  #drainOutbox(): void {
    this.#draining = false;
    Atomics.store(this.#words, WORD_NOTIFIED, 0);
    const { outbox } = this.memory;
    const untilMs = this.#native.now() + DRAIN_MS_MAX;
    while (outbox.next()) {
      this.#onRecord(outbox.type, outbox.argument, outbox.argument2, outbox.payload);
      outbox.release();
      if (this.#native.now() < untilMs) continue;
      Atomics.store(this.#words, WORD_NOTIFIED, 1);
      this.#drainSoon();
      return;
    }
  }
}
