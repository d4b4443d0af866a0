/**
 * The paths of one peer as they run: its PathManager (core/path), their rows in the beat table, and what follows from
 * what the manager says: packets to seal, the path in use, news for the log. After every input everything is carried
 * out, in the order in which workers need it: rows, the path in use, packets.
 */
import { ENDPOINT_BYTES } from '../../core/base/endpoint.js';
import { timeoutMs } from '../../core/base/timeout.js';
import type { Parsed } from '../../core/packet/parsed.js';
import type { PathState } from '../../core/path/health.js';
import type { PathEvent } from '../../core/path/outputs.js';
import type { Pace } from '../../core/path/pacing.js';
import type { Path, PathSettings, RemoteEndpoint, Uplink } from '../../core/path/path.js';
import { PathManager } from '../../core/path/path-manager.js';
import { NewsTeller, type PathNews } from '../../core/path/path-news.js';
import { CONTROL_BYTES, type SharedTables } from '../../core/router/memory.js';
import type { Logger } from './log.js';
import type { PathRows } from './path-rows.js';
import type { PathSlots } from './tables.js';

/** What the paths of all peers share. */
export interface PathSurroundings {
  readonly tables: SharedTables;
  readonly rows: PathRows;
  readonly slots: PathSlots;
  readonly log: Logger;
  readonly now: () => number;
  readonly settings: PathSettings;
  readonly seal: (peer: number, packet: Uint8Array, slot: number, whole: boolean) => void;
  /** Sends a control datagram to the peer. */
  readonly tell: (peer: number, bytes: Uint8Array) => void;
  /** Has the worker look at the tables. */
  readonly wake: () => void;
  /** Why an uplink cannot be used; '' if it can. */
  readonly uplinkReason: (uplink: number) => string;
  /** Wanted: another socket for the path. */
  readonly redial: (peer: PeerPaths, path: Path, attempt: number) => void;
  readonly resolve: (peer: number) => void;
  /** A path of an uplink has a new state; undefined: it is no more. */
  readonly onPath: (uplink: number, peer: string, path: string, state: PathState | undefined) => void;
  /** A path, or the path in use, has changed its state. */
  readonly onChange: (peer: number) => void;
}

/** A path and its row; `toldUplink` is the one that was told of its state, −1 none. */
interface Carried {
  readonly path: number;
  readonly row: number;
  toldUplink: number;
}

/** For so long after a large packet more are expected: a transfer that has met a narrow path sends hardly any. */
const LARGE_MS = 10_000;
/** A packet to be sealed; it never holds anything from one call to the next. */
const scratch = new Uint8Array(CONTROL_BYTES);

export class PeerPaths {
  readonly number: number;
  readonly name: string;
  readonly manager: PathManager;
  /** Control addresses. */
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
  /** A path has worked: the peer is one of our own nodes, and not plain WireGuard. */
  isOurs = false;
  /** Why traffic goes by the path in use. */
  why = '';
  readonly #around: PathSurroundings;
  /** Paths that have a row. BOUNDED by PATHS_PER_PEER. */
  #carried: readonly Carried[] = [];
  readonly #teller = new NewsTeller();
  #largeAtMs = Number.NEGATIVE_INFINITY;
  #largeBy: Path | undefined;
  #echoMs: number;
  #dueAtMs = 0;
  /** Runs while what a path carries is being asked: that takes many short waits. */
  #asking: NodeJS.Timeout | undefined;

  constructor(
    around: PathSurroundings,
    { number, name }: { readonly number: number; readonly name: string },
    own: Uint8Array,
    peer: Uint8Array,
  ) {
    this.number = number;
    this.name = name;
    this.own = own;
    this.peer = peer;
    this.#around = around;
    this.#echoMs = around.settings.echoMs;
    this.manager = new PathManager(around.settings, own, peer, around.now());
  }

  /** There is a session that carries packets now. */
  get hasSession(): boolean {
    const { tables, now } = this.#around;
    const session = tables.peers.session[this.number];
    return session >= 0 && now() < tables.sessions.expiresAtMs[session];
  }

  /** The record that the peer's handshakes go to, one for each path that is tried. */
  handshakeRecords(): Uint8Array[] {
    return this.manager.handshakePaths().map(({ endpoint }) => endpoint);
  }

  setTopology(uplinks: readonly Uplink[], endpoints: readonly RemoteEndpoint[]): void {
    const now = this.#around.now();
    this.manager.setTopology(uplinks, endpoints, now);
    this.#teller.handleChange(now);
    this.#drain();
  }

