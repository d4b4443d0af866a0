/**
 * Everything that this node knows and decides about clusters: hellos in and out, the heartbeat, the LAN, the role of this
 * member. Sans-IO: time is an argument (ms, a clock that never steps), outputs are polled.
 *
 * AFTER EACH INPUT, POLL OUTPUTS UNTIL THERE IS NONE, CARRYING OUT EACH BEFORE THE NEXT; THEN ASK FOR THE NEXT DEADLINE
 * AND CALL handleTimeout AT IT. After a pause of the process, hand over what has queued before handleTimeout.
 */
import { assert } from '../base/assert.js';
import { evidenceOf } from './evidence.js';
import { Gossip, type GossipCounters, type Reach } from './gossip.js';
import { hearPartners, reachOf } from './hearing.js';
import { LanHealth } from './lan.js';
import { type Command, type CommandResult, Member } from './member.js';
import type { ClusterEvent, ClusterEventName, Evidence, Output } from './outputs.js';
import {
  encodeRecord,
  isActing,
  type MemberRecord,
  ONE_UPLINK,
  parseRecordText,
  type Role,
  type Uplinks,
} from './record.js';
import type { BeatAnswer, ClaimAnswer } from './register.js';
import { RegisterLink } from './register-link.js';
import { Directory, type Roster } from './roster.js';
import type { ClusterSettings } from './settings.js';
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
  readonly uplinks: Uplinks;
}

/** Evaluation repeats while it changes roles; more rounds than roles would be a loop between rules. */
const ROUNDS_MAX = 8;

/** A gap of this part of the detection time between two inputs is a pause of the process. */
const PAUSE = 0.5;

export class ClusterNode {
  readonly member: Member;
  readonly register: RegisterLink;
  /** Heartbeats of partners that held no record. */
  recordsRefused = 0;
  readonly #settings: ClusterSettings;
  readonly #waits = new Waits();
  readonly #lan: LanHealth;
  readonly #gossip: Gossip;
  /** BOUNDED: drained after every input. */
  readonly #outputs: Output[] = [];
  #directory: Directory;
  #record: MemberRecord;
  #uplinks = ONE_UPLINK;
  #lastNow: number;
  #hasSettled = false;
  /** Inputs are being held; and something among them asks for a decision. */
  #holds = false;
  #heldNews = false;

  constructor(options: ClusterNodeOptions) {
    const { settings, roster, incarnation, now } = options;
    this.#settings = settings;
    this.#lastNow = now;
    this.#directory = new Directory(roster);
    this.#lan = new LanHealth(settings);
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
      uplinks: ONE_UPLINK,
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
      onOwnEpoch: () => this.member.noteRoleMoved(this.#lastNow),
      onIncarnation: (raised: number) => this.#raiseIncarnation(raised),
    };
    this.#gossip = new Gossip(host, incarnation);
    this.member = new Member(host, options.storedN, now);
  }

  get record(): MemberRecord {
    return this.#record;
  }

  get directory(): Directory {
    return this.#directory;
  }

  get counters(): GossipCounters {
    return this.#gossip.counters;
  }

  /** The nodes of other clusters that this one reaches. */
  get reach(): Reach {
    return this.#gossip.reach;
  }

