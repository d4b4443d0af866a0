/**
 * Who the peers are: peer numbers for the nodes of the configuration with which this node can have a session. A number
 * belongs to a public key for the life of the process, so a reload that moves nodes around disturbs no session.
 */

import { assert } from '../../core/base/assert.js';
import { formatKey } from '../../core/base/key.js';
import type { HostPort } from '../../core/config/address.js';
import {
  type Configuration,
  type ExternalConfiguration,
  endpointsOf,
  externalsOf,
  type NodeConfiguration,
  type RouteConfiguration,
} from '../../core/config/configuration.js';

export interface Peer {
  readonly number: number;
  readonly node: NodeConfiguration;
  /** Where we dial it; empty: it dials us. */
  readonly endpoints: readonly HostPort[];
  /** It is another member of our cluster, reached over the LAN. */
  readonly partner: boolean;
}

/** A plain WireGuard router that our cluster serves; it has a session with the active member alone. */
export interface ExternalPeer {
  readonly number: number;
  readonly external: ExternalConfiguration;
  /** Its number as the target of routes. */
  readonly target: number;
}

/** How many targets routes may have: the clusters, the WAN, and every external peer. */
export function targetCount({ clusters, externals }: Configuration): number {
  return clusters.length + 1 + externals.length;
}

/** The number of a route's target: an external peer's own with the members that serve it, its cluster's elsewhere; −1: none. */
export function targetNumber(
  { clusters, cluster }: Configuration,
  { target, external }: Pick<RouteConfiguration, 'target' | 'external'>,
): number {
  if (target === 'blackhole') return -1;
  if (target === 'wan') return clusters.length;
  return external !== undefined && target === cluster ? clusters.length + 1 + external : target;
}

/** Peers that may be added by a reload without a restart. */
export const SPARE = 64;

export class Directory {
  readonly capacity: number;
  readonly #numbers = new Map<string, number>();
  /** BOUNDED by `capacity`. By peer number. */
  #peers = new Map<number, Peer>();
  #externals: readonly ExternalPeer[] = [];

  constructor(configuration: Configuration) {
    this.capacity = configuration.nodes.length + configuration.externals.length + SPARE;
    this.update(configuration);
  }

  /** Takes the peers of a (new) configuration, for which there is room. */
  update(configuration: Configuration): void {
    const peers = new Map<number, Peer>();
    for (const node of configuration.nodes) {
      if (node.index === configuration.self || !canMeet(configuration, node)) continue;
      const number = this.#numberOf(node.publicKey);
      const partner = node.cluster === configuration.cluster;
      peers.set(number, { number, node, endpoints: endpointsOf(configuration, node), partner });
    }
    this.#peers = peers;
    this.#externals = externalsOf(configuration).map((external) => ({
      number: this.#numberOf(external.publicKey),
      external,
      target: targetNumber(configuration, { target: external.cluster, external: external.index }),
    }));
  }

  /** Whether the peers of `configuration` that are new still get numbers. */
  hasRoomFor(configuration: Configuration): boolean {
    const nodes = configuration.nodes.filter(
      (node) => node.index !== configuration.self && canMeet(configuration, node),
    );
    const fresh = [...nodes, ...externalsOf(configuration)].filter(
      ({ publicKey }) => !this.#numbers.has(formatKey(publicKey)),
    );
    return this.#numbers.size + fresh.length <= this.capacity;
  }

  get all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get(number: number): Peer | undefined {
    return this.#peers.get(number);
  }

  /** The external peers that our cluster serves. */
  get externals(): readonly ExternalPeer[] {
    return this.#externals;
  }

  /** Name of a peer, for people. */
  nameOf(number: number): string {
    const external = this.#externals.find((peer) => peer.number === number);
    return external?.external.name ?? this.get(number)?.node.name ?? `peer ${number}`;
  }

  #numberOf(publicKey: Uint8Array): number {
    const key = formatKey(publicKey);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#numbers.size;
      assert(number < this.capacity, 'room for a peer');
      this.#numbers.set(key, number);
    }
    return number;
  }
}

/** Two nodes can have a session when at least one can dial the other: by an endpoint, or over the LAN they share. */
function canMeet(configuration: Configuration, node: NodeConfiguration): boolean {
  const self = configuration.nodes[configuration.self];
  const weAreDialled =
    self.endpoints.length > 0 || (node.cluster === configuration.cluster && self.lanEndpoint !== undefined);
  return weAreDialled || endpointsOf(configuration, node).length > 0;
}
