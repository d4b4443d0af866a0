/**
 * One simulated machine: a process that runs the real cluster code, its disk, its kernel (which keeps the VIP for its
 * lifetime and queues packets while the process is frozen), and the probes that tell sessions up or down.
 */
import { ClusterNode } from '../../src/core/cluster/cluster-node.js';
import type { ClusterEvent, Output } from '../../src/core/cluster/outputs.js';
import { epochText } from '../../src/core/cluster/outputs.js';
import { isActing, type Uplinks } from '../../src/core/cluster/record.js';
import type { Epoch } from '../../src/core/cluster/register.js';
import type { Roster } from '../../src/core/cluster/roster.js';
import { chooseServing } from '../../src/core/cluster/serving.js';
import type { ClusterSettings } from '../../src/core/cluster/settings.js';
import type { SimCluster } from './layout.js';
import type { World } from './world.js';

const TICK_MS = 25;
const HANDSHAKE_RETRY_MS = 1_000;
const VIP_LIFETIME_MS = 2_000;
const VIP_REFRESH_MS = 500;
/** What a socket's buffer holds; what comes later is lost. */
const INBOX_MAX = 300;
export const HERE = 0x7fff_ffff;

interface Session {
  readonly peer: number;
  readonly name: string;
  readonly site: string | undefined;
  /** Which life of the other process the keys belong to; 0: none. */
  life: number;
  triedAtMs: number;
  answeredAtMs: number;
  up: boolean;
}

export type Packet =
  | { readonly kind: 'probe'; readonly life: number; readonly forLife: number }
  | { readonly kind: 'answer'; readonly life: number; readonly forLife: number }
  | { readonly kind: 'initiation'; readonly life: number }
  | { readonly kind: 'response'; readonly life: number; readonly forLife: number }
  | { readonly kind: 'hello'; readonly life: number; readonly forLife: number; readonly bytes: Uint8Array };

export class SimNode {
  readonly name: string;
  readonly site: SimCluster;
  readonly available: Int32Array;
  core: ClusterNode | undefined;
  life = 0;
  frozen = false;
  dataPlane = true;
  uplinks: Uplinks = { usable: 3, lost: 0 };
  wallOffsetMs = 0;
  storedN = 0;
  /** The kernel holds the cluster address until then. */
  vipUntilMs = 0;
  startedAtMs = 0;
  /** Of the newest `act` of any life whose disk was kept. */
  actedEpoch: Epoch | undefined;
  actedAtMs = 0;
  readonly sessions = new Map<string, Session>();
  readonly #world: World;
  readonly #roster: Roster;
  readonly #settings: ClusterSettings;
  #inbox: (() => void)[] = [];
  #timer = 0;
  #vipRefreshAtMs = 0;

  constructor(world: World, name: string, site: SimCluster, roster: Roster, settings: ClusterSettings) {
    this.#world = world;
    this.name = name;
    this.site = site;
    this.#roster = roster;
    this.#settings = settings;
    this.available = new Int32Array(roster.clusters.length + 1).fill(-1);
  }

  get running(): boolean {
    return this.core !== undefined && !this.frozen;
  }

  get acting(): boolean {
    return this.core !== undefined && isActing(this.core.member.role);
  }

  get epoch(): Epoch | undefined {
    return this.core?.member.epoch;
  }

  /** Whom the node sends to for a cluster: a node's name, undefined = nobody. */
  routeTo(cluster: number): string | undefined {
    const peer = this.available[cluster];
    return [...this.sessions.values()].find((session) => session.peer === peer)?.name;
  }

