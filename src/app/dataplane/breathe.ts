/**
 * The packet path of one worker, as a loop of breaths. A breath reads the clock once, takes what is ready in batches,
 * lets the router decide on the rows, and lets the addon act on them:
 *
 *   LAN TUN → tunRead → handleLan → sealSend (and tunWrite of ICMP errors)
 *   socket  → udpRecv → classify → openBatch → handleOpened → tunWrite, sealSend (hub, ICMP errors)
 *   inbox   → packets of the control thread → sealSend; datagrams that other workers received → as from a socket
 *   time    → BFD and echo packets → sealSend
 *
 * It blocks in the addon's wait, never in the event loop. A TUN that can no longer be read has been deleted under us: it
 * would be "ready" for ever, so the worker fails instead of spinning.
 */

import type { Histogram } from '../../core/base/histogram.js';
import { VERDICT_LAN, VERDICT_WAN } from '../../core/packet/rows.js';
import type { Router } from '../../core/router/router.js';
import type { Native } from '../../edge/native.js';
import type { TunFds } from './protocol.js';

const READY_WAKE = 1;
const READY_LAN = 2;
const READY_WAN = 4;
const READY_SOCKET_SHIFT = 3;
/** Most packets of one batch from a TUN. */
const TUN_ROWS = 256;
/** A breath without traffic lasts at most this long; the worker then shows that it is alive. */
const WAIT_MS_MAX = 1000;
/** A wait that ends later than this after its time follows a pause of the whole process. */
const LATE_MS_MAX = 100;

export interface Devices extends TunFds {
  readonly context: number;
  readonly wakeFd: number;
  readonly tunOffloads: number;
  readonly socketFds: readonly number[];
  readonly udpSlots: number;
}

/** What the loop needs from its surroundings: commands to obey, and whom to tell that the outbox has something. */
export interface Surroundings {
  /** Obeys what was posted since the last call; cheap when nothing was. */
  drainCommands(): void;
  /** Called after a batch that may have put something into the outbox. */
  notifyOutbox(): void;
}

export class Breath {
  readonly #native: Native;
  readonly #devices: Devices;
  readonly #router: Router;
  readonly #surroundings: Surroundings;
  /** By socket index: descriptor, −1 = none. */
  readonly #socketFds: number[];
  /** Socket indices in the order in which the poller has their descriptors. */
  #polled: number[] = [];
  #poller: number;
  /** Time of the last breath, ms. */
  #now = 0;

  /** How long each breath kept away from the descriptors. */
  readonly #turns: Histogram;

  constructor(
    native: Native,
    devices: Devices,
    router: Router,
    surroundings: Surroundings,
    turns: Histogram,
  ) {
    this.#turns = turns;
    this.#native = native;
    this.#devices = devices;
    this.#router = router;
    this.#surroundings = surroundings;
    this.#socketFds = [...devices.socketFds];
    this.#poller = this.#openPoller();
  }

