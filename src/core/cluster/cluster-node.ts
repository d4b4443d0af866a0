/**
 * Everything that this node knows and decides about clusters: hellos in and out, the heartbeat, the LAN, the role of this
 * member. Sans-IO: time is an argument (ms, a clock that never steps), outputs are polled.
 *
 * AFTER EACH INPUT, POLL OUTPUTS UNTIL THERE IS NONE, CARRYING OUT EACH BEFORE THE NEXT; THEN ASK FOR THE NEXT DEADLINE
 * AND CALL handleTimeout AT IT. After a pause of the process, hand over what has queued before handleTimeout.
 */
import { assert } from '../base/assert.js';
import { hearPartners, hears, reachOf, witnessesOf } from './hearing.js';
import { encodeAcknowledgement, encodeHello, type HelloPart, parseHello } from './hello.js';
import { LanHealth } from './lan.js';
import { type Command, type CommandResult, Member } from './member.js';
import {
  type ClusterEvent,
  type ClusterEventName,
  type Evidence,
  epochText,
  type Output,
} from './outputs.js';
import { Post } from './post.js';
import {
  encodeRecord,
  highest,
  isActing,
  isNewer,
  type MemberRecord,
  parseRecordText,
  type Role,
} from './record.js';
import { type BeatAnswer, type ClaimAnswer, compareEpochs, type Epoch } from './register.js';
import { RegisterLink } from './register-link.js';
import { Directory, type KnownCluster, type KnownNode, type Roster } from './roster.js';
import { type ClusterSettings, SAFETY_RULES } from './settings.js';
import { Waits } from './waits.js';

export interface ClusterNodeOptions {
  readonly roster: Roster;
  readonly settings: ClusterSettings;
  /** Unix ms at process start, or any number that grows with each start. */
  readonly incarnation: number;
  /** n as last stored by a `persist` output; 0 if there is none. */
  readonly storedN: number;
  readonly now: number;
}

export interface LocalHealth {
  /** The data plane forwards. */
  readonly dataPlane: boolean;
  readonly lanCarrier: boolean;
  /** Some uplink is usable. */
  readonly uplink: boolean;
}

export interface ClusterCounters {
  hellosReceived: number;
  hellosRefused: number;
  hellosStale: number;
  recordsRefused: number;
}

/** Evaluation repeats while it changes roles; more rounds than roles would be a loop between rules. */
const ROUNDS_MAX = 8;

export class ClusterNode {
  readonly member: Member;
  readonly register: RegisterLink;
  readonly counters: ClusterCounters = {
    hellosReceived: 0,
    hellosRefused: 0,
    hellosStale: 0,
    recordsRefused: 0,
  };
  readonly #settings: ClusterSettings;
  readonly #waits = new Waits();
  readonly #lan: LanHealth;
  readonly #post: Post;
  /** BOUNDED: drained after every input. */
  readonly #outputs: Output[] = [];
  #directory: Directory;
  #incarnation: number;
  #record: MemberRecord;
  #uplink = true;
  #lastNow: number;
  #routesChanged = true;
  #reach = { direct: [] as string[], throughHub: [] as string[] };

