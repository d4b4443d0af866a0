/**
 * What nodes tell each other: hellos in and out, and what is learnt from them. Whoever learns something that decides
 * roles tells at once those whom it concerns: a changed epoch everybody, a member's record the other members.
 */
import { assert } from '../base/assert.js';
import { hears } from './hearing.js';
import {
  encodeAcknowledgement,
  encodeHello,
  encodeItems,
  encodeKeeping,
  type HelloPart,
  parseHello,
  saidIn,
} from './hello.js';
import { heldOf, ListNumbers, type NumberedItems } from './lists.js';
import type { Output } from './outputs.js';
import { type Parts, Post } from './post.js';
import { isNewer, type MemberRecord } from './record.js';
import { compareEpochs, type Epoch } from './register.js';
import type { Directory, KnownCluster, KnownNode } from './roster.js';
import { type ClusterSettings, SAFETY_RULES } from './settings.js';
import type { Waits } from './waits.js';

export interface Reach {
  readonly direct: readonly string[];
  readonly throughHub: readonly string[];
}

export interface GossipCounters {
  hellosReceived: number;
  /** Not a hello of this version, or from nobody known. */
  hellosRefused: number;
  /** Overtaken by a newer one. */
  hellosStale: number;
}

const NO_ITEMS = { told: undefined, others: undefined };

export interface GossipHost {
  readonly settings: ClusterSettings;
  readonly waits: Waits;
  directory(): Directory;
  own(): MemberRecord;
  emit(output: Output): void;
  /** The highest epoch of our own cluster has risen by somebody's word. */
  onOwnEpoch(): void;
  /** Peers know a later start of this node: `incarnation` is the new one. */
  onIncarnation(incarnation: number): void;
}

export class Gossip {
  readonly counters: GossipCounters = { hellosReceived: 0, hellosRefused: 0, hellosStale: 0 };
  incarnation: number;
  reach: Reach = { direct: [], throughHub: [] };
  /** Something on which routes depend has changed; whoever acts on it clears it. */
  routesChanged = true;
  readonly #host: GossipHost;
  readonly #post: Post;
  /** Lists of the hellos of this round of sending, for those who are told our reach and for others; made when needed. */
  #items: { told: NumberedItems | undefined; others: NumberedItems | undefined } = NO_ITEMS;
  readonly #numbers = new ListNumbers<'told' | 'others'>();

  constructor(host: GossipHost, incarnation: number) {
    this.#host = host;
    this.incarnation = incarnation;
    this.#post = new Post(host.settings, (host.settings.rules ?? SAFETY_RULES).repeatHello);
  }

  /** A hello datagram of `peer`. Returns whether anything may follow from it. */
  handleHello(peer: number, bytes: Uint8Array, now: number): boolean {
    const node = this.#host.directory().peer(peer);
    const message = parseHello(bytes);
    if (node === undefined || message === undefined) {
      this.counters.hellosRefused++;
      return false;
    }
    node.receivedAtMs = Math.max(node.receivedAtMs, now);
    if (message.kind === 'acknowledgement') {
      const asks = this.#post.handleAcknowledged(peer, message, message.part, message.lists);
      return this.#raiseIncarnation(message.known) || asks;
    }
    this.counters.hellosReceived++;
    const said = message.parts === 1 ? saidIn(bytes) : undefined;
    if (this.#isKnown(node, message, said)) {
      node.hello = { incarnation: message.incarnation, sequence: message.sequence };
      this.#acknowledge(node, message, message.incarnation);
      return false;
    }
    node.said = undefined;
    this.#handlePart(node, message);
    node.said = said?.slice();
    return true;
  }

  /** A session came up or went down. */
  handleSession(node: KnownNode, up: boolean, now: number): void {
    node.up = up;
    this.routesChanged = true;
    if (up) {
      node.upSinceMs = now;
      this.#post.renew(node.peer);
      this.#ask(node);
    } else {
      node.reported = false;
    }
  }

  /** A newer record of `node`, or one that counts `regardless` of its age. */
  learnRecord(node: KnownNode, record: MemberRecord, regardless = false): void {
    if (!regardless && !isNewer(record, node.record)) return;
    if (node.record?.lan !== record.lan) this.routesChanged = true;
    node.record = record;
    this.#learnEpoch(node.cluster, record.epoch);
    if (node.heardHere) this.#markCluster(node.cluster);
  }

