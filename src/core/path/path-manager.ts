/**
 * All paths of one peer: local uplinks × remote endpoints, and those learned from the peer's probes. They share the
 * peer's one WireGuard session. Sans-IO: topology, packets and time in; packets to send on a path, the path to use, and
 * events out. AFTER EACH INPUT DRAIN pollTransmit AND pollEvent FULLY.
 *
 * A packet for a session that comes from a place that is no other path's endpoint moves the session's path there. One
 * that comes by another path counts only where it takes the session down: so a node whose uplink loses its carrier
 * tells its peer at once, by a path that still works, instead of waiting to be missed. A session that is down may come
 * up in the place of another: a peer that speaks from elsewhere than where it is dialled is dialled and learned there.
 */
import { ENDPOINT_SOCKET } from '../base/endpoint.js';
import { UDP_HEADER } from '../packet/offsets.js';
import type { Parsed } from '../packet/parsed.js';
import { BFD_BYTES, BFD_DOWN, BFD_REFUSAL, BFD_UP, BfdPacket, DIAGNOSTIC_PATH_DOWN } from './bfd-packet.js';
import { PathChoice } from './choice.js';
import {
  BFD_CONTROL_PORT,
  BFD_ECHO_PORT,
  bfdSourcePort,
  checkDatagram,
  Envelope,
  payloadLength,
} from './datagram.js';
import { ECHO_ANSWER_TTL, ECHO_BYTES, echoDiscriminator } from './echo.js';
import type { PathEvent } from './outputs.js';
import type { Pace } from './pacing.js';
import type { Path, PathSettings, RemoteEndpoint, Uplink } from './path.js';
import { learnPathNews, type PathNews } from './path-news.js';
import { PathTable, returnToConfigured, sameRemote } from './path-table.js';

/** A learned path that has been down for this long is forgotten; sooner if it was never up. */
const FORGET_AFTER_MS = 300_000;
const FORGET_NEW_AFTER_MS = 30_000;
/** So long after another session of the peer has spoken on a path, what comes by it says nothing of the first one's life. */
const RIVAL_MS = 5_000;
/** Events that may wait between two drains; one input causes a handful per path. */
const EVENTS_MAX = 1_024;

/** No uplink has ever been lost: so it is for most. */
const NO_REASONS: ReadonlyMap<number, string> = new Map();
/** The packet at hand; it never holds anything from one call to the next. */
const scratch = new BfdPacket();

/** What a worker has seen and done for one path since; −Infinity = nothing. */
export interface PathClocks {
  readonly receivedUnchangedAtMs: number;
  readonly repeatedAtMs: number;
  /** When anything authentic last came over the path. */
  readonly heardAtMs: number;
}

export class PathManager {
  /** Refused packets by number of the refusal (BFD_REFUSALS), of all who share the settings. */
  readonly refusals: Uint32Array;
  /** Of the packet that pollTransmit has written: the path it belongs to, and the one to send it on. */
  transmitPath: Path | undefined;
  transmitVia: Path | undefined;
  /** It must not be fragmented on its way. */
  transmitWhole = false;
  readonly #table: PathTable;
  readonly #choice = new PathChoice();
  readonly #events: PathEvent[] = [];
  readonly #envelope: Envelope;
  #uplinkReasons = NO_REASONS;
  #settings: PathSettings;
  #now: number;

  /** `own` and `peer` are the ends inside the tunnel, 4 or 16 bytes. */
  constructor(settings: PathSettings, own: Uint8Array, peer: Uint8Array, now: number) {
    this.#settings = settings;
    this.#now = now;
    this.#table = new PathTable();
    this.refusals = settings.refusals;
    const port = bfdSourcePort(Math.floor(settings.random() * 0x4000));
    this.#envelope = new Envelope(own, peer, port, BFD_CONTROL_PORT);
  }

  get paths(): readonly Path[] {
    return this.#table.paths;
  }

  /** The path that traffic goes by. */
  get current(): Path | undefined {
    return this.#choice.current === undefined ? undefined : this.#table.get(this.#choice.current);
  }

