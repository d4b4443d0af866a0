/**
 * External peers: plain WireGuard routers that know our cluster as one peer, by the key that its members share. The active
 * member alone answers for that key and initiates; a standby is silent and has no sessions with them. What makes the next
 * member a worthy heir (labels, places: shared-key.ts) is told to partners once a second, and before it is used.
 *
 * Takeover does not wait for the peer's timers: whoever becomes active initiates at once to where the peer was last, else to
 * where the configuration says, and the peer, being plain WireGuard, moves to whom it hears. Behind a NAT that admits
 * only known senders it must itself dial an address that follows the cluster.
 *
 * A plain peer that speaks BFD is judged by it (external-watch.ts). Others know no probes, so their timers judge them: data that is not answered makes a handshake, and a handshake
 * that is repeated in vain makes it unreachable until it is heard again.
 */
import { isDeepStrictEqual } from 'node:util';
import { encodeEndpoint, endpointAddress, endpointPort } from '../../core/base/endpoint.js';
import { formatAddress } from '../../core/config/address.js';
import type { Configuration } from '../../core/config/configuration.js';
import type { Timers } from '../../core/wireguard/constants.js';
import type { Crypto } from '../../core/wireguard/crypto.js';
import { type PeerStatus, WireGuard } from '../../core/wireguard/device.js';
import { isKeyNews, type PeerNews, parseKeyNews } from '../../core/wireguard/key-news.js';
import type { Secrets } from '../../edge/file/configuration.js';
import type { Dialler } from './dialler.js';
import type { ExternalPeer } from './directory.js';
import { ExternalWatch } from './external-watch.js';
import type { Node } from './node.js';
import type { Peering } from './peering.js';
import { SharedKey } from './shared-key.js';

/** How often what is known is stored, and partners are told, changes apart. */
const KEEP_MS = 1_000;
/** Initiations that go unanswered for so long, one repetition included, and the peer is down. */
const UNANSWERED_MS_MAX = 6_000;
/** External peers are dialled by the first uplink. */
const UPLINK_SOCKET = 0;

interface Served extends ExternalPeer {
  readonly presharedKey: Uint8Array | undefined;
}

export interface ExternalsParts {
  readonly peering: Peering;
  readonly dialler: Dialler;
  readonly crypto: Crypto;
  readonly timers: Timers | undefined;
  /** Sends to the control address of a peer. */
  readonly send: (peer: number, bytes: Uint8Array) => void;
}

export class Externals {
  readonly #node: Node;
  readonly #parts: ExternalsParts;
  #shared: SharedKey | undefined;
  #device: WireGuard | undefined;
  #clusterKey: Uint8Array | undefined;
  #acting = false;
  /** By peer number. BOUNDED by the configuration. */
  #peers = new Map<number, Served>();
  /** Since when a peer has been down. */
  readonly #downAtMs = new Map<number, number>();
  #keptAtMs = 0;
  /** Those that speak BFD, while this member acts. */
  readonly watch: ExternalWatch;

  constructor(node: Node, parts: ExternalsParts) {
    this.#node = node;
    this.watch = new ExternalWatch(
      node,
      parts.dialler,
      (peer) => parts.peering.dial(peer),
      () => this.handleTimeout(node.native.now()),
    );
    this.#parts = parts;
  }

  /** Whether this member serves external peers now. */
  get acting(): boolean {
    return this.#acting;
  }

  peerStatus(peer: number): PeerStatus | undefined {
    return this.#device?.peerStatus(peer);
  }