  constructor(options: ClusterNodeOptions) {
    const { settings, roster, incarnation, now } = options;
    const rules = settings.rules ?? SAFETY_RULES;
    this.#settings = settings;
    this.#incarnation = incarnation;
    this.#lastNow = now;
    this.#directory = new Directory(roster);
    this.#lan = new LanHealth(settings);
    this.#post = new Post(settings, rules.repeatHello);
    this.register = new RegisterLink(settings);
    this.#record = {
      incarnation,
      sequence: 0,
      role: 'standby',
      epoch: undefined,
      able: true,
      lan: true,
      lanProven: false,
      serve: false,
      held: false,
      score: 0,
    };
    const host = {
      settings,
      register: this.register,
      lan: this.#lan,
      waits: this.#waits,
      directory: () => this.#directory,
      own: () => this.#record,
      emit: (output: Output) => this.#emit(output),
      event: (name: ClusterEventName, why: string, change?: { from: Role; to: Role }) =>
        this.#event(name, why, change),
      announce: () => this.#announce(),
    };
    this.member = new Member(host, options.storedN, now);
  }

  get record(): MemberRecord {
    return this.#record;
  }

  get directory(): Directory {
    return this.#directory;
  }

  /** What is known now, as in events; for `twinspan cluster`. */
  get evidence(): Evidence {
    return this.#evidence();
  }

  /** Something authentic came from `peer` at `atMs` (≤ now). Cheap; call it for every peer at each look at the tables. */
  handleReceived(peer: number, atMs: number, now: number): void {
    const node = this.#directory.peer(peer);
    if (node === undefined || atMs <= node.receivedAtMs) return;
    node.receivedAtMs = atMs;
    // Time is noted silently unless it ends a silence, or a jump must be noticed.
    if (!node.heardHere || now - this.#lastNow > this.#settings.isolationMs) this.#settle(now);
  }

  /** Packets go to `peer` and come back (up), or do not any more. */
  handleSession(peer: number, up: boolean, now: number): void {
    const node = this.#directory.peer(peer);
    if (node === undefined || node.up === up) return;
    node.up = up;
    this.#routesChanged = true;
    if (up) {
      node.upSinceMs = now;
      this.#post.mark(peer, true);
    } else {
      node.reported = false;
    }
    this.#settle(now);
  }

  /** A hello datagram of `peer`. */
  handleHello(peer: number, bytes: Uint8Array, now: number): void {
    const node = this.#directory.peer(peer);
    const message = parseHello(bytes);
    if (node === undefined || message === undefined) {
      this.counters.hellosRefused++;
      return;
    }
    node.receivedAtMs = Math.max(node.receivedAtMs, now);
    if (message.kind === 'acknowledgement') {
      this.#post.handleAcknowledged(peer, message, message.part);
      if (!this.#raiseIncarnation(message.known)) return;
    } else {
      this.counters.hellosReceived++;
      this.#handlePart(node, message, now);
    }
    this.#settle(now);
  }

  /** The answer of a `beat`; undefined: none came. */
  handleBeat(answer: BeatAnswer | undefined, now: number): void {
    const before = this.register.answering;
    this.register.handleBeat(answer, now);
    for (const { member, counter, text } of answer?.records ?? []) {
      const node = this.#directory.own.members[member];
      if (node === undefined || node === this.#directory.self) continue;
      const grew = node.counter !== undefined && counter > node.counter;
      node.counter = counter;
      if (!grew) continue;
      node.beatAtMs = now;
      const record = parseRecordText(text);
      if (record === undefined) this.counters.recordsRefused++;
      // A growing counter is written by a living process: its incarnation is the present one, even if it is lower.
      else
        this.#learnRecord(node, record, record.incarnation !== node.record?.incarnation && !node.heardHere);
    }
    this.#noteRegister(before);
    this.#settle(now);
  }

  /** The answer of a `claim`; undefined: none came. */
  handleClaim(answer: ClaimAnswer | undefined, now: number): void {
    const before = this.register.answering;
    this.register.handleClaim(answer, now);
    this.#waits.begin(now);
    this.member.handleClaim(answer, now);
    this.#noteRegister(before);
    this.#settle(now);
  }

  handleHealth(health: LocalHealth, now: number): void {
    this.member.dataPlane = health.dataPlane;
    this.#lan.handleCarrier(health.lanCarrier, now);
    this.#uplink = health.uplink;
    this.#settle(now);
  }

  /** A host of the LAN has answered a probe. */
  handleLanAnswer(now: number): void {
    this.#lan.handleAnswer(now);
    // Time is noted silently unless it ends a silence or a claim waits for it.
    if (!this.#lan.proven || this.#alert()) this.#settle(now);
  }

  handleCommand(command: Command, now: number): CommandResult {
    this.#notice(now);
    this.#prepare(now);
    const result = this.member.handleCommand(command);
    this.#settle(now);
    return result;
  }

  /** The configuration has changed. */
  handleRoster(roster: Roster, now: number): void {
    const before = this.#directory;
    this.#directory = new Directory(roster, before);
    this.#routesChanged = true;
    for (const { peer } of before.others)
      if (this.#directory.peer(peer) === undefined) this.#post.delete(peer);
    this.#settle(now);
  }

  handleTimeout(now: number): void {
    this.#settle(now);
  }

  /** Takes one output; undefined: there is none. */
  pollOutput(): Output | undefined {
    return this.#outputs.shift();
  }

  nextDeadline(): number {
    return Math.min(this.#waits.nextDeadline(), this.#lastNow + this.#settings.isolationMs / 2);
  }

  // ------------------------------------------------------------------------------------------------ what others say

  #handlePart(node: KnownNode, hello: HelloPart, now: number): void {
    const known = Math.max(node.hello?.incarnation ?? 0, node.record?.incarnation ?? 0);
    const { incarnation, sequence, part } = hello;
    const acknowledge = (): void => {
      this.#emit({
        type: 'send',
        peer: node.peer,
        bytes: encodeAcknowledgement({ incarnation, sequence, part, known }),
      });
    };
    if (incarnation < known) {
      this.counters.hellosStale++;
      acknowledge();
      return;
    }
    const last = node.hello;
    if (last !== undefined && incarnation === last.incarnation && sequence < last.sequence) {
      this.counters.hellosStale++;
      return;
    }
    acknowledge();
    this.#learnRecord(node, hello.record, false);
    for (const { cluster, epoch } of hello.epochs)
      this.#learnEpoch(this.#directory.cluster(cluster), epoch, now);
    this.#learnLists(node, hello);
    if (hello.part !== 0) return;
    node.reported = node.up;
    node.shows = new Set(hello.shows.map(({ name }) => name));
    for (const { name, record } of hello.shows) {
      const shown = this.#directory.node(name);
      if (shown !== undefined && shown !== this.#directory.self) this.#learnRecord(shown, record, false);
    }
  }

  /** The lists of reached nodes count when all parts of one hello have come. */
  #learnLists(node: KnownNode, hello: HelloPart): void {
    const { incarnation, sequence, part, parts } = hello;
    if (node.hello?.incarnation !== incarnation || node.hello.sequence !== sequence) {
      node.hello = { incarnation, sequence };
      const missing = new Set(Array.from({ length: parts }, (_, index) => index));
      node.partial = { sequence, missing, direct: new Set(), throughHub: new Set() };
    }
    const { partial } = node;
    if (partial === undefined || !partial.missing.delete(part)) return;
    for (const name of hello.direct) partial.direct.add(name);
    for (const name of hello.throughHub) partial.throughHub.add(name);
    if (partial.missing.size > 0) return;
    this.#routesChanged = true;
    node.direct = partial.direct;
    node.throughHub = partial.throughHub;
    node.partial = undefined;
  }

  #learnRecord(node: KnownNode, record: MemberRecord, regardless: boolean): void {
    if (!regardless && !isNewer(record, node.record)) return;
    if (node.record?.lan !== record.lan) this.#routesChanged = true;
    node.record = record;
    this.#learnEpoch(node.cluster, record.epoch, this.#lastNow);
    if (node.heardHere) this.#markCluster(node.cluster);
  }

  #learnEpoch(cluster: KnownCluster | undefined, epoch: Epoch | undefined, now: number): void {
    if (cluster === undefined || epoch === undefined || epoch.member >= cluster.members.length) return;
    if (cluster.epoch !== undefined && compareEpochs(epoch, cluster.epoch) <= 0) return;
    cluster.epoch = epoch;
    this.#routesChanged = true;
    if (cluster === this.#directory.own) this.member.noteRoleMoved(now);
    for (const { peer } of this.#directory.others) if (peer >= 0) this.#post.mark(peer, true);
  }

  /** Members of `cluster` must hear that one of them is heard, or not, or has changed. */
  #markCluster(cluster: KnownCluster): void {
    for (const { peer } of cluster.members) if (peer >= 0) this.#post.mark(peer, true);
  }

  #raiseIncarnation(known: number): boolean {
    if (known <= this.#incarnation) return false;
    this.#incarnation = known + 1;
    this.#record = { ...this.#record, incarnation: this.#incarnation };
    this.#event('incarnation-raised', 'peers know a later start of this node than the present one');
    for (const { peer } of this.#directory.others) if (peer >= 0) this.#post.mark(peer, true);
    return true;
  }

  #noteRegister(before: boolean): void {
    const { answering } = this.register;
    if (answering !== before) {
      this.#event(
        answering ? 'register-back' : 'register-lost',
        answering ? 'Redis answers' : 'Redis does not answer',
      );
    }
  }

  // ------------------------------------------------------------------------------------------------------ evaluation

  /** Notices that the process stood still. */
  #notice(now: number): void {
    assert(now >= this.#lastNow, 'time does not go back');
    const jumpMs = now - this.#lastNow;
    this.#lastNow = now;
    if (jumpMs <= this.#settings.isolationMs) return;
    this.#waits.begin(now);
    this.register.handleJump(now);
    this.member.handleJump(now, jumpMs);
  }

  #settle(now: number): void {
    this.#notice(now);
    for (let round = 0; ; round++) {
      assert(round < ROUNDS_MAX, 'the rules come to rest');
      this.#prepare(now);
      if (!this.member.evaluate()) break;
    }
    this.#refreshRecord();
    this.#converse();
  }

  /** Brings hearing, LAN and the own record up to date. */
  #prepare(now: number): void {
    const waits = this.#waits;
    waits.begin(now);
    const directory = this.#directory;
    for (const node of directory.remotes) {
      const heardHere = hears(node, waits, this.#settings.detectionMs);
      if (heardHere === node.heardHere) continue;
      node.heardHere = heardHere;
      this.#markCluster(node.cluster);
    }
    for (const change of hearPartners(directory, waits, this.#settings)) {
      const { node, heard } = change;
      this.#event(
        heard ? 'partner-heard' : 'partner-silent',
        `${node.name} is ${heard ? 'heard again' : 'not heard on any channel'}`,
      );
    }
    const alert = this.#alert();
    const proven = directory.partners.some((node) => node.heard && node.record?.lanProven === true);
    this.#lan.judge(waits, alert, proven);
    this.#refreshRecord();
  }

  #alert(): boolean {
    return this.#directory.partners.some((node) => !node.heard);
  }

  /** Computes the record anew; a change gives it the next sequence and is told to everybody. */
  #refreshRecord(): void {
    const { member } = this;
    const acting = isActing(member.role);
    const settledMs = acting ? 0 : this.#settings.settledSessionMs;
    const reach = this.#uplink
      ? reachOf(this.#directory, this.#waits, settledMs)
      : { direct: [], throughHub: [], score: 0 };
    const before = this.#record;
    const { able, held, role } = member;
    const lan = this.#lan.usable;
    const serve = able && lan && (reach.score > 0 || this.#directory.remotes.length === 0);
    const epoch = acting ? highest(member.epoch, undefined) : this.#directory.own.epoch;
    const lanProven = this.#lan.proven;
    const urgent =
      before.role !== role ||
      before.able !== able ||
      before.lan !== lan ||
      before.serve !== serve ||
      before.lanProven !== lanProven ||
      before.held !== held ||
      before.epoch?.n !== epoch?.n ||
      before.epoch?.member !== epoch?.member;
    const listsChanged =
      !sameList(reach.direct, this.#reach.direct) || !sameList(reach.throughHub, this.#reach.throughHub);
    this.#reach = reach;
    if (!urgent && !listsChanged && before.score === reach.score) return;
    const sequence = before.sequence + 1;
    const { score } = reach;
    this.#record = {
      incarnation: this.#incarnation,
      sequence,
      role,
      epoch,
      able,
      lan,
      lanProven,
      serve,
      held,
      score,
    };
    for (const { peer } of this.#directory.others) if (peer >= 0) this.#post.mark(peer, urgent);
    if (urgent) this.register.hurry();
  }

  #announce(): void {
    this.#refreshRecord();
    this.#sendHellos();
  }

  /** Everything that goes out without a change of role. */
  #converse(): void {
    if (this.#routesChanged) this.#emit({ type: 'routes' });
    this.#routesChanged = false;
    this.#sendHellos();
    if (this.register.takeBeat(this.#waits)) {
      const acting = isActing(this.member.role) ? this.member.epoch : undefined;
      const text = JSON.stringify(encodeRecord(this.#record));
      this.#emit({ type: 'beat', beat: { member: this.#directory.self.member, text, acting } });
    }
    if (this.#directory.partners.length > 0 && this.#lan.takeProbe(this.#waits, this.#alert())) {
      this.#emit({ type: 'probe-lan' });
    }
  }

  #sendHellos(): void {
    for (const node of this.#directory.others) {
      if (node.peer < 0) continue;
      const build = (sequence: number): readonly Uint8Array[] => this.#helloFor(node, sequence);
      const send = (bytes: Uint8Array): void => this.#emit({ type: 'send', peer: node.peer, bytes });
      this.#post.flush(node.peer, node.up, this.#incarnation, this.#waits, build, send);
    }
  }

  #helloFor(receiver: KnownNode, sequence: number): Uint8Array[] {
    const { clusters, own, self } = this.#directory;
    const shows = receiver.cluster.members.flatMap(({ name, record, heardHere }) =>
      name !== receiver.name && heardHere && record !== undefined ? [{ name, record }] : [],
    );
    const epochs = clusters.flatMap(({ name, epoch }) =>
      epoch === undefined ? [] : [{ cluster: name, epoch }],
    );
    // Reach matters to those who may forward through us: everybody if we are a hub, else our partners.
    const tells = own.gateway || receiver.cluster === own;
    const { direct, throughHub } = tells ? this.#reach : { direct: [], throughHub: [] };
    assert(self !== receiver, 'nobody writes to itself');
    return encodeHello({
      incarnation: this.#incarnation,
      sequence,
      record: this.#record,
      shows,
      epochs,
      direct,
      throughHub,
    });
  }

  #emit(output: Output): void {
    this.#outputs.push(output);
  }

  #event(name: ClusterEventName, why: string, change?: { from: Role; to: Role }): void {
    const event: ClusterEvent = { name, atMs: this.#lastNow, why, ...change, evidence: this.#evidence() };
    this.#emit({ type: 'event', event });
  }

  #evidence(): Evidence {
    const { role, epoch, able, lan, serve, score } = this.#record;
    const ago = (atMs: number): number | null =>
      atMs === Number.NEGATIVE_INFINITY ? null : this.#lastNow - atMs;
    return {
      role,
      epoch: epochText(epoch),
      register: this.register.answering ? epochText(this.register.register) : 'no answer',
      able,
      lan,
      serve,
      score,
      partners: this.#directory.partners.map((node) => ({
        name: node.name,
        heard: node.heard,
        lanMs: ago(node.receivedAtMs),
        redisMs: ago(node.beatAtMs),
        witnesses: witnessesOf(node, this.#directory).map(({ name }) => name),
        role: node.record?.role ?? null,
        epoch: epochText(node.record?.epoch),
        able: node.record?.able ?? null,
        lan: node.record?.lan ?? null,
        serve: node.record?.serve ?? null,
        score: node.record?.score ?? null,
      })),
    };
  }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
