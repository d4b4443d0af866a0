/**
 * Two nodes with uplinks and a network between them, in virtual time: addresses, delay, loss, cuts, NAT. Each node has a
 * PathManager for the other; the tunnel between them is taken for granted, so an inner packet is simply carried.
 */
import { encodeEndpoint, endpointAddress, endpointPort } from '../../src/core/base/endpoint.js';
import { SeededRandom } from '../../src/core/base/random.js';
import { Parsed } from '../../src/core/packet/parsed.js';
import { BFD_REFUSALS } from '../../src/core/path/bfd-packet.js';
import { BFD_ECHO_PORT, BFD_TTL } from '../../src/core/path/datagram.js';
import { writeEchoAnswer } from '../../src/core/path/echo.js';
import { PACE_DEFAULT } from '../../src/core/path/pacing.js';
import type { Path, PathSettings, RemoteEndpoint, Uplink } from '../../src/core/path/path.js';
import { PathManager } from '../../src/core/path/path-manager.js';
import { address } from './packets.js';

export const PORT = 51_820;
const INNER = { a: address('fd00::a'), b: address('fd00::b') };

export interface UplinkPlan {
  readonly name: string;
  readonly address: string;
  readonly cost?: number;
}

export interface NodePlan {
  readonly uplinks: readonly UplinkPlan[];
  /** What this node knows of the other: addresses, or names with the address they resolve to. */
  readonly knows: readonly (string | { readonly name: string; readonly address: string })[];
  readonly settings?: Partial<PathSettings>;
}

function text(record: Uint8Array): string {
  return [...endpointAddress(record)].join('.');
}

export class Node {
  readonly name: 'a' | 'b';
  manager: PathManager;
  /** Where the packets of each socket seem to come from: address and port, after NAT. */
  readonly outside = new Map<number, { address: string; port: number }>();
  readonly plan: NodePlan;
  readonly #world: World;
  readonly #buffer = new Uint8Array(1_500);
  readonly #parsed = new Parsed();
  /** Discriminators given out; a restart goes on counting. */
  #discriminator: number;
  /** Changes of the path in use, by time; the first is not one. */
  readonly uses: number[] = [];

  constructor(world: World, name: 'a' | 'b', plan: NodePlan) {
    this.#world = world;
    this.name = name;
    this.plan = plan;
    this.#discriminator = name === 'a' ? 100 : 200;
    plan.uplinks.forEach((uplink, socket) => {
      this.outside.set(socket, { address: uplink.address, port: PORT });
    });
    this.manager = this.start();
  }