  /** Takes the external peers of a (new) configuration; those that have not changed keep their sessions. */
  configure(configuration: Configuration, secrets: Secrets): void {
    const { directory, tables } = this.#node;
    const keys = secrets.externalPresharedKeys;
    const peers = new Map(
      directory.externals.map((peer): [number, Served] => [
        peer.number,
        { ...peer, presharedKey: keys.get(peer.external.index) },
      ]),
    );
    const keyChanged = !isDeepStrictEqual(secrets.clusterKey, this.#clusterKey);
    for (const [number, peer] of this.#peers) {
      if (keyChanged || !isDeepStrictEqual(identity(peer), identity(peers.get(number)))) this.#leave(number);
    }
    this.#peers = peers;
    if (keyChanged) this.#useKey(secrets.clusterKey, configuration.local.stateDir);
    this.#shared?.keepOnly([...peers.values()].map(({ external }) => external.publicKey));
    for (const { number, target } of peers.values()) tables.peers.cluster[number] = target;
    if (this.#acting) this.#serveAll(this.#node.native.now());
  }

  /** This member is now, or is not, the one that acts. */
  setActing(acting: boolean): void {
    if (acting === this.#acting) return;
    this.#acting = acting;
    const { native, log } = this.#node;
    if (this.#device === undefined) return;
    const now = native.now();
    const peers = [...this.#peers.values()].map(({ external }) => external.name);
    log.info({ event: acting ? 'external-peers-served' : 'external-peers-left', peers });
    this.#device.silent = !acting;
    if (acting) {
      this.#serveAll(now);
    } else {
      this.#noteAll();
      for (const number of this.#peers.keys()) this.#leave(number);
      this.#tell();
    }
    this.handleTimeout(now);
  }

  /** A control datagram of `peer`; returns whether it is news of a shared key, and thus no hello. */
  handleNews(peer: number, bytes: Uint8Array): boolean {
    if (!isKeyNews(bytes)) return false;
    const shared = this.#shared;
    if (shared === undefined || this.#node.directory.get(peer)?.partner !== true) return true;
    const news = parseKeyNews(bytes);
    if (news === undefined) {
      this.#node.log.debug({ event: 'key-news-refused', peer: this.#node.peerName(peer) });
      return true;
    }
    shared.timestamps.raise(news.sent);
    // Who acts knows best where a peer is.
    for (const peer of news.peers) shared.note(this.#acting ? { ...peer, endpoint: undefined } : peer);
    for (const { number, external } of this.#peers.values()) {
      const known = shared.get(external.publicKey);
      if (known !== undefined) this.#device?.raiseTimestamp(number, known.newest);
    }
    return true;
  }

  /** Looks at what has changed, tells partners, and says who serves the peers. Call it often. */
  handleTimeout(now: number): void {
    if (this.#shared === undefined) return;
    if (this.#acting) {
      this.#shared.timestamps.reserveAhead(Date.now());
      if (this.#noteAll()) this.#tell();
    }
    if (now - this.#keptAtMs >= KEEP_MS) {
      this.#keptAtMs = now;
      this.#shared.store();
      this.#tell();
    }
    this.#chooseServing(now);
    this.watch.handleTimeout(now);
  }

  /** Whether the active member (this one) has a session with the peer, and no reason to think it dead. */
  isUp(peer: number, now: number): boolean {
    const { sessions, peers } = this.#node.tables;
    const slot = peers.session[peer];
    if (slot < 0 || now >= sessions.expiresAtMs[slot]) return false;
    const watched = this.watch.get(peer)?.verdict ?? 'unknown';
    if (watched !== 'unknown') return watched === 'up';
    const attemptsSinceMs = this.peerStatus(peer)?.attemptsSinceMs;
    if (attemptsSinceMs !== undefined && now - attemptsSinceMs > UNANSWERED_MS_MAX) {
      if (!this.#downAtMs.has(peer)) this.#downAtMs.set(peer, attemptsSinceMs);
    }
    const downAtMs = this.#downAtMs.get(peer);
    if (downAtMs === undefined) return true;
    if (peers.authenticatedReceivedAtMs[peer] <= downAtMs) return false;
    this.#downAtMs.delete(peer);
    return true;
  }

  /** Stores what is known, at the end of a run. */
  close(): void {
    if (this.#acting) this.#noteAll();
    this.watch.close();
    this.#shared?.timestamps.close();
    this.#shared?.store();
  }

  #useKey(clusterKey: Uint8Array | undefined, stateDir: string): void {
    const { peering, crypto, timers } = this.#parts;
    const { tables, wireguard, log } = this.#node;
    if (this.#device !== undefined) peering.detach(this.#device);
    this.#device = undefined;
    this.#clusterKey = clusterKey;
    if (clusterKey === undefined) return;
    this.#shared ??= new SharedKey(stateDir, log);
    this.#device = new WireGuard({
      privateKey: clusterKey,
      crypto,
      sessions: tables.sessions,
      peers: tables.peers,
      timestamps: this.#shared.timestamps,
      beside: wireguard,
      ...(timers && { timers }),
    });
    this.#device.silent = !this.#acting;
    peering.attach(this.#device);
  }

  /** Serves the peers that are not served yet. Partners are told how far our labels may go before the first is sent. */
  #serveAll(now: number): void {
    const device = this.#device;
    const shared = this.#shared;
    if (device === undefined || shared === undefined) return;
    shared.timestamps.reserveAhead(Date.now());
    this.#tell();
    for (const { number, external, presharedKey } of this.#peers.values()) {
      if (device.peerStatus(number) !== undefined) continue;
      const known = shared.get(external.publicKey);
      const endpointKnown = this.#setDialled(number, known);
      device.addPeer({
        index: number,
        publicKey: external.publicKey,
        presharedKey,
        persistentKeepaliveMs: external.persistentKeepaliveMs,
        initiate: 'always',
        endpointKnown,
        newestTimestamp: known?.newest,
      });
      device.startHandshake(number, now, Date.now());
      if (external.bfd !== undefined) this.watch.set(number, external.bfd);
    }
    this.#parts.peering.drain();
  }

  #leave(number: number): void {
    this.#device?.removePeer(number, this.#node.native.now());
    this.#parts.dialler.delete(number);
    this.watch.delete(number);
    this.#downAtMs.delete(number);
    this.#parts.peering.drain();
  }

  /** A peer is dialled where it was last, then where the configuration says. Returns whether there is any such place. */
  #setDialled(number: number, known: PeerNews | undefined): boolean {
    const configured = this.#peers.get(number)?.external.endpoints ?? [];
    const last = known?.endpoint;
    const lastText = last && { host: formatAddress(last.address), address: last.address, port: last.port };
    const endpoints = lastText === undefined ? configured : [lastText, ...configured];
    this.#parts.dialler.set(number, endpoints, UPLINK_SOCKET);
    if (last !== undefined) {
      this.#node.paths.publish(number, encodeEndpoint(last.address, last.port, UPLINK_SOCKET));
    }
    return endpoints.length > 0;
  }

  /** Takes note of labels and places of the peers that we serve. Returns whether anything is new. */
  #noteAll(): boolean {
    let anything = false;
    for (const { number, external } of this.#peers.values()) {
      const status = this.peerStatus(number);
      const record = this.#node.paths.current(number);
      if (status === undefined || this.#shared === undefined) continue;
      const { publicKey } = external;
      // A place counts once the peer has been heard there.
      const heard = status.slot >= 0 && record !== undefined;
      const endpoint = heard
        ? { address: endpointAddress(record).slice(), port: endpointPort(record) }
        : undefined;
      if (this.#shared.note({ publicKey, newest: status.newestTimestamp, endpoint })) anything = true;
    }
    return anything;
  }

  #tell(): void {
    const { directory } = this.#node;
    for (const bytes of this.#shared?.datagrams() ?? []) {
      for (const { number, partner } of directory.all) if (partner) this.#parts.send(number, bytes);
    }
  }

  #chooseServing(now: number): void {
    const { tables, cluster } = this.#node;
    const elsewhere = this.#acting ? -1 : cluster.servingElsewhere;
    let changed = false;
    for (const { number, target } of this.#peers.values()) {
      const serving = !this.#acting ? elsewhere : this.isUp(number, now) ? number : -1;
      if (tables.available[target] === serving) continue;
      Atomics.store(tables.available, target, serving);
      changed = true;
    }
    if (changed) Atomics.add(tables.era, 0, 1);
  }
}

/** What makes a peer another one; its number as a target may change. */
function identity(peer: Served | undefined): unknown {
  if (peer === undefined) return undefined;
  const { publicKey, endpoints, persistentKeepaliveMs, bfd } = peer.external;
  return { publicKey, endpoints, persistentKeepaliveMs, bfd, presharedKey: peer.presharedKey };
}
