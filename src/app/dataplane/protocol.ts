/**
 * What the control thread says to a worker. Messages are rare (configuration, sessions); packets never travel
 * this way. The control thread posts, raises `commandsPosted` in the shared words and signals the wake descriptor; the
 * worker drains before it classifies the next batch, so a session installed before its handshake response was sent is
 * known before the peer's first packet is looked at.
 */
import type { OffloadName } from '../../core/config/configuration.js';
import type { RouterMemoryParts, WorkerPlace } from '../../core/router/memory.js';
import type { Snapshot } from '../../core/router/snapshot.js';

export type Command =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | {
      readonly kind: 'install';
      readonly slot: number;
      readonly sendKey: Uint8Array;
      readonly receiveKey: Uint8Array;
    }
  | { readonly kind: 'remove'; readonly slot: number }
  /** A UDP socket that is new at this index, with a descriptor for each worker; none: the one there is given up. */
  | {
      readonly kind: 'socket';
      readonly index: number;
      readonly fds: readonly number[];
      readonly offloads: number;
    }
  | { readonly kind: 'stop' };

/** An offload that the kernel has refused at run time with `errno`, of a socket or (−1) of the TUN devices. */
export interface DemotedOffload {
  readonly name: OffloadName;
  readonly socket: number;
  readonly errno: number;
}

/** A worker's part of a local UDP socket: its index is byte 1 of the endpoint records that use it. */
export interface SocketSetup {
  readonly fd: number;
  readonly offloads: number;
}

/** A worker's part of the TUN devices; where there is one worker it writes where it reads. */
export interface TunFds {
  readonly lanFd: number;
  readonly wanFd: number;
  readonly lanWriteFd: number;
  readonly wanWriteFd: number;
}

/** Words that a thread is started with, before there is a setup (control/worker-threads.ts): whether there is one. */
export const GATE_OPEN = 0;
/** The number of its worker, once the gate is open. */
export const GATE_WORKER = 1;

export interface WorkerSetup {
  readonly place: WorkerPlace;
  readonly priority: number;
  readonly memory: RouterMemoryParts;
  readonly sessions: { readonly buffer: SharedArrayBuffer; readonly capacity: number };
  readonly peers: { readonly buffer: SharedArrayBuffer; readonly capacity: number };
  readonly beats: { readonly buffer: SharedArrayBuffer; readonly rows: number };
  /** Varies the times of what the worker sends by itself. */
  readonly seed: number;
  readonly paths: SharedArrayBuffer;
  readonly available: SharedArrayBuffer;
  readonly era: SharedArrayBuffer;
  /** The addon's counters, STAT_COUNT Float64. */
  readonly stats: SharedArrayBuffer;
  /** Histogram of how long the worker was away from its descriptors. */
  readonly turns: Float64Array;
  /** WORD_ indices. */
  readonly words: SharedArrayBuffer;
  readonly snapshot: Snapshot;
  readonly tuns: TunFds;
  readonly wakeFd: number;
  /** Event that tells the control thread of the outbox: many a second, for which messages would be too dear. */
  readonly outboxFd: number;
  readonly tunOffloads: number;
  readonly sockets: readonly SocketSetup[];
  readonly udpSlots: number;
  readonly tunSlots: number;
}

/** Commands posted so far (control thread writes). */
export const WORD_COMMANDS_POSTED = 0;
/** 1 while the control thread knows that the outbox has something. */
export const WORD_NOTIFIED = 1;
/** Breaths so far, modulo 2^32: a worker that hangs stops counting. */
export const WORD_BREATHS = 2;
/** Looks of the control thread so far, modulo 2^32; 0 = it need not be watched. */
export const WORD_LOOKS = 3;
export const WORD_COUNT = 4;

/**
 * Sent by a worker: 'ready' once, 'installed' when it can seal and open with a
 * session (before that nobody may learn the session's index), 'fault' when it has stopped itself.
 */
export type WorkerNotice =
  /** Offloads that were given up at run time, all so far. */
  | { readonly kind: 'demoted'; readonly demoted: readonly DemotedOffload[] }
  | { readonly kind: 'ready' }
  | { readonly kind: 'installed'; readonly slot: number }
  /** The socket at this index is no longer used, its descriptor may be closed. */
  | { readonly kind: 'released'; readonly index: number }
  | { readonly kind: 'fault'; readonly message: string; readonly stack: string };