  /** Where handshakes go: by the path in use, or, while there is none, the same message by every path. */
  handshakePaths(): readonly Path[] {
    const { current } = this;
    return current === undefined ? this.paths.filter((path) => this.#whyNot(path) === '') : [current];
  }

  /** The uplinks of this node and the endpoints of the peer, as they are now. */
  setTopology(uplinks: readonly Uplink[], endpoints: readonly RemoteEndpoint[], now: number): void {
    const { added, removed, moved } = this.#table.setTopology(uplinks, endpoints, this.#settings, now);
    for (const path of removed) this.#removed(path, 'no longer configured');
    for (const path of moved) this.#moved(path, 'its endpoint has changed', now);
    for (const path of added) {
      this.#say({ kind: 'added', path: path.id });
      if (this.#whyNot(path) !== '') path.session.disable(now, DIAGNOSTIC_PATH_DOWN);
    }
    this.#finish(now);
  }

  /** An uplink can be used (`reason` is '') or cannot, and why. What is lost is left at once, and the peer is told. */
  handleUplink(id: number, reason: string, now: number): void {
    this.#uplinkReasons = new Map(this.#uplinkReasons).set(id, reason);
    for (const path of this.paths) {
      if (path.uplink.id !== id) continue;
      if (reason !== '') {
        path.session.disable(now, DIAGNOSTIC_PATH_DOWN);
        path.echo.abandon();
      } else {
        path.session.enable(now);
        path.session.hurry(now);
        if (!path.isLearned) path.redial.handleDown(now);
      }
    }
    this.#finish(now);
  }

  /** A new socket serves the path, as a `redial` event has asked. */
  handleRedialled(id: number, socket: number, now: number): void {
    const path = this.#table.get(id);
    if (path === undefined) return;
    path.endpoint = path.endpoint.slice();
    path.endpoint[ENDPOINT_SOCKET] = socket;
    path.seen = undefined;
    this.#moved(path, 'dialled anew', now);
    this.#finish(now);
  }

  /** The peer tells what it knows of the paths, and what they cost it. */
  handleNews(news: readonly PathNews[], now: number): void {
    learnPathNews(this.paths, news, now);
    this.#finish(now);
  }

  /** There is a session with the peer, as there was not before: probes get through from now on. */
  handleSession(now: number): void {
    for (const { session } of this.paths) session.hurry(now);
    this.#finish(now);
  }

  /** Another pace for all paths; +Infinity for `echoMs` sends no echo packets. */
  setPace(pace: Pace, echoMs: number, now: number): void {
    this.#settings = { ...this.#settings, pace, echoMs };
    for (const { session } of this.paths) session.setPace(pace, now);
    this.#finish(now);
  }

  /**
   * An inner packet to one of BFD's ports, parsed, that came from `from` (an endpoint record): a control packet, or the
   * answer to an echo packet of ours. Returns 0 or a counted refusal. Echo packets of others are answered by
   * writeEchoAnswer and do not come here.
   */
  handleDatagram(bytes: Uint8Array, parsed: Parsed, from: Uint8Array, now: number): number {
    const refusal = this.#handleDatagram(bytes, parsed, from, now);
    this.refusals[refusal] += 1;
    this.#finish(now);
    return refusal;
  }

  /** What a worker knows of a path, to be told before handleTimeout and handleDatagram. */
  handleClocks(id: number, clocks: PathClocks): void {
    const path = this.#table.get(id);
    if (path === undefined) return;
    const { session, rivalAtMs } = path;
    session.handleReceivedUnchanged(clocks.receivedUnchangedAtMs);
    session.handleRepeated(clocks.repeatedAtMs);
    if (clocks.heardAtMs > rivalAtMs + RIVAL_MS) session.handleSignOfLife(clocks.heardAtMs);
  }

  /** Large packets are being sent by `by`. */
  handleLarge(by: Path | undefined): void {
    for (const path of this.paths) path.mtu.setBusy(path === by);
  }

  /** A worker has sent the echo packets of a path: so many came back, the last after `rttMs`, and so many did not. */
  handleEchoes(id: number, answered: number, lost: number, rttMs: number, now: number): void {
    const quality = this.#table.get(id)?.quality;
    if (answered > 0) quality?.handleAnswer(rttMs, now);
    quality?.handleCounts(Math.max(0, answered - 1), lost, now);
    this.#finish(now);
  }

  /** Time has passed. */
  handleTimeout(now: number): void {
    for (const path of this.paths) {
      path.session.handleTimeout(now);
      path.echo.handleTimeout(now);
      path.mtu.handleTimeout(now);
      if (now >= this.#nextEchoAtMs(path)) {
        path.isEchoDue = true;
        path.nextEchoAtMs = now + this.#echoMs(path);
      }
      if (this.#whyNot(path) === '' && path.redial.take(now)) this.#redial(path, now);
    }
    for (const path of this.paths.filter((each) => now >= forgottenAtMs(each))) {
      this.#table.remove(path);
      this.#removed(path, 'silent for too long');
    }
    this.#finish(now);
  }

  /**
   * Writes a packet to be sent now at `at`: a whole inner IP packet, to be sealed and sent on `transmitVia`. Returns its
   * length; 0 when there is none.
   */
  pollTransmit(bytes: Uint8Array, at: number): number {
    this.transmitWhole = false;
    for (const path of this.paths) {
      while (path.session.pollPacket(scratch)) {
        const via = this.#whyNot(path) === '' ? path : this.current;
        if (via === undefined) continue;
        this.transmitPath = path;
        this.transmitVia = via;
        scratch.encode(bytes, at + this.#envelope.headerBytes);
        return this.#envelope.close(bytes, at, BFD_BYTES);
      }
    }
    for (const path of this.paths) {
      if (!path.isEchoDue) continue;
      path.isEchoDue = false;
      this.transmitPath = path;
      this.transmitVia = path;
      path.echo.encodeNext(bytes, at + this.#envelope.headerBytes, this.#now);
      return this.#envelope.close(bytes, at, ECHO_BYTES, BFD_ECHO_PORT);
    }
    return this.#pollProbe(bytes, at);
  }

  #pollProbe(bytes: Uint8Array, at: number): number {
    const { headerBytes } = this.#envelope;
    for (const path of this.paths) {
      const length = path.encodeProbe(bytes, at + headerBytes, headerBytes);
      if (length === 0) continue;
      this.transmitPath = path;
      this.transmitVia = path;
      this.transmitWhole = true;
      return this.#envelope.close(bytes, at, length, BFD_ECHO_PORT);
    }
    return 0;
  }

  /** Writes what a worker repeats for `path`, as a whole inner packet, at `at`; returns its length. */
  writeTemplate(path: Path, bytes: Uint8Array, at: number): number {
    bytes.set(path.session.offload.template, at + this.#envelope.headerBytes);
    return this.#envelope.close(bytes, at, BFD_BYTES);
  }

  /** Takes an event. */
  pollEvent(): PathEvent | undefined {
    return this.#events.shift();
  }

  nextDeadline(): number {
    let nextMs = this.#choice.nextDeadline();
    for (const path of this.paths) {
      const redialAtMs = this.#whyNot(path) === '' ? path.redial.nextDeadline() : Number.POSITIVE_INFINITY;
      nextMs = Math.min(nextMs, path.session.nextDeadline(), path.echo.nextDeadline(), redialAtMs);
      nextMs = Math.min(nextMs, path.mtu.nextDeadline());
      nextMs = Math.min(nextMs, this.#nextEchoAtMs(path), forgottenAtMs(path));
    }
    return nextMs;
  }

  #handleDatagram(bytes: Uint8Array, parsed: Parsed, from: Uint8Array, now: number): number {
    const isEcho = parsed.destinationPort === BFD_ECHO_PORT;
    const refusal = isEcho
      ? checkDatagram(bytes, parsed, BFD_ECHO_PORT, ECHO_ANSWER_TTL)
      : checkDatagram(bytes, parsed, BFD_CONTROL_PORT);
    if (refusal !== 0) return refusal;
    const at = parsed.l4Offset + UDP_HEADER;
    const length = payloadLength(bytes, parsed);
    if (!isEcho) return scratch.parse(bytes, at, length) || this.#handleControl(scratch, from, now);
    if (parsed.ttl !== ECHO_ANSWER_TTL || length < ECHO_BYTES) return BFD_REFUSAL['not-echo'];
    const path = this.#table.byDiscriminator(echoDiscriminator(bytes, at));
    return path?.handleAnswer(bytes, at, length, now) ?? BFD_REFUSAL['echo-unknown'];
  }

  #handleControl(packet: BfdPacket, from: Uint8Array, now: number): number {
    const found = this.#table.find(packet, from);
    if (typeof found === 'number') return found;
    const path = found ?? this.#learn(from, now);
    if (path === undefined) return BFD_REFUSAL['too-many-paths'];
    const { session } = path;
    // Another session of the peer over this pair of places, or the peer has just restarted: the first must end first.
    const isUp = session.state === BFD_UP;
    if (isUp && packet.myDiscriminator !== session.remoteDiscriminator) {
      path.rivalAtMs = now;
      return BFD_REFUSAL['unknown-session'];
    }
    const sameUplink = this.#table.uplinkOf(from)?.id === path.uplink.id;
    const isElsewhere = !sameUplink || !sameRemote(path.endpoint, from);
    const isBesides = isElsewhere && (!sameUplink || this.#table.isEndOfAnother(path, from));
    if (isBesides && (packet.state <= BFD_DOWN || !sameUplink || path.health.isUsable)) {
      if (packet.state > BFD_DOWN) return BFD_REFUSAL['unknown-session'];
    } else if (isElsewhere) {
      const socket = path.endpoint[ENDPOINT_SOCKET];
      path.endpoint = from.slice();
      path.endpoint[ENDPOINT_SOCKET] = socket;
      this.#moved(path, 'the peer speaks from elsewhere', now);
    }
    path.knownDiscriminator = packet.myDiscriminator;
    path.heardFrom = from.slice();
    session.handlePacket(packet, now);
    return 0;
  }

  #learn(from: Uint8Array, now: number): Path | undefined {
    const learned = this.#table.learn(from, this.#settings, now);
    if (learned === undefined) return undefined;
    const { path, evicted } = learned;
    if (evicted) this.#removed(evicted, 'made room for a new one');
    this.#say({ kind: 'added', path: path.id });
    return path;
  }

  #removed(path: Path, why: string): void {
    this.#say({ kind: 'removed', path: path.id, why });
  }

  #moved(path: Path, why: string, now: number): void {
    path.echo.abandon();
    path.session.hurry(now);
    if (path.health.isUsable) path.measure(now);
    this.#say({ kind: 'moved', path: path.id, why });
  }

  #redial(path: Path, now: number): void {
    this.#say({ kind: 'redial', path: path.id, attempt: path.redial.attempts });
    if (path.configured?.isName) this.#say({ kind: 'resolve', key: path.key });
    if (returnToConfigured(path)) this.#moved(path, 'back to its configured endpoint', now);
    else path.session.hurry(now);
  }

  /** Why a path cannot be sent on; '' if it can. */
  #whyNot(path: Path): string {
    return this.#uplinkReasons.get(path.uplink.id) ?? '';
  }

