/**
 * The paths of all our own nodes: which uplinks they have, how often they are probed, and who asks about them. What one
 * peer's paths do is peer-paths.ts; what workers do for them is core/router/beats.ts. A settled path costs this thread
 * nothing but a look at its echo counters once a second.
 */
import { randomInt } from 'node:crypto';
import { ENDPOINT_BYTES, ENDPOINT_SOCKET, sameEndpoint } from '../../core/base/endpoint.js';
import type { ClusterTimes } from '../../core/cluster/settings.js';
import { Parsed } from '../../core/packet/parsed.js';
import { BFD_REFUSALS } from '../../core/path/bfd-packet.js';
import { withFamilies } from '../../core/path/families.js';
import { PACE_DEFAULT, type Pace, planEchoMs, planPace, planSlowdown } from '../../core/path/pacing.js';
import type { RemoteEndpoint, Uplink } from '../../core/path/path.js';
import { isPathNews, parsePathNews } from '../../core/path/path-news.js';
import type { SharedTables } from '../../core/router/memory.js';
import type { Logger } from './log.js';
import { PathRows } from './path-rows.js';
import { type PathSurroundings, PeerPaths } from './peer-paths.js';
import { Pings } from './pings.js';
import type { PathSlots } from './tables.js';

/** How often echo counters are looked at and the pace is planned. */
const LOOK_MS = 1_000;
/** Echo packets of a peer with a single path only inform people. */
const ECHO_LONE_MS = 1_000;
/** That there is no room for more paths is not said more often. */
const REFUSED_AGAIN_MS = 60_000;
/** Echo packets of others are answered this often at most. */
const ECHO_ANSWER_MS_MIN = 50;
/** Our own nodes keep their fast pace for so long while a path is down, so that it is seen to be back at once. */
const FAST_WHILE_DOWN_MS = 30_000;

export interface PathingOptions {
  readonly tables: SharedTables;
  readonly slots: PathSlots;
  readonly uplinks: readonly Uplink[];
  /** To which family's address the socket of the uplink in `place` is bound; undefined: to none. */
  readonly boundTo: (place: number) => 4 | 6 | undefined;
  /** By which partners are reached. */
  readonly lan: Uplink;
  readonly times: Pick<ClusterTimes, 'probeMs' | 'detectionMs'>;
  readonly log: Logger;
  readonly now: () => number;
  /** Control address of the node with this public key, 16 bytes. */
  readonly controlOf: (publicKey: Uint8Array) => Uint8Array;
  readonly ownKey: Uint8Array;
  readonly endpointsOf: (peer: number) => readonly RemoteEndpoint[];
  readonly seal: PathSurroundings['seal'];
  readonly tell: PathSurroundings['tell'];
  /** Size of the tunnel. */
  readonly mtuBytes: () => number;
  readonly wake: () => void;
  readonly redial: PathSurroundings['redial'];
  readonly resolve: PathSurroundings['resolve'];
  /** Called now and then with the sockets that paths use. */
  readonly onSockets: (used: ReadonlySet<number>) => void;
  readonly onPath: PathSurroundings['onPath'];
  readonly onChange: PathSurroundings['onChange'];
}

interface Managed {
  readonly paths: PeerPaths;
  readonly partner: boolean;
  pace: Pace;
  echoMs: number;
}

export class Pathing {
  readonly pings: Pings;
  readonly #options: PathingOptions;
  readonly #around: PathSurroundings;
  readonly #configured: Pace;
  readonly #parsed = new Parsed();
  /** Our control address. */
  readonly #own: Uint8Array;
  readonly #uplinkReasons = new Map<number, string>();
  /** By peer number. BOUNDED by the directory's capacity. */
  readonly #peers = new Map<number, Managed>();
  #uplinks: readonly Uplink[];
  #slowdown = 1;
  #lookAtMs = 0;
  #refusals = 0;
  #refusedAtMs = Number.NEGATIVE_INFINITY;
  #discriminator = randomInt(1, 2 ** 32);