  /** A process that has just started: it remembers nothing. */
  start(): PathManager {
    const random = new SeededRandom(this.#world.random.uint32());
    const settings: PathSettings = {
      pace: PACE_DEFAULT,
      echoMs: 200,
      requiredMinEchoRxMs: 50,
      fastWhileDownMs: 30_000,
      offloaded: false,
      random: () => random.fraction(),
      mtuBytes: () => 0,
      newDiscriminator: () => ++this.#discriminator,
      refusals: new Uint32Array(BFD_REFUSALS.length),
      ...this.plan.settings,
    };
    const [own, peer] = this.name === 'a' ? [INNER.a, INNER.b] : [INNER.b, INNER.a];
    this.manager = new PathManager(settings, own, peer, this.#world.now);
    this.manager.setTopology(this.uplinks(), this.endpoints(), this.#world.now);
    return this.manager;
  }

  uplinks(): Uplink[] {
    return this.plan.uplinks.map(({ name, cost = 10 }, id) => ({
      id,
      name,
      socket: id,
      cost,
      v4: true,
      v6: false,
    }));
  }

  endpoints(): RemoteEndpoint[] {
    return this.plan.knows.map((known) => {
      const isName = typeof known !== 'string';
      const where = isName ? known.address : known;
      return { key: isName ? known.name : known, address: address(where), port: PORT, isName, cost: 0 };
    });
  }

  receive(bytes: Uint8Array, from: Uint8Array): void {
    const { now } = this.#world;
    if (this.#parsed.parse(bytes, 0, bytes.length) !== 0) throw new Error('malformed');
    if (this.#parsed.destinationPort === BFD_ECHO_PORT && this.#parsed.ttl === BFD_TTL) {
      const length = writeEchoAnswer(bytes, this.#parsed);
      this.#world.carry(this, bytes.subarray(0, length), from);
      return;
    }
    this.manager.handleDatagram(bytes, this.#parsed, from, now);
    this.drain();
  }

  tick(): void {
    if (this.#world.now >= this.manager.nextDeadline()) this.manager.handleTimeout(this.#world.now);
    this.drain();
  }

  drain(): void {
    const { manager } = this;
    for (let event = manager.pollEvent(); event; event = manager.pollEvent()) {
      const { kind, ...rest } = event;
      if (kind === 'use' && event.from !== undefined) this.uses.push(this.#world.now);
      const words = Object.entries(rest).map(([key, value]) => `${key}=${this.#word(key, value)}`);
      this.#world.say(`${this.name}: ${kind} ${words.join(' ')}`);
    }
    for (
      let length = manager.pollTransmit(this.#buffer, 3);
      length > 0;
      length = manager.pollTransmit(this.#buffer, 3)
    ) {
      const via = manager.transmitVia as Path;
      this.#world.carry(this, this.#buffer.slice(3, 3 + length), via.endpoint);
    }
  }

  #word(key: string, value: unknown): string {
    const path =
      key === 'path' || key === 'from' ? this.manager.paths.find(({ id }) => id === value) : undefined;
    return path ? `"${path.name}"` : value === '' ? '""' : `${value}`;
  }
}

export class World {
  now = 1_000;
  readonly random: SeededRandom;
  readonly nodes: readonly [Node, Node];
  readonly lines: string[] = [];
  readonly delayMs = 10;
  /** Loss by address: what comes from or goes to it is lost at this rate, each way. */
  readonly loss = new Map<string, number>();
  /** Largest inner packet, by address likewise. */
  readonly narrow = new Map<string, number>();
  readonly #flying: { atMs: number; to: Node; bytes: Uint8Array; from: Uint8Array }[] = [];

  constructor(seed: number, a: NodePlan, b: NodePlan) {
    this.random = new SeededRandom(seed);
    this.nodes = [new Node(this, 'a', a), new Node(this, 'b', b)];
    for (const node of this.nodes) node.drain();
  }

  get a(): Node {
    return this.nodes[0];
  }

  get b(): Node {
    return this.nodes[1];
  }

  say(line: string): void {
    this.lines.push(`${((this.now - 1_000) / 1_000).toFixed(3).padStart(9)}  ${line}`);
  }

  /** Carries a packet of `from` to the endpoint `to`. */
  carry(from: Node, bytes: Uint8Array, to: Uint8Array): void {
    const outside = from.outside.get(to[1]);
    const other = from === this.a ? this.b : this.a;
    const wanted = { address: text(to), port: endpointPort(to) };
    const socket = [...other.outside].find(
      ([, { address, port }]) => address === wanted.address && port === wanted.port,
    );
    if (outside === undefined || socket === undefined) return;
    const lost = [outside.address, wanted.address].some((each) =>
      this.random.chance(this.loss.get(each) ?? 0),
    );
    const fits = [outside.address, wanted.address].every(
      (each) => bytes.length <= (this.narrow.get(each) ?? Number.POSITIVE_INFINITY),
    );
    if (lost || !fits) return;
    const source = encodeEndpoint(address(outside.address), outside.port, socket[0]);
    this.#flying.push({ atMs: this.now + this.delayMs, to: other, bytes, from: source });
  }

  runFor(ms: number): void {
    const untilMs = this.now + ms;
    for (;;) {
      const deadlines = this.nodes.map(({ manager }) => manager.nextDeadline());
      const nextMs = Math.min(...this.#flying.map(({ atMs }) => atMs), ...deadlines);
      if (nextMs > untilMs) break;
      this.now = Math.max(this.now, nextMs);
      const landed = this.#flying.filter(({ atMs }) => atMs <= this.now);
      for (const flight of landed) this.#flying.splice(this.#flying.indexOf(flight), 1);
      for (const { to, bytes, from } of landed) to.receive(bytes, from);
      for (const node of this.nodes) node.tick();
    }
    this.now = untilMs;
  }

  /** Something done from outside, and what comes of it. */
  act(what: string, act: () => void): void {
    this.say(`--- ${what}`);
    act();
    for (const node of this.nodes) node.drain();
  }

  text(title: string): string {
    return `# ${title}\n# seconds  what happened\n${this.lines.join('\n')}\n`;
  }
}
