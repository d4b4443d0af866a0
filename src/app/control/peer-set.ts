/**
 * Keeps the parts of the node that know peers in step with the configuration: protocol, dialler, liveness and tables.
 * A peer that stays is not disturbed; one whose preshared key has changed starts anew.
 */
import { isDeepStrictEqual } from 'node:util';
import type { WireGuard } from '../../core/wireguard/device.js';
import type { PeerTable } from '../../core/wireguard/tables.js';
import type { Dialler } from './dialler.js';
import type { Directory, Peer } from './directory.js';
import type { Liveness } from './liveness.js';
import type { Logger } from './log.js';
import type { Pathing } from './pathing.js';
import type { Peering } from './peering.js';

/** Preshared keys (32 bytes) by the index of the node that they are shared with. */
type PresharedKeys = ReadonlyMap<number, Uint8Array>;

interface PeerSetOptions {
  readonly directory: Directory;
  readonly wireguard: WireGuard;
  readonly peers: PeerTable;
  readonly dialler: Dialler;
  readonly pathing: Pathing;
  readonly peering: Peering;
  readonly liveness: Liveness;
  readonly log: Logger;
  /** Index of the socket by which partners on the LAN are reached. */
  readonly lanSocket: number;
  readonly now: () => number;
}

export class PeerSet {
  readonly #options: PeerSetOptions;
  /** BOUNDED by the directory's capacity. What is set up, by number. */
  #peers = new Map<number, Peer>();
  #keys: PresharedKeys = new Map();

  constructor(options: PeerSetOptions) {
    this.#options = options;
  }

  /** Brings everything in step with the directory. */
  update(keys: PresharedKeys): void {
    const before = this.#peers;
    const oldKeys = this.#keys;
    this.#keys = keys;
    this.#peers = new Map([...this.#options.directory.all].map((peer) => [peer.number, peer]));
    for (const peer of this.#peers.values()) {
      const old = before.get(peer.number);
      before.delete(peer.number);
      if (old === undefined) this.#add(peer);
      else this.#change(old, peer, oldKeys);
    }
    for (const gone of before.keys()) this.#remove(gone);
  }

  #add(peer: Peer): void {
    const { wireguard, peers, log } = this.#options;
    peers.cluster[peer.number] = peer.node.cluster;
    this.#dialAt(peer);
    wireguard.addPeer({
      index: peer.number,
      publicKey: peer.node.publicKey,
      presharedKey: this.#keys.get(peer.node.index),
      initiate: 'always',
      endpointKnown: peer.endpoints.length > 0,
    });
    log.debug({ event: 'peer-added', peer: peer.node.name });
  }

  #change(old: Peer, peer: Peer, oldKeys: PresharedKeys): void {
    const { wireguard, peers, now } = this.#options;
    if (oldKeys.get(old.node.index)?.join() !== this.#keys.get(peer.node.index)?.join()) {
      this.#remove(peer.number);
      this.#add(peer);
      return;
    }
    peers.cluster[peer.number] = peer.node.cluster;
    if (isDeepStrictEqual(old.endpoints, peer.endpoints)) return;
    this.#dialAt(peer);
    wireguard.setEndpointKnown(peer.number, peer.endpoints.length > 0, now());
  }

  #remove(peer: number): void {
    const { dialler, pathing, wireguard, liveness, peers, peering, now } = this.#options;
    dialler.delete(peer);
    pathing.delete(peer);
    wireguard.removePeer(peer, now());
    liveness.forget(peer);
    peers.cluster[peer] = -1;
    peering.drain();
  }

  #dialAt(peer: Peer): void {
    const { dialler, pathing, lanSocket } = this.#options;
    dialler.set(peer.number, peer.endpoints, peer.partner ? lanSocket : 0);
    pathing.set(peer.number, peer.node.name, peer.node.publicKey, peer.partner);
  }
}
