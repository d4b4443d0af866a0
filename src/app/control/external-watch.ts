/**
 * External peers that are watched by BFD: their routers speak it inside the tunnel, so a peer that dies is known within the
 * detection time and not by timers of WireGuard. One conversation for each, kept by the member that serves them. They are
 * few, so the control thread speaks itself; workers hand on what comes.
 *
 * While such a peer is down it is tried by the next uplink every few seconds: plain WireGuard follows whom it hears.
 */
import { randomInt } from 'node:crypto';
import { ENDPOINT_BYTES, ENDPOINT_SOCKET, encodeEndpoint } from '../../core/base/endpoint.js';
import { timeoutMs } from '../../core/base/timeout.js';
import type { WatchConfiguration } from '../../core/config/configuration.js';
import { Parsed } from '../../core/packet/parsed.js';
import { BfdWatch, WATCH_BYTES_MAX } from '../../core/path/bfd-watch.js';
import { PACE_DEFAULT } from '../../core/path/pacing.js';
import type { Dialler } from './dialler.js';
import type { Node } from './node.js';

/** A timer that comes later than this follows a pause: what was sent meanwhile is heard first. */
const LATE_MS_MAX = 100;
const AFTER_LATE_MS = 20;
/** A peer that is down is tried by another uplink this often; one that is heard gets time to come up (RFC 5880 6.8.3). */
const TRY_MS = 3_000;
const TRY_HEARD_MS = 10_000;

interface Watched {
  readonly watch: BfdWatch;
  timer: NodeJS.Timeout | undefined;
  dueAtMs: number;
  triedAtMs: number;
  tried: number;
}

export class ExternalWatch {
  readonly #node: Node;
  readonly #dialler: Pick<Dialler, 'endpoints'>;
  readonly #dial: (peer: number) => void;
  readonly #onNews: () => void;
  /** By peer number. BOUNDED by the configuration. */
  readonly #watched = new Map<number, Watched>();
  readonly #parsed = new Parsed();
  readonly #packet = new Uint8Array(WATCH_BYTES_MAX);
  #discriminator = randomInt(1, 2 ** 31);

  /** `dial` starts a handshake with a peer. */
  constructor(
    node: Node,
    dialler: Pick<Dialler, 'endpoints'>,
    dial: (peer: number) => void,
    onNews: () => void,
  ) {
    this.#node = node;
    this.#dialler = dialler;
    this.#dial = dial;
    this.#onNews = onNews;
  }

  /** What is known of a peer; undefined: it is not watched. */
  get(peer: number): BfdWatch | undefined {
    return this.#watched.get(peer)?.watch;
  }

  /** Begins to watch a peer. */
  set(peer: number, { local, remote }: WatchConfiguration): void {
    this.delete(peer);
    const localDiscriminator = this.#discriminator++;
    const now = this.#node.native.now();
    const watch = new BfdWatch(
      { local, remote, localDiscriminator, pace: PACE_DEFAULT, random: Math.random },
      now,
    );
    this.#watched.set(peer, { watch, timer: undefined, dueAtMs: now, triedAtMs: now, tried: 0 });
    this.#tick(peer);
  }

  /** No longer watches a peer. */
  delete(peer: number): void {
    clearTimeout(this.#watched.get(peer)?.timer);
    this.#watched.delete(peer);
  }

  close(): void {
    for (const peer of [...this.#watched.keys()]) this.delete(peer);
  }

  /** Tries those that are down by another way; call it now and then. */
  handleTimeout(now: number): void {
    for (const [peer, watched] of this.#watched) {
      const { verdict, session } = watched.watch;
      const waitMs = session.remoteDiscriminator === 0 ? TRY_MS : TRY_HEARD_MS;
      if (verdict !== 'down' || now - watched.triedAtMs < waitMs) continue;
      watched.triedAtMs = now;
      this.#useNextUplink(peer, watched.tried++);
      watched.watch.hurry(now);
      this.#drain(peer);
      this.#dial(peer);
    }
  }

  /** What a worker hands on as a path's packet: an endpoint record, then the packet. False: not of a watched peer. */
  handleRecord(peer: number, payload: Uint8Array): boolean {
    const watched = this.#watched.get(peer);
    if (watched === undefined) return false;
    const bytes = payload.slice(ENDPOINT_BYTES);
    if (this.#parsed.parse(bytes, 0, bytes.length) === 0) {
      watched.watch.handleDatagram(bytes, this.#parsed, this.#node.native.now());
      this.#drain(peer);
    }
    return true;
  }

  /** Where it last spoke from may be an address of the way that is dead: what is configured is dialled, one after another. */
  #useNextUplink(peer: number, attempt: number): void {
    const { paths, pathing, configuration, log } = this.#node;
    const record = paths.current(peer)?.slice();
    const { uplinks } = configuration.local;
    if (record === undefined) return;
    const known = this.#dialler.endpoints(peer).filter(({ address }) => address !== undefined);
    const { address, port } = known[attempt % known.length] ?? {};
    if (address !== undefined) record.set(encodeEndpoint(address, port ?? 0, record[ENDPOINT_SOCKET]));
    const last = record[ENDPOINT_SOCKET];
    const places = [...uplinks.keys()].map((i) => (last + 1 + i) % uplinks.length);
    const next = places.find((place) => pathing.uplinkReason(place) === '');
    if (next === undefined) return;
    record[ENDPOINT_SOCKET] = next;
    paths.publish(peer, record);
    if (next === last) return;
    log.info({ event: 'external-peer-tried', peer: this.#node.peerName(peer), uplink: uplinks[next].name });
  }

  #tick(peer: number): void {
    const watched = this.#watched.get(peer);
    if (watched === undefined) return;
    const now = this.#node.native.now();
    if (now - watched.dueAtMs > LATE_MS_MAX) this.#wait(peer, watched, now + AFTER_LATE_MS);
    else {
      watched.watch.handleTimeout(now);
      this.#drain(peer);
    }
  }

  #drain(peer: number): void {
    const watched = this.#watched.get(peer);
    if (watched === undefined) return;
    const { watch } = watched;
    for (let news = watch.pollNews(); news !== undefined; news = watch.pollNews()) {
      const event = { event: `external-peer-bfd-${news.to}`, peer: this.#node.peerName(peer), why: news.why };
      if (news.to === 'down') this.#node.log.warn(event);
      else this.#node.log.info(event);
      this.#onNews();
    }
    this.#transmit(peer, watch);
    if (this.#watched.get(peer) === watched) this.#wait(peer, watched, watch.nextDeadline());
  }

  #wait(peer: number, watched: Watched, atMs: number): void {
    clearTimeout(watched.timer);
    watched.dueAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    watched.timer = setTimeout(() => this.#tick(peer), timeoutMs(atMs, this.#node.native.now()));
  }

  /** Without a session nothing can be sent; what was due is past. */
  #transmit(peer: number, watch: BfdWatch): void {
    const { tables, dataplane } = this.#node;
    for (;;) {
      const length = watch.pollTransmit(this.#packet, 0);
      if (length === 0) return;
      if (tables.peers.session[peer] >= 0) dataplane.seal(peer, this.#packet.subarray(0, length));
    }
  }
}