  #echoMs(path: Path): number {
    return Math.max(this.#settings.echoMs, path.session.echoIntervalMsMin);
  }

  #nextEchoAtMs(path: Path): number {
    const sends = !this.#settings.offloaded && this.#echoMs(path) < Number.POSITIVE_INFINITY;
    return sends ? path.nextEchoAtMs : Number.POSITIVE_INFINITY;
  }

  /** What every input ends with: judge each path, and choose. */
  #finish(now: number): void {
    this.#now = now;
    for (const path of this.paths) this.#judge(path, now);
    const change = this.#choice.decide(this.paths, now);
    if (change) this.#say({ kind: 'use', path: change.to, from: change.from, why: change.why });
  }

  #judge(path: Path, now: number): void {
    while (path.session.pollChange());
    const { health } = path;
    for (let change = path.mtu.pollChange(); change !== undefined; change = path.mtu.pollChange()) {
      this.#say({ kind: 'mtu', path: path.id, ...change });
    }
    const from = health.judge(path.session, path.quality, this.#whyNot(path), now);
    if (from === health.state) return;
    if (health.state === 'down') {
      path.echo.abandon();
      path.mtu.stop();
      path.isEchoDue = false;
      if (!path.isLearned) path.redial.handleDown(now);
    } else if (from === 'down') {
      path.redial.handleUp();
      path.measure(now);
    }
    this.#say({ kind: 'state', path: path.id, from, to: health.state, why: health.reason });
  }

  #say(event: PathEvent): void {
    // A caller that never drains loses news, never memory.
    if (this.#events.length < EVENTS_MAX) this.#events.push(event);
  }
}

function forgottenAtMs({ isLearned, health }: Path): number {
  if (!isLearned || health.isUsable) return Number.POSITIVE_INFINITY;
  return health.sinceMs + (health.hasDied ? FORGET_AFTER_MS : FORGET_NEW_AFTER_MS);
}