  handleUplink(id: number, reason: string): void {
    this.#feed();
    this.manager.handleUplink(id, reason, this.#around.now());
    this.#drain();
  }

  handleRedialled(path: number, socket: number): void {
    this.manager.handleRedialled(path, socket, this.#around.now());
    this.#drain();
  }

  /** There is a session with the peer. */
  handleSession(): void {
    const now = this.#around.now();
    this.manager.handleSession(now);
    this.#teller.handleSession(now);
    this.#drain();
  }

  /** The peer tells what it knows of the paths. */
  handleNews(news: readonly PathNews[]): void {
    this.manager.handleNews(news, this.#around.now());
    this.#drain();
  }

  setPace(pace: Pace, echoMs: number): void {
    this.#echoMs = echoMs;
    this.manager.setPace(pace, echoMs, this.#around.now());
    this.#drain();
  }

  /** A worker hands on a BFD packet: `parsed` describes `bytes`. */
  handleDatagram(bytes: Uint8Array, parsed: Parsed, from: Uint8Array): void {
    this.#feed();
    const now = this.#around.now();
    this.manager.handleDatagram(bytes, parsed, from, now);
    this.#teller.handleChange(now);
    this.#drain();
  }

  /** Does what is due; all of it, where a worker says that there is something to see. */
  handleTimeout(now: number, look = false): void {
    if (!look && now < this.#dueAtMs) return;
    this.#feed();
    // Mostly what was due has been put off by what workers have heard since.
    this.#dueAtMs = this.#nextDeadline();
    if (!look && now < this.#dueAtMs) return;
    this.manager.handleTimeout(now);
    this.#drain();
  }

  /** Takes over what workers have measured. */
  handleEchoes(now: number): void {
    let any = false;
    for (const { path, row } of this.#carried) {
      const { answered, lost, rttMs } = this.#around.rows.takeEchoes(row);
      if (answered + lost === 0) continue;
      this.manager.handleEchoes(path, answered, lost, rttMs, now);
      any = true;
    }
    if (any) this.#drain();
  }

  /**
   * Sends an inner packet on a path, if there is a session that carries it; `whole`: not to be fragmented on its way.
   * Returns whether it went.
   */
  sendOn(path: Path, packet: Uint8Array, whole = false): boolean {
    const { rows, seal } = this.#around;
    const carried = this.#carriedOf(path.id);
    if (carried === undefined || !this.hasSession) return false;
    seal(this.number, packet, rows.slot(carried.row), whole);
    return true;
  }

  /** Looks for large packets: while any are sent, what their path carries is asked more often. */
  handleTraffic(now: number): void {
    if (this.#around.rows.takeLarge(this.number)) this.#largeAtMs = now;
    const by = now - this.#largeAtMs < LARGE_MS ? this.manager.current : undefined;
    if (by === this.#largeBy) return;
    this.#largeBy = by;
    this.manager.handleLarge(by);
    this.#dueAtMs = Math.min(this.#dueAtMs, this.manager.nextDeadline());
  }

  /** Gives everything back. */
  close(): void {
    clearTimeout(this.#asking);
    for (const { path } of this.#carried) this.#release(path);
    this.#around.rows.unpin(this.number);
    this.#around.rows.publishMtu(this.number, undefined);
  }

  #feed(): void {
    for (const { path, row } of this.#carried) this.manager.handleClocks(path, this.#around.rows.clocks(row));
  }

  #drain(): void {
    const events: PathEvent[] = [];
    for (let event = this.manager.pollEvent(); event !== undefined; event = this.manager.pollEvent()) {
      if (event.kind === 'removed') this.#release(event.path);
      events.push(event);
    }
    this.#publish();
    for (const event of events) this.#carryOut(event);
    this.#transmit();
    this.#tell();
    this.#dueAtMs = this.#nextDeadline();
    this.#ask();
    if (events.some(({ kind }) => kind === 'use' || kind === 'state')) this.#around.onChange(this.number);
  }

  #nextDeadline(): number {
    const tellAtMs = this.#canTell() ? this.#teller.nextDeadline() : Number.POSITIVE_INFINITY;
    return Math.min(this.manager.nextDeadline(), tellAtMs);
  }

  #ask(): void {
    clearTimeout(this.#asking);
    const dueAtMs = Math.min(
      ...this.manager.paths.map(({ mtu }) => (mtu.isAsking ? mtu.nextDeadline() : Number.POSITIVE_INFINITY)),
    );
    if (dueAtMs === Number.POSITIVE_INFINITY) return;
    const { now } = this.#around;
    this.#asking = setTimeout(() => this.handleTimeout(now(), true), timeoutMs(dueAtMs, now()));
    this.#asking.unref();
  }

  #release(path: number): void {
    const carried = this.#carriedOf(path);
    if (carried === undefined) return;
    this.#keepPlace(carried.row);
    this.#around.rows.release(carried.row, this.#around.now());
    this.#tellUplink(path, undefined);
    this.#carried = this.#carried.filter((one) => one !== carried);
  }

  #carriedOf(path: number): Carried | undefined {
    return this.#carried.find((one) => one.path === path);
  }

  /** While no path works the peer is sent to where it last was: the record must outlive its row. */
  #keepPlace(row: number): void {
    const { tables, slots, rows } = this.#around;
    const slot = rows.slot(row);
    if (slot < 0 || tables.peers.path[this.number] !== slot) return;
    slots.copy(this.number, tables.paths.slice(slot * ENDPOINT_BYTES, (slot + 1) * ENDPOINT_BYTES));
  }

  #tellUplink(id: number, state: PathState | undefined): void {
    const carried = this.#carriedOf(id);
    if (carried === undefined) return;
    const uplink = this.manager.paths.find((path) => path.id === id)?.uplink.id ?? carried.toldUplink;
    if (uplink < 0) return;
    carried.toldUplink = state === undefined ? -1 : uplink;
    this.#around.onPath(uplink, this.name, String(id), state);
  }

  #publish(): void {
    const { rows, uplinkReason, wake, now } = this.#around;
    let wakes = false;
    for (const path of this.manager.paths) {
      let row = this.#carriedOf(path.id)?.row ?? -1;
      if (row < 0) {
        row = rows.take(this.number, now());
        if (row < 0) continue;
        this.#carried = this.#carried.concat({ path: path.id, row, toldUplink: -1 });
      }
      const silent = uplinkReason(path.uplink.id) !== '';
      if (rows.publish(row, this.manager, path, silent, this.#echoMs)) wakes = true;
    }
    rows.publishMtu(this.number, this.manager.current);
    if (wakes) wake();
  }

  #carryOut(event: PathEvent): void {
    const { log, rows, redial, resolve } = this.#around;
    const path = (id: number | undefined): string =>
      this.manager.paths.find((one) => one.id === id)?.name ?? 'none';
    switch (event.kind) {
      case 'added':
      case 'removed':
        log.debug({ event: `path-${event.kind}`, peer: this.name, path: path(event.path) });
        break;
      case 'state':
        if (event.to !== 'down') this.isOurs = true;
        this.#tellUplink(event.path, event.to);
        log.info({ event: `path-${event.to}`, peer: this.name, path: path(event.path), why: event.why });
        break;
      case 'use': {
        const carried = event.path === undefined ? undefined : this.#carriedOf(event.path);
        if (carried === undefined) rows.unpin(this.number);
        else rows.pin(this.number, carried.row);
        this.why = event.why;
        log.info({ event: 'path-in-use', peer: this.name, path: path(event.path), why: event.why });
        break;
      }
      case 'moved':
        log.info({ event: 'path-moved', peer: this.name, path: path(event.path), why: event.why });
        break;
      case 'mtu': {
        const { from, to, why } = event;
        log.info({ event: 'path-mtu', peer: this.name, path: path(event.path), from, to, why });
        break;
      }
      case 'redial': {
        const dead = this.manager.paths.find(({ id }) => id === event.path);
        if (dead !== undefined) redial(this, dead, event.attempt);
        break;
      }
      case 'resolve':
        resolve(this.number);
        break;
    }
  }

  /** News waits until there is a session that carries it. */
  #tell(): void {
    const { tell, now } = this.#around;
    const news = this.#canTell() ? this.#teller.poll(this.manager.paths, now()) : undefined;
    if (news !== undefined) tell(this.number, news);
  }

  #canTell(): boolean {
    return this.isOurs && this.hasSession;
  }

  #transmit(): void {
    for (;;) {
      const length = this.manager.pollTransmit(scratch, 0);
      if (length === 0) return;
      const { transmitVia: via, transmitWhole: whole } = this.manager;
      if (via !== undefined) this.sendOn(via, scratch.subarray(0, length), whole);
    }
  }
}