  /** Another socket (or none: −1) at `index`. Never called while a batch is under way. */
  setSocket(index: number, fd: number): void {
    while (this.#socketFds.length <= index) this.#socketFds.push(-1);
    this.#socketFds[index] = fd;
    this.#native.pollerClose(this.#poller);
    this.#poller = this.#openPoller();
  }

  close(): void {
    this.#native.pollerClose(this.#poller);
  }

  /** Waits for something to do, and does one batch of each thing that is ready. */
  breathe(): void {
    const { lanFd, wanFd } = this.#devices;
    const patienceMs = this.#patienceMs();
    const polled = this.#polled;
    if (this.#now > 0) this.#turns.add(this.#native.now() - this.#now);
    const ready = this.#native.wait(this.#poller, patienceMs);
    if (ready < 0) throw new Error(`Waiting for packets failed (errno ${-ready}).`);
    const now = this.#native.now();
    this.#router.now = now;
    if (this.#now > 0 && now - this.#now > patienceMs + LATE_MS_MAX) this.#router.beats.handlePause();
    if ((ready & READY_WAKE) !== 0) {
      this.#surroundings.drainCommands();
      this.emptyInbox(true);
      this.#router.beats.dueAtMs = 0;
    }
    // What was ready stands for the sockets as they were before the commands: one that is given up reads as nothing.
    for (let i = 0; i < polled.length; i++) {
      if ((ready & (1 << (READY_SOCKET_SHIFT + i))) === 0) continue;
      const fd = this.#socketFds[polled[i]];
      if (fd >= 0) this.#fromSocket(polled[i], fd);
    }
    if ((ready & READY_LAN) !== 0) this.#fromTun(lanFd, true);
    if ((ready & READY_WAN) !== 0) this.#fromTun(wanFd, false);
    this.#now = now;
    if (now >= this.#router.beats.dueAtMs) this.#sendBeats();
  }

  #openPoller(): number {
    const { wakeFd, lanFd, wanFd } = this.#devices;
    this.#polled = [...this.#socketFds.keys()].filter((index) => this.#socketFds[index] >= 0);
    return this.#native.pollerOpen([
      wakeFd,
      lanFd,
      wanFd,
      ...this.#polled.map((index) => this.#socketFds[index]),
    ]);
  }

  /** How long the next wait may last, ms. */
  #patienceMs(): number {
    const waitMs = Math.ceil(this.#router.beats.dueAtMs - this.#now);
    return Math.min(Math.max(waitMs, 0), WAIT_MS_MAX);
  }

  /** After everything that was ready has been read, so that nobody seems silent who has spoken. */
  #sendBeats(): void {
    const { beats, controlRow } = this.#router;
    do {
      const count = beats.fill();
      if (count > 0) this.#native.sealSend(this.#devices.context, controlRow, count);
    } while (beats.unfinished);
    this.#surroundings.notifyOutbox();
  }

  #fromTun(fd: number, lan: boolean): void {
    const count = this.#native.tunRead(this.#devices.context, fd, 0, TUN_ROWS);
    if (count < 0) throw new Error(`The ${lan ? 'LAN' : 'WAN'} TUN is gone (errno ${-count}).`);
    if (count === 0) return;
    if (lan) this.#router.handleLan(0, count);
    else this.#router.handleWan(0, count);
    this.#act(0, count);
  }

  #fromSocket(index: number, fd: number): void {
    const { context, udpSlots } = this.#devices;
    const native = this.#native;
    const count = native.udpRecv(context, fd, index, 0, udpSlots);
    if (count > 0) this.#open(0, count);
  }

  #open(first: number, count: number): void {
    this.#router.handleDatagrams(first, count);
    this.#native.openBatch(this.#devices.context, first, count);
    this.#router.handleOpened(first, count);
    this.#act(first, count);
  }

  /** Does what the control thread has put into the inbox; without `opens` it only seals. */
  emptyInbox(opens: boolean): void {
    const { controlRow, context } = this.#router;
    const { inbox } = context.memory;
    while (inbox.waiting) {
      const sealed = this.#router.handleInbox();
      if (sealed > 0) this.#native.sealSend(this.#devices.context, controlRow, sealed);
      const strays = this.#router.handleStrays();
      if (strays > 0 && opens) this.#open(controlRow, strays);
    }
  }

  /** Carries out the verdicts of the batch and the router's own replies. */
  #act(first: number, count: number): void {
    const { context, lanWriteFd, wanWriteFd, tunOffloads } = this.#devices;
    const native = this.#native;
    const router = this.#router;
    if (router.sealCount > 0) native.sealSend(context, first, count);
    if (router.lanCount > 0) native.tunWrite(context, lanWriteFd, first, count, VERDICT_LAN, tunOffloads);
    if (router.wanCount > 0) native.tunWrite(context, wanWriteFd, first, count, VERDICT_WAN, tunOffloads);
    const replies = router.replyCount;
    if (replies > 0) {
      native.sealSend(context, router.replyRow, replies);
      native.tunWrite(context, lanWriteFd, router.replyRow, replies, VERDICT_LAN, tunOffloads);
    }
    this.#surroundings.notifyOutbox();
  }
}
