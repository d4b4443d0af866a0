/**
 * Who there is, as this node sees it: every cluster, its members, and what is known of each. Nodes are named, because a
 * rolling change of configuration must not make one node's word count for another; a peer number is how this process
 * calls the session with a node.
 */
import type { HeldLists } from './lists.js';
import type { MemberRecord } from './record.js';
import type { Epoch } from './register.js';

export interface RosterNode {
  readonly name: string;
  /** Number of our session with it; −1 for ourselves and for a node with which we can have none. */
  readonly peer: number;
}

export interface RosterCluster {
  readonly name: string;
  /** Whether it forwards between other clusters. */
  readonly gateway: boolean;
  /** The first is preferred. */
  readonly members: readonly RosterNode[];
}

export interface Roster {
  readonly clusters: readonly RosterCluster[];
  /** Index of our cluster. */
  readonly ownCluster: number;
  /** Our place in its members. */
  readonly ownMember: number;
}

export interface KnownCluster {
  readonly name: string;
  readonly gateway: boolean;
  readonly members: KnownNode[];
  /** The highest epoch under which a member is known to have acted. */
  epoch: Epoch | undefined;
}

export interface KnownNode {
  readonly name: string;
  readonly peer: number;
  readonly cluster: KnownCluster;
  readonly member: number;
  /** When anything authentic last came from it over our session; −Infinity: never. */
  receivedAtMs: number;
  /** Packets go there and come back. */
  up: boolean;
  upSinceMs: number;
  /** It has sent a hello since the session came up. */
  reported: boolean;
  record: MemberRecord | undefined;
  /** Of the newest hello. */
  hello: { readonly incarnation: number; readonly sequence: number } | undefined;
  /** What that said but its numbers, if it has one part. */
  said: Uint8Array | undefined;
  /** Members of our cluster from which it has lately received something. */
  shows: ReadonlySet<string>;
  /** Nodes with which it has sessions, and which it reaches through a hub. */
  direct: ReadonlySet<string>;
  throughHub: ReadonlySet<string>;
  /** Which lists of its hellos these are; undefined: they may have changed, or do not fit the roster. */
  lists: HeldLists | undefined;
  /** Lists of a hello whose other parts are still to come. */
  partial: { missing: Set<number>; direct: Set<string>; throughHub: Set<string> } | undefined;
  /** Its heartbeat counter as last read, and when it was seen to grow. */
  counter: number | undefined;
  beatAtMs: number;
  /** Whether it was heard directly, and on any channel, at the last evaluation. */
  heardHere: boolean;
  heard: boolean;
  heardAtMs: number;
  silentSinceMs: number | undefined;
}

const NOBODY: ReadonlySet<string> = new Set();

function newNode(name: string, peer: number, cluster: KnownCluster, member: number): KnownNode {
  return {
    name,
    peer,
    cluster,
    member,
    receivedAtMs: Number.NEGATIVE_INFINITY,
    up: false,
    upSinceMs: 0,
    reported: false,
    record: undefined,
    hello: undefined,
    said: undefined,
    shows: NOBODY,
    direct: NOBODY,
    throughHub: NOBODY,
    lists: undefined,
    partial: undefined,
    counter: undefined,
    beatAtMs: Number.NEGATIVE_INFINITY,
    heardHere: false,
    heard: false,
    heardAtMs: Number.NEGATIVE_INFINITY,
    silentSinceMs: undefined,
  };
}

/** The roster with what is known of everybody in it. BOUNDED by the roster. */
export class Directory {
  readonly clusters: readonly KnownCluster[];
  readonly own: KnownCluster;
  /** Ourselves: only name and place are of use. */
  readonly self: KnownNode;
  /** The other members of our cluster. */
  readonly partners: readonly KnownNode[];
  /** Nodes of other clusters. */
  readonly remotes: readonly KnownNode[];
  /** Partners and remotes. */
  readonly others: readonly KnownNode[];
  /** Clusters that forward for others, ours left out. */
  readonly hubs: readonly KnownCluster[];
  readonly #byName = new Map<string, KnownNode>();
  readonly #byPeer = new Map<number, KnownNode>();

  /** `before` hands over what was known of the nodes that stay in their clusters. */
  constructor(roster: Roster, before?: Directory) {
    this.clusters = roster.clusters.map((cluster) => {
      const known: KnownCluster = {
        name: cluster.name,
        gateway: cluster.gateway,
        // Of its final length: an array that grows by its first member keeps room for sixteen more.
        members: new Array<KnownNode>(cluster.members.length),
        epoch: undefined,
      };
      const old = before?.cluster(cluster.name);
      // A place in the list is part of an epoch: a changed list begins anew.
      const same =
        old !== undefined &&
        old.members.length === cluster.members.length &&
        old.members.every(({ name }, index) => name === cluster.members[index].name);
      if (same) known.epoch = old.epoch;
      cluster.members.forEach(({ name, peer }, member) => {
        const node = newNode(name, peer, known, member);
        const oldNode = old?.members.find((candidate) => candidate.name === name);
        if (oldNode !== undefined && same) Object.assign(node, { ...oldNode, peer, cluster: known, member });
        known.members[member] = node;
        this.#byName.set(name, node);
        if (peer >= 0) this.#byPeer.set(peer, node);
      });
      return known;
    });
    this.own = this.clusters[roster.ownCluster];
    this.self = this.own.members[roster.ownMember];
    this.partners = this.own.members.filter((node) => node !== this.self);
    this.remotes = this.clusters.filter((cluster) => cluster !== this.own).flatMap(({ members }) => members);
    this.others = [...this.partners, ...this.remotes];
    this.hubs = this.clusters.filter((cluster) => cluster.gateway && cluster !== this.own);
  }

  node(name: string): KnownNode | undefined {
    return this.#byName.get(name);
  }

  peer(peer: number): KnownNode | undefined {
    return this.#byPeer.get(peer);
  }

  cluster(name: string): KnownCluster | undefined {
    return this.clusters.find((cluster) => cluster.name === name);
  }
}