  /** Notices which nodes of other clusters have fallen silent or are heard again. */
  hearRemotes(): void {
    const { waits, settings, directory } = this.#host;
    for (const node of directory().remotes) {
      const heardHere = hears(node, waits, settings.detectionMs);
      if (heardHere === node.heardHere) continue;
      node.heardHere = heardHere;
      this.#markCluster(node.cluster);
    }
  }

  /** Everybody must hear of a change of our own record: at once, or soon. */
  markAll(urgent: boolean): void {
    for (const { peer } of this.#host.directory().others) if (peer >= 0) this.#post.mark(peer, urgent);
  }

  /** Forgets peers that are no longer in the roster. */
  forget(before: Directory): void {
    for (const { peer } of before.others) {
      if (this.#host.directory().peer(peer) === undefined) this.#post.delete(peer);
    }
    // Names that meant nothing may mean something now.
    for (const node of this.#host.directory().others) {
      node.said = undefined;
      node.lists = undefined;
      node.partial = undefined;
      this.#ask(node);
    }
    this.markAll(false);
    this.routesChanged = true;
  }

  /** Sends the hellos that are due. */
  send(): void {
    const { directory, waits, settings, emit } = this.#host;
    const { speaks = () => true, helloMs, helloRepeatMs } = settings;
    this.#items = { ...NO_ITEMS };
    const { others } = directory();
    // What must be renewed soon goes with what must be now: one wake-up, here and for the answers.
    const early = others.some(({ peer }) => peer >= 0 && speaks(peer) && this.#post.isStale(peer, waits));
    for (const node of others) {
      const { peer, up } = node;
      if (peer < 0) continue;
      if (!speaks(peer)) {
        // To write a hello costs more than to look again.
        waits.at(waits.now + (up ? helloRepeatMs : helloMs));
        continue;
      }
      const build = (sequence: number, held: number): Parts => this.#helloFor(node, sequence, held);
      this.#post.flush(peer, up, { incarnation: this.incarnation, early }, waits, build, (bytes) =>
        emit({ type: 'send', peer, bytes }),
      );
    }
  }

  #handlePart(node: KnownNode, hello: HelloPart): void {
    const known = Math.max(node.hello?.incarnation ?? 0, node.record?.incarnation ?? 0);
    const { incarnation, sequence } = hello;
    const last = node.hello;
    const overtaken = last !== undefined && incarnation === last.incarnation && sequence < last.sequence;
    if (incarnation < known || overtaken) this.counters.hellosStale++;
    if (overtaken) return;
    if (incarnation >= known) this.#learn(node, hello);
    this.#acknowledge(node, hello, known);
  }

  #learn(node: KnownNode, hello: HelloPart): void {
    const directory = this.#host.directory();
    // A new start knows nothing of us.
    if (hello.incarnation !== node.hello?.incarnation) this.#post.renew(node.peer);
    this.learnRecord(node, hello.record);
    for (const { cluster, epoch } of hello.epochs) this.#learnEpoch(directory.cluster(cluster), epoch);
    this.#learnLists(node, hello);
    if (hello.part !== 0) return;
    // Without its lists it has not said what it knows of epochs.
    const hasLists = !hello.keeps || heldOf(node.lists, hello.incarnation) === hello.revision;
    node.reported = node.up && (hasLists || node.reported);
    node.shows = new Set(hello.shows.map(({ name }) => name));
    for (const { name, record } of hello.shows) {
      const shown = directory.node(name);
      if (shown !== undefined && shown !== directory.self) this.learnRecord(shown, record);
    }
  }

