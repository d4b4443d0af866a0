/**
 * Runs this node's part in its cluster: feeds the ClusterNode (core/cluster) with what the node sees, and carries out
 * what it says, in its order: hellos, the register, the effects of a role (effects.ts), who serves each cluster.
 */
import { ClusterNode } from '../../core/cluster/cluster-node.js';
import type { Command, CommandResult } from '../../core/cluster/member.js';
import type { Output } from '../../core/cluster/outputs.js';
import { isActing, type Uplinks } from '../../core/cluster/record.js';
import { chooseServing, serving } from '../../core/cluster/serving.js';
import type { ClusterTimes } from '../../core/cluster/settings.js';
import type { Configuration } from '../../core/config/configuration.js';
import { AVAILABLE_HERE, type SharedTables } from '../../core/router/memory.js';
import { readCounter, writeCounter } from '../../edge/file/counter-file.js';
import type { Native } from '../../edge/native.js';
import type { Directory } from './directory.js';
import { effectText, isNotice } from './effect-text.js';
import { Effects } from './effects.js';
import { FailoverHistory } from './failover-history.js';
import type { Logger } from './log.js';
import { RegisterKeeper } from './register-keeper.js';
import { rosterOf } from './roster.js';
import type { LanAddresses } from './snapshot.js';
import type { WorkerWatch } from './worker-watch.js';

export interface ClusterKeeperOptions {
  readonly native: Native;
  readonly configuration: Configuration;
  readonly directory: Directory;
  readonly tables: SharedTables;
  readonly lan: LanAddresses;
  readonly log: Logger;
  readonly hash: (data: Uint8Array) => Uint8Array;
  readonly times: ClusterTimes;
  readonly worker: WorkerWatch;
  readonly uplinks: () => Uplinks;
  /** Whether packets go to the peer and come back. */
  readonly isUp: (peer: number, now: number) => boolean;
  readonly speaks: (peer: number) => boolean;
  readonly sendHello: (peer: number, bytes: Uint8Array) => void;
  readonly peerName: (peer: number) => string;
  /** This member has become, or stays, or ceases to be the one that acts. Called after the effects have begun. */
  readonly onActing: (acting: boolean) => void;
}

export class ClusterKeeper {
  readonly node: ClusterNode;
  readonly history = new FailoverHistory();
  readonly #options: ClusterKeeperOptions;
  readonly #register: RegisterKeeper;
  readonly effects: Effects;
  readonly #epochFile: string;
  #lanAnsweredAtMs: number | undefined;
  #carrier: boolean | undefined;
  #dataPlane = true;
  #uplinks: Uplinks | undefined;
  #draining = false;
  #isSoon = false;
  #isClosed = false;
  #why = 'start';

