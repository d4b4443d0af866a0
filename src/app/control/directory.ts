/**
 * Who the peers are: peer numbers for the nodes of the configuration with which this node can have a session. A number
 * belongs to a public key for the life of the process, so a reload that moves nodes around disturbs no session.
 */

import { assert } from '../../core/base/assert.js';
import { formatKey } from '../../core/base/key.js';
import type { HostPort } from '../../core/config/address.js';
import { type Configuration, endpointsOf, type NodeConfiguration } from '../../core/config/configuration.js';

export interface Peer {
  readonly number: number;
  readonly node: NodeConfiguration;
  /** Where we dial it; empty: it dials us. */
  readonly endpoints: readonly HostPort[];
  /** It is another member of our cluster, reached over the LAN. */
  readonly partner: boolean;
}

/** Peers that may be added by a reload without a restart. */
export const SPARE = 64;

export class Directory {
  readonly capacity: number;
  readonly #numbers = new Map<string, number>();
  /** BOUNDED by `capacity`. By peer number. */
  #peers = new Map<number, Peer>();

  constructor(configuration: Configuration) {
    this.capacity = configuration.nodes.length + SPARE;
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
  }

  /** Whether the peers of `configuration` that are new still get numbers. */
  hasRoomFor(configuration: Configuration): boolean {
    const fresh = configuration.nodes.filter(
      (node) =>
        node.index !== configuration.self &&
        canMeet(configuration, node) &&
        !this.#numbers.has(formatKey(node.publicKey)),
    );
    return this.#numbers.size + fresh.length <= this.capacity;
  }

  get all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get(number: number): Peer | undefined {
    return this.#peers.get(number);
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