  constructor(options: PathingOptions) {
    const { probeMs, detectionMs } = options.times;
    this.#options = options;
    this.#own = options.controlOf(options.ownKey);
    this.#uplinks = options.uplinks;
    this.#configured = {
      desiredMinTxMs: probeMs,
      requiredMinRxMs: probeMs,
      multiplier: Math.round(detectionMs / probeMs),
    };
    this.#around = {
      ...options,
      rows: new PathRows(options.tables, options.uplinks.length),
      settings: {
        pace: this.#configured,
        echoMs: ECHO_LONE_MS,
        requiredMinEchoRxMs: ECHO_ANSWER_MS_MIN,
        fastWhileDownMs: FAST_WHILE_DOWN_MS,
        offloaded: true,
        mtuBytes: options.mtuBytes,
        random: Math.random,
        newDiscriminator: () => this.#newDiscriminator(),
        refusals: new Uint32Array(BFD_REFUSALS.length),
      },
      uplinkReason: (id) => this.#uplinkReasons.get(id) ?? '',
    };
    this.pings = new Pings(
      () => options.now(),
      () => this.#newDiscriminator(),
    );
  }

  /** The peers with their paths, for reports. */
  get peers(): PeerPaths[] {
    return [...this.#peers.values()].map(({ paths }) => paths);
  }

  get(peer: number): PeerPaths | undefined {
    return this.#peers.get(peer)?.paths;
  }

  /** Why an uplink cannot be used; '' if it can. */
  uplinkReason(id: number): string {
    return this.#around.uplinkReason(id);
  }

  /** A peer is new, or its endpoints have changed. */
  set(peer: number, name: string, publicKey: Uint8Array, partner: boolean): void {
    const { controlOf } = this.#options;
    let managed = this.#peers.get(peer);
    if (managed === undefined) {
      const paths = new PeerPaths(this.#around, { number: peer, name }, this.#own, controlOf(publicKey));
      managed = { paths, partner, pace: this.#configured, echoMs: ECHO_LONE_MS };
      this.#peers.set(peer, managed);
      for (const [id, reason] of this.#uplinkReasons) paths.handleUplink(id, reason);
    }
    this.#setTopology(managed);
  }

  delete(peer: number): void {
    this.#peers.get(peer)?.paths.close();
    this.#peers.delete(peer);
    this.#around.rows.promise(peer, 0);
  }

  /** A name of the peer's endpoints has been resolved. */
  handleResolved(peer: number): void {
    const managed = this.#peers.get(peer);
    if (managed !== undefined) this.#setTopology(managed);
  }

  /** The addresses that each uplink has now, in their order: no path is tried over a family that its uplink has none of. */
  handleAddresses(addresses: readonly (readonly string[])[]): void {
    const uplinks = this.#uplinks.map((uplink, place) =>
      withFamilies(uplink, addresses[place] ?? [], this.#options.boundTo(place)),
    );
    if (uplinks.every((uplink, place) => uplink === this.#uplinks[place])) return;
    this.#uplinks = uplinks;
    for (const managed of this.#peers.values()) this.#setTopology(managed);
  }

  /** Why nothing can leave by each uplink, in their order; '' where something can. */
  handleUplinks(reasons: readonly string[]): void {
    for (const [id, reason] of reasons.entries()) this.handleUplink(id, reason);
  }

  /** An uplink can be used (`reason` is '') or cannot, and why. */
  handleUplink(id: number, reason: string): void {
    if ((this.#uplinkReasons.get(id) ?? '') === reason) return;
    this.#uplinkReasons.set(id, reason);
    for (const { paths } of this.#peers.values()) paths.handleUplink(id, reason);
  }

  /** There is a new session with the peer. */
  handleSession(peer: number): void {
    this.get(peer)?.handleSession();
  }

  /** A BFD packet that a worker did not absorb: a source endpoint record, then the inner packet. */
  handleRecord(peer: number, payload: Uint8Array): void {
    const bytes = payload.slice(ENDPOINT_BYTES);
    const from = payload.slice(0, ENDPOINT_BYTES);
    if (this.#parsed.parse(bytes, 0, bytes.length) !== 0) return;
    if (this.pings.handleAnswer(peer, bytes, this.#parsed, from)) return;
    this.get(peer)?.handleDatagram(bytes, this.#parsed, from);
  }

  /** Whether a control datagram of the peer was news of its paths; what is none that we know changes nothing. */
  handleNews(peer: number, bytes: Uint8Array): boolean {
    if (!isPathNews(bytes)) return false;
    const news = parsePathNews(bytes);
    if (news === undefined)
      this.#options.log.debug({ event: 'path-news-refused', peer: this.get(peer)?.name });
    else this.get(peer)?.handleNews(news);
    return true;
  }

  /** A worker says that a path of the peer has fallen silent, or is heard again. */
  handleSilence(peer: number): void {
    this.get(peer)?.handleTimeout(this.#options.now(), true);
  }

  /** Does what is due; call it a few times a second. */
  handleTimeout(now: number): void {
    for (const { paths } of this.#peers.values()) paths.handleTimeout(now);
    if (now < this.#lookAtMs) return;
    this.#lookAtMs = now + LOOK_MS;
    for (const { paths } of this.#peers.values()) {
      paths.handleTraffic(now);
      paths.handleEchoes(now);
    }
    this.#tellRefusals(now);
    this.#plan();
    this.#options.onSockets(this.#usedSockets());
  }

  /**
   * Where handshakes go that answer none: by the path in use, or by all, and to where the peer last spoke from. Undefined:
   * the peer has no paths (it is external).
   */
  handshakeRecords(peer: number): Uint8Array[] | undefined {
    const managed = this.#peers.get(peer);
    if (managed === undefined) return undefined;
    const records = managed.paths.handshakeRecords();
    if (managed.paths.manager.current !== undefined) return records;
    const last = this.#options.slots.current(peer);
    if (last === undefined || records.some((record) => sameEndpoint(record, last))) return records;
    return [...records, last.slice()];
  }

  /** Endpoints of the peer that are names without an address. */
  unresolved(peer: number): string[] {
    const endpoints = this.#options.endpointsOf(peer);
    return endpoints.filter(({ address }) => address === undefined).map(({ key }) => key);
  }

  /** Whether a path to the peer works. */
  isUsable(peer: number): boolean {
    return this.get(peer)?.manager.current?.health.isUsable ?? false;
  }

  /** Whether a path to the peer has ever worked: it is one of our own nodes, and not plain WireGuard. */
  isOurs(peer: number): boolean {
    return this.get(peer)?.isOurs ?? false;
  }

  /** Smoothed round-trip time of the path in use; 0 = none measured. */
  rttMs(peer: number): number {
    return this.get(peer)?.manager.current?.quality.rttMs ?? 0;
  }

  #setTopology({ paths, partner }: Managed): void {
    const { lan, endpointsOf, log } = this.#options;
    const uplinks = partner ? [lan] : this.#uplinks;
    const endpoints = endpointsOf(paths.number);
    if (!this.#around.rows.promise(paths.number, uplinks.length * endpoints.length)) {
      const wanted = uplinks.length * endpoints.length;
      log.warn({ event: 'paths-outgrown', peer: paths.name, paths: wanted, hint: 'restart to make room' });
    }
    paths.setTopology(uplinks, endpoints);
    this.#lookAtMs = 0;
  }

  /** Says, at most once a minute, that peers have more paths than there is room for. */
  #tellRefusals(now: number): void {
    const { refusals } = this.#around.rows;
    if (refusals === this.#refusals || now < this.#refusedAtMs + REFUSED_AGAIN_MS) return;
    const { rows } = this.#options.tables.beats;
    this.#options.log.warn({ event: 'paths-without-room', refusals: refusals - this.#refusals, room: rows });
    this.#refusals = refusals;
    this.#refusedAtMs = now;
  }

  /** Probes cost both ends: their total is bounded, and where there is nothing to switch to they are slower. */
  #plan(): void {
    const peers = [...this.#peers.values()];
    const total = peers.reduce((sum, { paths }) => sum + paths.manager.paths.length, 0);
    this.#slowdown = planSlowdown(total, PACE_DEFAULT.desiredMinTxMs, this.#slowdown);
    const echoMs = planEchoMs(total);
    for (const managed of peers) {
      const choice = managed.paths.manager.paths.length > 1;
      const base =
        choice && this.#configured.desiredMinTxMs > PACE_DEFAULT.desiredMinTxMs
          ? PACE_DEFAULT
          : this.#configured;
      const pace = planPace(base, this.#slowdown, { paths: total, urgent: true, idleMs: 0 });
      const echo = choice ? echoMs : Math.max(echoMs, ECHO_LONE_MS);
      if (samePace(pace, managed.pace) && echo === managed.echoMs) continue;
      managed.pace = pace;
      managed.echoMs = echo;
      managed.paths.setPace(pace, echo);
    }
  }

  #usedSockets(): Set<number> {
    const used = new Set<number>();
    for (const [peer, { paths }] of this.#peers) {
      for (const { endpoint } of paths.manager.paths) used.add(endpoint[ENDPOINT_SOCKET]);
      const record = this.#options.slots.current(peer);
      if (record !== undefined) used.add(record[ENDPOINT_SOCKET]);
    }
    return used;
  }

  #newDiscriminator(): number {
    this.#discriminator = this.#discriminator === 0xffff_ffff ? 1 : this.#discriminator + 1;
    return this.#discriminator;
  }
}

function samePace(a: Pace, b: Pace): boolean {
  return (
    a.desiredMinTxMs === b.desiredMinTxMs &&
    a.requiredMinRxMs === b.requiredMinRxMs &&
    a.multiplier === b.multiplier
  );
}
