/**
 * A snapshot is everything the packet path knows about the network: compiled routes and NATs, who the peers are, our
 * own addresses. The control thread edits the truth, compiles a whole new snapshot and hands it to the workers, which
 * swap it in between two batches; so no packet ever joins old tables with new ones. Where routes alone have changed, their
 * table may be the same one, edited (route/live.ts); the new snapshot then only says that what was remembered is stale.
 *
 * What changes many times a minute (which member serves a cluster, sessions, paths) is not in here but in the live
 * shared tables, so that a failover needs no compilation.
 */
import { NatView } from '../nat/map.js';
import { RouteView } from '../route/table.js';

/** How far a peer's source addresses are believed (reverse-path check). */
export const TRUST_OWN_ROUTES = 0;
/** A gateway cluster forwards for others: any routed source except our own network. */
export const TRUST_HUB = 1;
/** Our partner: any routed source. */
export const TRUST_PARTNER = 2;

/** Of `peerWatch`: family, four words of each address as Parsed has them; IPv4 addresses are the first of their words. */
export const WATCH_WORDS = 9;

/** What happens to a site host that no inside NAT covers. */
export const UNMATCHED_DROP = 0;
export const UNMATCHED_IDENTITY = 1;

/**
 * Plain data: this is what is posted to a worker. Clusters are targets 0 … clusterCount − 1; WAN is clusterCount; those
 * beyond are the external peers that our own cluster serves.
 */
export interface Snapshot {
  readonly generation: number;
  readonly routes: SharedArrayBuffer;
  readonly nat: SharedArrayBuffer;
  readonly clusterCount: number;
  readonly ownCluster: number;
  readonly unmatched: number;
  /** Largest inner packet, in bytes. */
  readonly mtu: number;
  /** Our LAN address, the source of ICMP errors towards the site; 0 or four zero words where there is none. */
  readonly lanAddress4: number;
  readonly lanAddress6: readonly [number, number, number, number];
  /** Control address (IPv6 ULA) of this node, and of each peer: four signed words each, as Parsed has them. */
  readonly ownControl: readonly [number, number, number, number];
  readonly peerControl: Int32Array;
  /** WATCH_WORDS of each peer: family (0: none), our address and the peer's, between which it speaks BFD. */
  readonly peerWatch: Int32Array;
  /** TRUST_ number of each peer. */
  readonly peerTrust: Uint8Array;
}

/** The target number of local breakout. */
export function wanTarget(snapshot: Snapshot): number {
  return snapshot.clusterCount;
}

/** A snapshot opened for reading: the compiled tables with their views. */
export class SnapshotView {
  readonly data: Snapshot;
  readonly routes: RouteView;
  readonly nat: NatView;
  readonly ownCluster: number;
  readonly wan: number;
  readonly mtu: number;

  constructor(data: Snapshot) {
    this.data = data;
    this.routes = new RouteView(data.routes);
    this.nat = new NatView(data.nat);
    this.ownCluster = data.ownCluster;
    this.wan = wanTarget(data);
    this.mtu = data.mtu;
  }
}