  /** What is known now, as in events; for `twinspan cluster`. */
  get evidence(): Evidence {
    return evidenceOf(this.#record, this.#directory, this.register, this.#lastNow);
  }

  /**
   * Takes what handleReceived and handleSession say until the next handleTimeout as one look at all peers: what follows is
   * decided once, and not for each of thousands of them.
   */
  hold(): void {
    this.#holds = true;
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
    this.#notice(now);
    this.#gossip.handleSession(node, up, now);
    this.#settle(now);
  }

  /** A hello datagram of `peer`. */
  handleHello(peer: number, bytes: Uint8Array, now: number): void {
    this.#notice(now);
    if (this.#gossip.handleHello(peer, bytes, now)) this.#settle(now);
  }

  /** The answer of a `beat`; undefined: none came. */
  handleBeat(answer: BeatAnswer | undefined, now: number): void {
    this.#notice(now);
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
      if (record === undefined) {
        this.recordsRefused++;
        continue;
      }
      // A growing counter is written by a living process: its incarnation is the present one, even if it is lower.
      const restarted = record.incarnation !== node.record?.incarnation && !node.heardHere;
      this.#gossip.learnRecord(node, record, restarted);
    }
    this.#noteRegister(before);
    this.#settle(now);
  }

  /** The answer of a `claim`; undefined: none came. */
  handleClaim(answer: ClaimAnswer | undefined, now: number): void {
    this.#notice(now);
    const before = this.register.answering;
    this.register.handleClaim(answer, now);
    this.#waits.begin(now);
    this.member.handleClaim(answer, now);
    this.#noteRegister(before);
    this.#settle(now);
  }

  handleHealth(health: LocalHealth, now: number): void {
    this.#notice(now);
    this.member.dataPlane = health.dataPlane;
    this.#lan.handleCarrier(health.lanCarrier, now);
    this.#uplinks = health.uplinks;
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
    this.#gossip.forget(before);
    this.#settle(now);
  }

  /** Time has passed: whatever hangs on time alone waits for a deadline, and before it nothing can change. */
  handleTimeout(now: number): void {
    const news = this.#heldNews;
    this.#holds = false;
    this.#heldNews = false;
    const isPause = now - this.#lastNow > this.#settings.detectionMs * PAUSE;
    // What would fall due before the next look has mostly been put off by what has been heard since.
    const soon = now + (this.#settings.detectionMs * PAUSE) / 2 >= this.#waits.nextDeadline();
    if (!this.#hasSettled || news || isPause || soon) this.#settle(now);
    else this.#notice(now);
  }

  /** Takes one output; undefined: there is none. */
  pollOutput(): Output | undefined {
    return this.#outputs.shift();
  }

  nextDeadline(): number {
    // Never so late that the wait itself looks like a pause.
    return Math.min(this.#waits.nextDeadline(), this.#lastNow + (this.#settings.detectionMs * PAUSE) / 2);
  }

  #raiseIncarnation(incarnation: number): void {
    this.#record = { ...this.#record, incarnation };
    this.#event('incarnation-raised', 'peers know a later start of this node than the present one');
  }

  #noteRegister(before: boolean): void {
    const { answering } = this.register;
    if (answering === before) return;
    if (answering) this.#event('register-back', 'Redis answers');
    else this.#event('register-lost', 'Redis does not answer');
  }

  /** Notices that the process stood still. */
  #notice(now: number): void {
    assert(now >= this.#lastNow, 'time does not go back');
    const jumpMs = now - this.#lastNow;
    this.#lastNow = now;
    if (jumpMs > this.#settings.detectionMs * PAUSE) this.member.handlePause(now);
    if (jumpMs <= this.#settings.isolationMs) return;
    this.#waits.begin(now);
    this.register.handleJump(now);
    this.member.handleJump(now, jumpMs);
  }

  #settle(now: number): void {
    if (this.#holds) {
      this.#heldNews = true;
      return;
    }
    this.#hasSettled = true;
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
    this.#gossip.hearRemotes();
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

  /** A partner is silent over the LAN: it is dead, or this LAN is. Then the LAN is probed faster. */
  #alert(): boolean {
    return this.#directory.partners.some((node) => !node.heardHere);
  }

  /** Computes the record anew; a change gives it the next sequence and is told to everybody. */
  #refreshRecord(): void {
    const { member } = this;
    const acting = isActing(member.role);
    const settledMs = acting ? 0 : this.#settings.settledSessionMs;
    const uplinks = this.#uplinks;
    const reach =
      uplinks.usable > 0
        ? reachOf(this.#directory, this.#waits, settledMs)
        : { direct: [], throughHub: [], score: 0 };
    const before = this.#record;
    const { able, held, role } = member;
    const lan = this.#lan.usable;
    // Where there are no others, what is served is local breakout.
    const reachesOut = reach.score > 0 || (uplinks.usable > 0 && this.#directory.remotes.length === 0);
    const serve = able && lan && reachesOut;
    const epoch = acting ? member.epoch : this.#directory.own.epoch;
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
    const told = this.#gossip.reach;
    const listsChanged = !sameList(reach.direct, told.direct) || !sameList(reach.throughHub, told.throughHub);
    this.#gossip.reach = reach;
    const same = before.score === reach.score && before.uplinks === uplinks;
    if (!urgent && !listsChanged && same) return;
    const sequence = before.sequence + 1;
    const { score } = reach;
    this.#record = {
      incarnation: this.#gossip.incarnation,
      sequence,
      role,
      epoch,
      able,
      lan,
      lanProven,
      serve,
      held,
      score,
      uplinks,
    };
    this.#gossip.markAll(urgent);
    if (urgent) this.register.hurry();
  }

  #announce(): void {
    this.#refreshRecord();
    this.#gossip.send();
  }

  /** Everything that goes out without a change of role. */
  #converse(): void {
    if (this.#gossip.routesChanged) this.#emit({ type: 'routes' });
    this.#gossip.routesChanged = false;
    this.#gossip.send();
    if (this.register.takeBeat(this.#waits)) {
      const acting = isActing(this.member.role) ? this.member.epoch : undefined;
      const text = JSON.stringify(encodeRecord(this.#record));
      this.#emit({ type: 'beat', beat: { member: this.#directory.self.member, text, acting } });
    }
    if (this.#settings.ownLanProbes === true || this.#directory.partners.length === 0) return;
    if (this.#lan.takeProbe(this.#waits, this.#alert())) this.#emit({ type: 'probe-lan' });
  }

  #emit(output: Output): void {
    this.#outputs.push(output);
  }

  #event(name: ClusterEventName, why: string, change?: { from: Role; to: Role }): void {
    const event: ClusterEvent = { name, atMs: this.#lastNow, why, ...change, evidence: this.evidence };
    this.#emit({ type: 'event', event });
  }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