  start(): void {
    const { clock } = this.#world;
    this.life = this.#world.nextLife();
    this.frozen = false;
    this.startedAtMs = clock.now;
    this.vipUntilMs = 0;
    this.sessions.clear();
    this.#roster.clusters.forEach((cluster, index) => {
      for (const { name, peer } of cluster.members) {
        if (peer < 0) continue;
        const site = index === this.#roster.ownCluster ? this.site.name : undefined;
        const never = Number.NEGATIVE_INFINITY;
        this.sessions.set(name, {
          peer,
          name,
          site,
          life: 0,
          triedAtMs: never,
          answeredAtMs: never,
          up: false,
        });
      }
    });
    this.core = new ClusterNode({
      roster: this.#roster,
      settings: this.#settings,
      incarnation: Math.max(1, Math.round(clock.now + 1_000_000_000 + this.wallOffsetMs)),
      storedN: this.storedN,
      now: clock.now,
    });
    this.#health();
    this.#tick(this.life, 0);
  }

  kill(): void {
    this.core = undefined;
    this.#inbox = [];
    this.available.fill(-1);
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    const inbox = this.#inbox;
    this.#inbox = [];
    // Timers that are overdue may run before sockets are read.
    const timersFirst = this.#world.random.chance(0.5);
    if (timersFirst) this.#timeout(this.life);
    if (timersFirst && this.core !== undefined) this.#tick(this.life, 0);
    for (const input of inbox) input();
    if (timersFirst) return;
    this.#timeout(this.life);
    if (this.core !== undefined) this.#tick(this.life, 0);
  }

  /** What the machine itself knows: data plane and LAN carrier. */
  healthChanged(): void {
    this.#input(this.life, () => this.#health());
  }

  command(kind: 'drain' | 'undrain' | 'failover'): boolean {
    const { core } = this;
    if (core === undefined || this.frozen) return false;
    const command = kind === 'failover' ? { kind, to: undefined } : { kind };
    this.#world.orderedAtMs = this.#world.clock.now;
    const result = core.handleCommand(command, this.#world.clock.now);
    this.#drain();
    return result.ok;
  }

  receive(from: string, packet: Packet): void {
    this.#input(this.life, () => this.#handlePacket(from, packet));
  }

  /** Something happened to this life of the process; while it is frozen, it waits. */
  #input(life: number, act: () => void): void {
    if (this.core === undefined || life !== this.life) return;
    if (!this.frozen) act();
    else if (this.#inbox.length < INBOX_MAX) this.#inbox.push(() => this.#input(life, act));
  }

  #handlePacket(from: string, packet: Packet): void {
    const session = this.sessions.get(from);
    const { core } = this;
    const { now } = this.#world.clock;
    if (session === undefined || core === undefined) return;
    if (packet.kind === 'initiation') {
      session.life = packet.life;
      this.#send(session, { kind: 'response', life: this.life, forLife: packet.life });
    } else if (packet.forLife !== this.life) {
      return;
    } else if (packet.kind === 'response') {
      session.life = packet.life;
    } else if (packet.life !== session.life) {
      return;
    }
    if (packet.kind === 'probe')
      this.#send(session, { kind: 'answer', life: this.life, forLife: packet.life });
    if (packet.kind === 'answer') {
      session.answeredAtMs = now;
      if (!session.up) {
        session.up = true;
        core.handleSession(session.peer, true, now);
      }
    }
    core.handleReceived(session.peer, now, now);
    if (packet.kind === 'hello') core.handleHello(session.peer, packet.bytes, now);
    this.#drain();
  }

  #send(session: Session, packet: Packet): void {
    const { links, clock } = this.#world;
    const delay = links.delay(this.name, session.name, session.site);
    if (delay !== undefined)
      clock.after(delay, () => this.#world.node(session.name).receive(this.name, packet));
  }

  #tick(life: number, count: number): void {
    const { core } = this;
    if (core === undefined || this.frozen || life !== this.life) return;
    const { now } = this.#world.clock;
    for (const session of this.sessions.values()) {
      const silent = now - session.answeredAtMs > this.#settings.detectionMs;
      if (session.up && silent) {
        session.up = false;
        core.handleSession(session.peer, false, now);
      }
      if ((session.life === 0 || silent) && now - session.triedAtMs >= HANDSHAKE_RETRY_MS) {
        session.triedAtMs = now;
        this.#send(session, { kind: 'initiation', life: this.life });
      }
      if (session.life !== 0 && count % 3 === 0) {
        this.#send(session, { kind: 'probe', life: this.life, forLife: session.life });
      }
    }
    if (core.member.role !== 'standby' && this.acting && now >= this.#vipRefreshAtMs) this.#holdVip();
    this.#drain();
    this.#world.clock.after(TICK_MS, () => this.#tick(life, count + 1));
  }

  #holdVip(): void {
    const { now } = this.#world.clock;
    this.#world.checks.held(this);
    this.vipUntilMs = now + VIP_LIFETIME_MS;
    this.#vipRefreshAtMs = now + VIP_REFRESH_MS;
  }

  #health(): void {
    const { clock, links } = this.#world;
    const lanCarrier = links.of(this.name).carrier;
    this.core?.handleHealth({ dataPlane: this.dataPlane, lanCarrier, uplinks: this.uplinks }, clock.now);
    this.#drain();
  }

  #timeout(life: number): void {
    this.#input(life, () => {
      this.core?.handleTimeout(this.#world.clock.now);
      this.#drain();
    });
  }

  #drain(): void {
    const { core } = this;
    if (core === undefined) return;
    for (let output = core.pollOutput(); output !== undefined; output = core.pollOutput())
      this.#carryOut(output);
    const timer = ++this.#timer;
    const { life } = this;
    this.#world.clock.at(core.nextDeadline(), () => {
      if (timer === this.#timer) this.#timeout(life);
    });
  }

  #carryOut(output: Output): void {
    const world = this.#world;
    world.onOutput?.(this, output);
    switch (output.type) {
      case 'persist':
        this.storedN = output.epochN;
        break;
      case 'send': {
        const session = [...this.sessions.values()].find(({ peer }) => peer === output.peer);
        if (session !== undefined && session.life !== 0) {
          this.#send(session, { kind: 'hello', life: this.life, forLife: session.life, bytes: output.bytes });
        }
        break;
      }
      case 'act':
        this.#holdVip();
        world.acted(this, output.epoch);
        break;
      case 'rest':
        this.vipUntilMs = 0;
        break;
      case 'beat':
        this.#ask(
          (redis) => redis.beat(output.beat),
          (answer, now) => this.core?.handleBeat(answer, now),
        );
        break;
      case 'claim':
        this.#ask(
          (redis) => redis.claim(output.claim),
          (answer, now) => this.core?.handleClaim(answer, now),
        );
        break;
      case 'routes':
        this.#route();
        break;
      case 'probe-lan':
        this.#probeLan();
        break;
      case 'event':
        this.#note(output.event);
        break;
    }
  }

  #route(): void {
    if (this.core === undefined) return;
    const byEpoch = this.#settings.rules?.routeByEpoch ?? true;
    chooseServing(this.core.directory, HERE, this.available, byEpoch);
  }

  #probeLan(): void {
    const { links, clock } = this.#world;
    const { life } = this;
    if (!this.site.hosts || !links.lanWorks(this.name, this.site.name)) return;
    if (links.lost(links.of(this.name).lan.loss)) return;
    clock.after(1, () =>
      this.#input(life, () => {
        this.core?.handleLanAnswer(clock.now);
        this.#drain();
      }),
    );
  }

  /** One command: there, executed, back; no answer after the timeout. */
  #ask<T>(
    command: (redis: NonNullable<ReturnType<World['redisOf']>>) => T,
    handle: (answer: T | undefined, now: number) => void,
  ): void {
    const world = this.#world;
    const { life } = this;
    const redis = world.redisOf(this.site);
    let done = false;
    const finish = (answer: T | undefined): void => {
      if (done) return;
      done = true;
      this.#input(life, () => {
        handle(answer, world.clock.now);
        this.#drain();
      });
    };
    world.clock.after(this.#settings.commandTimeoutMs, () => finish(undefined));
    if (redis === undefined || !world.redisReachable(this)) return;
    const delay = world.redisDelay();
    if (!redis.up) {
      world.clock.after(2 * delay, () => finish(undefined));
      return;
    }
    world.clock.after(delay, () =>
      redis.execute(
        () => command(redis),
        (answer) => {
          if (world.redisReachable(this)) world.clock.after(delay, () => finish(answer));
        },
      ),
    );
  }

  #note({ name, why, from, to, evidence }: ClusterEvent): void {
    const change = from === undefined ? name : `${from} → ${to}`;
    this.#world.note(
      `${this.name}: ${change}: ${why} (epoch ${epochText(this.epoch)}, register ${evidence.register})`,
    );
    if (name === 'role-changed') this.#world.roleChanged(this);
  }
}