  constructor(options: ClusterKeeperOptions) {
    const { native, configuration, log } = options;
    const { clusters, cluster, local } = configuration;
    this.#options = options;
    this.#epochFile = `${local.stateDir}/epoch`;
    this.#register = new RegisterKeeper({
      ...options,
      timeoutMs: options.times.commandTimeoutMs,
      now: () => native.now(),
    });
    this.effects = new Effects({
      ...options,
      highestEpoch: () => this.node.directory.own.epoch,
      onEvent: (event) => {
        const text = effectText(event);
        if (text === undefined) return;
        if (isNotice(event)) this.history.handleNotice(text, native.now());
        else this.history.handleEffect(text, native.now());
      },
    });
    this.node = new ClusterNode({
      roster: rosterOf(configuration, options.directory),
      settings: {
        ...options.times,
        failback: clusters[cluster].failback,
        redis: this.#register.present,
        ownLanProbes: true,
        speaks: options.speaks,
      },
      incarnation: Date.now(),
      storedN: readCounter(this.#epochFile),
      now: native.now(),
    });
    log.debug({ event: 'cluster-started', cluster: clusters[cluster].name });
  }

  /** Whether a Redis is configured. */
  get hasRegister(): boolean {
    return this.#register.present;
  }

  /** The peer to which goes what our cluster serves while we do not act; −1 nobody. */
  get servingElsewhere(): number {
    const { directory } = this.node;
    return serving(directory, directory.own)?.peer ?? -1;
  }

  /** Looks at sessions, LAN and time. Call it often; returns when it wants to be called next (ms on the node's clock). */
  handleTimeout(now: number): number {
    const { directory, tables, isUp } = this.#options;
    this.node.hold();
    for (const { number: peer } of directory.all) {
      const heardAtMs = tables.peers.authenticatedReceivedAtMs[peer];
      if (heardAtMs > 0) this.node.handleReceived(peer, Math.min(heardAtMs, now), now);
      this.node.handleSession(peer, isUp(peer, now), now);
    }
    this.node.handleTimeout(now);
    this.effects.lan?.handleTimeout(now);
    this.#lookAtLan(now);
    this.#lookAtHealth(now);
    this.#register.look(this.node, now);
    this.node.handleTimeout(now);
    this.drain();
    return this.node.nextDeadline();
  }

  /** Has handleTimeout called once for all that comes in this turn of the event loop: sessions come by the hundred. */
  handleSoon(): void {
    if (this.#isSoon || this.#isClosed) return;
    this.#isSoon = true;
    setImmediate(() => {
      this.#isSoon = false;
      if (!this.#isClosed) this.handleTimeout(this.#options.native.now());
    });
  }

  handleHello(peer: number, bytes: Uint8Array, now: number): void {
    this.node.handleHello(peer, bytes, now);
    this.drain();
  }

  /** The data plane has stopped itself: whoever can takes the role. */
  handleFault(now: number): void {
    this.#options.worker.fail();
    this.#lookAtHealth(now);
    this.drain();
  }

  /** Of the last change of role. */
  get why(): string {
    return this.#why;
  }

  handleCommand(command: Command, now: number): CommandResult {
    const result = this.node.handleCommand(command, now);
    this.#options.log.info({ event: 'role-command', command, result });
    this.drain();
    return result;
  }

  /** The configuration has changed. */
  handleConfiguration(configuration: Configuration, now: number): void {
    this.effects.configure(configuration);
    this.#register.configure(configuration);
    this.node.handleRoster(rosterOf(configuration, this.#options.directory), now);
    this.drain();
  }

  /** Gives up what is still held, where no partner took the role, and closes what was opened. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { role, epoch } = this.node.member;
    if (isActing(role) && epoch !== undefined) this.effects.becomeStandby(epoch, 'this node stops');
    await this.effects.close();
    await this.#register.close();
  }

  /** Carries out every output, in order. Answers of the register come later and are drained in their turn. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (let output = this.node.pollOutput(); output !== undefined; output = this.node.pollOutput()) {
      this.#carryOut(output);
    }
    this.#draining = false;
  }

  #carryOut(output: Output): void {
    const { log, sendHello } = this.#options;
    switch (output.type) {
      case 'persist':
        this.#persist(output.epochN);
        break;
      case 'send':
        sendHello(output.peer, output.bytes);
        break;
      case 'act':
        this.effects.becomeActive(output.epoch, output.why);
        this.#options.onActing(true);
        break;
      case 'rest':
        if (output.epoch !== undefined) this.effects.becomeStandby(output.epoch, output.why);
        this.#options.onActing(false);
        break;
      case 'beat':
        this.#ask(this.#register.beat(output.beat), (answer, now) => this.node.handleBeat(answer, now));
        break;
      case 'claim':
        this.#ask(this.#register.claim(output.claim), (answer, now) => this.node.handleClaim(answer, now));
        break;
      case 'routes':
        this.#chooseServing();
        break;
      case 'probe-lan':
        // Never: the LAN keeper probes at its own pace, and its answers are looked at in handleTimeout.
        break;
      case 'event': {
        const { name, why, from, to, evidence } = output.event;
        this.history.handleEvent(output.event, Date.now() - this.#options.native.now());
        if (name === 'role-changed') this.#why = why;
        log.info({ event: name, why, from, to, evidence });
        break;
      }
    }
  }

  #ask<T>(answering: Promise<T | undefined>, handle: (answer: T | undefined, now: number) => void): void {
    void answering.then((answer) => {
      handle(answer, this.#options.native.now());
      this.drain();
    });
  }

  #persist(epochN: number): void {
    try {
      writeCounter(this.#epochFile, epochN);
    } catch (error) {
      this.#options.log.error({ event: 'epoch-not-stored', reason: String(error) });
    }
  }

  #chooseServing(): void {
    const { tables, configuration, log, peerName } = this.#options;
    const before = tables.available.slice();
    if (!chooseServing(this.node.directory, AVAILABLE_HERE, tables.available)) return;
    Atomics.add(tables.era, 0, 1);
    const serving = configuration.clusters.flatMap(({ name }, index) => {
      const peer = tables.available[index];
      if (peer === before[index]) return [];
      return [`${name}: ${peer < 0 ? 'nobody' : peer === AVAILABLE_HERE ? 'here' : peerName(peer)}`];
    });
    log.info({ event: 'serving-changed', serving });
  }

  #lookAtLan(now: number): void {
    const { lan } = this.effects;
    if (lan === undefined) return;
    const silent = this.node.directory.partners.some((partner) => !partner.heardHere);
    lan.setPartnerSilent(silent);
    const { answeredAtMs } = lan.watch;
    if (answeredAtMs !== undefined && answeredAtMs !== this.#lanAnsweredAtMs) {
      this.#lanAnsweredAtMs = answeredAtMs;
      this.node.handleLanAnswer(now);
    }
  }

  /** Whether the data plane worked at the last look. */
  get works(): boolean {
    return this.#dataPlane;
  }

  #lookAtHealth(now: number): void {
    const dataPlane = this.#options.worker.look(now, this.node.directory.partners.length > 0);
    const carrier = this.effects.lan?.watch.carrier ?? true;
    const uplinks = this.#options.uplinks();
    const sameUplinks = uplinks.usable === this.#uplinks?.usable && uplinks.lost === this.#uplinks.lost;
    if (carrier === this.#carrier && dataPlane === this.#dataPlane && sameUplinks) return;
    this.#carrier = carrier;
    this.#dataPlane = dataPlane;
    this.#uplinks = uplinks;
    this.node.handleHealth({ dataPlane, lanCarrier: carrier, uplinks }, now);
  }
}