  #acknowledge(node: KnownNode, { incarnation, sequence, part }: HelloPart, known: number): void {
    const lists = heldOf(node.lists, incarnation);
    const bytes = encodeAcknowledgement({ incarnation, sequence, part, known, lists });
    this.#host.emit({ type: 'send', peer: node.peer, bytes });
  }

  /** Has a node say everything anew, which may know nothing of why we need it. */
  #ask({ peer, hello }: KnownNode): void {
    if (hello === undefined || peer < 0) return;
    const bytes = encodeAcknowledgement({ ...hello, part: 0, known: hello.incarnation, lists: 0 });
    this.#host.emit({ type: 'send', peer, bytes });
  }

  /** Whether a hello repeats what the last one of a node said that has been heard all the time since. */
  #isKnown(node: KnownNode, message: HelloPart, said: Uint8Array | undefined): boolean {
    const { incarnation, sequence, revision } = message;
    const { hello, record } = node;
    if (revision !== undefined && heldOf(node.lists, incarnation) !== revision) return false;
    if (said === undefined || said.length !== node.said?.length || !node.heardHere || !node.reported)
      return false;
    if (hello?.incarnation !== incarnation || sequence < hello.sequence) return false;
    if ((record?.incarnation ?? 0) > incarnation) return false;
    for (let at = 0; at < said.length; at++) if (said[at] !== node.said[at]) return false;
    return true;
  }

  /** The lists of reached nodes count when all parts of one hello have come. */
  #learnLists(node: KnownNode, hello: HelloPart): void {
    const { incarnation, sequence, part, parts, revision, keeps } = hello;
    if (node.hello?.incarnation !== incarnation || node.hello.sequence !== sequence) {
      node.hello = { incarnation, sequence };
      const missing = new Set(Array.from({ length: parts }, (_, index) => index));
      node.partial = keeps ? undefined : { missing, direct: new Set(), throughHub: new Set() };
    }
    const { partial } = node;
    if (partial === undefined || !partial.missing.delete(part)) return;
    for (const name of hello.direct) partial.direct.add(name);
    for (const name of hello.throughHub) partial.throughHub.add(name);
    if (partial.missing.size > 0) return;
    this.routesChanged = true;
    node.direct = partial.direct;
    node.throughHub = partial.throughHub;
    node.lists = revision === undefined ? undefined : { incarnation, revision };
    node.partial = undefined;
  }

  #learnEpoch(cluster: KnownCluster | undefined, epoch: Epoch | undefined): void {
    if (cluster === undefined || epoch === undefined || epoch.member >= cluster.members.length) return;
    if (cluster.epoch !== undefined && compareEpochs(epoch, cluster.epoch) <= 0) return;
    cluster.epoch = epoch;
    this.routesChanged = true;
    if (cluster === this.#host.directory().own) this.#host.onOwnEpoch();
    // Of a single member nobody has to choose; a hub hears a thousand of them start.
    this.markAll(cluster.members.length > 1);
  }

  /** Members of `cluster` must hear that one of them is heard, or not, or has changed. */
  #markCluster(cluster: KnownCluster): void {
    for (const { peer } of cluster.members) if (peer >= 0) this.#post.mark(peer, true);
  }

  /** A sender that is behind what others know of it goes beyond it: its clock went back, or its disk was lost. */
  #raiseIncarnation(known: number): boolean {
    if (known <= this.incarnation) return false;
    this.incarnation = known + 1;
    this.#host.onIncarnation(this.incarnation);
    this.markAll(true);
    return true;
  }

  #helloFor(receiver: KnownNode, sequence: number, held: number): Parts {
    const { clusters, own, self } = this.#host.directory();
    assert(self !== receiver, 'nobody writes to itself');
    const shows = receiver.cluster.members.flatMap(({ name, record, heardHere }) =>
      name !== receiver.name && heardHere && record !== undefined ? [{ name, record }] : [],
    );
    // Reach matters to those who may forward through us: everybody if we are a hub, else our partners.
    const kind = own.gateway || receiver.cluster === own ? 'told' : 'others';
    this.#items[kind] ??= this.#numbers.number(
      kind,
      encodeItems({
        epochs: clusters.flatMap(({ name, epoch }) =>
          epoch === undefined ? [] : [{ cluster: name, epoch }],
        ),
        ...(kind === 'told' ? this.reach : { direct: [], throughHub: [] }),
      }),
    );
    const { revision, items } = this.#items[kind];
    const hello = { incarnation: this.incarnation, sequence, record: this.#host.own(), shows };
    const keeps = held === revision;
    const parts = keeps ? [encodeKeeping(hello, revision)] : encodeHello(hello, items, revision);
    return { parts, revision, keeps };
  }
}
