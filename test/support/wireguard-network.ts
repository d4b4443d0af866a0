/**
 * A seeded network between WireGuard ends in virtual time: it delays, loses, repeats and reorders. Time jumps to
 * whatever comes next, so hours take milliseconds. On every packet it checks that no nonce and no index is used twice,
 * and that no session is left over.
 */
import { endpointPort } from '../../src/core/base/endpoint.js';
import { SeededRandom } from '../../src/core/base/random.js';
import { RETIRED_MAX, SPEC_TIMERS, type Timers } from '../../src/core/wireguard/constants.js';
import { MESSAGE_TRANSPORT } from '../../src/core/wireguard/message.js';
import { createCrypto } from '../../src/edge/crypto/node.js';
import { type NodeOptions, WireGuardNode } from './wireguard-node.js';

const MESSAGE_NAMES = ['?', 'initiation', 'response', 'cookie-reply', 'transport'];
/** Current, previous, next and retired ones of a peer. */
const SESSIONS_MAX = 3 + RETIRED_MAX;

export interface NetworkOptions {
  readonly seed: number;
  readonly latencyMs?: number;
  /** Up to this much is added at random, which reorders. */
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly duplication?: number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class WireGuardNetwork {
  now = 1_000;
  options: NetworkOptions;
  readonly random: SeededRandom;
  readonly crypto;
  readonly nodes: WireGuardNode[] = [];
  /** Everything that was said, as lines of text. */
  readonly lines: string[] = [];
  /** Nodes whose datagrams are lost, both ways. */
  readonly cut = new Set<WireGuardNode>();
  /** Datagrams by message type. */
  readonly sent = [0, 0, 0, 0, 0];
  /** May change or swallow (undefined) what is sent. */
  tamper: (bytes: Uint8Array, from: WireGuardNode) => Uint8Array | undefined = (bytes) => bytes;
  readonly #events: Event[] = [];
  /** Counters used with each key. */
  readonly #nonces = new Map<string, Set<number>>();
  #order = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
    this.random = new SeededRandom(options.seed);
    this.crypto = createCrypto((length) => this.random.bytes(length));
  }

  addNode(name: string, options: NodeOptions = {}): WireGuardNode {
    const node = new WireGuardNode(this, name, this.random.bytes(32), options);
    this.nodes.push(node);
    return node;
  }

  log(line: string): void {
    this.lines.push(`${(this.now / 1000).toFixed(3).padStart(9)}  ${line}`);
  }

  later(delayMs: number, run: () => void): void {
    if (delayMs === 0) run();
    else this.#schedule(this.now + delayMs, run);
  }

  transmit(from: WireGuardNode, to: Uint8Array, original: Uint8Array): void {
    const type = original[0];
    this.sent[type]++;
    const keepalive = type === MESSAGE_TRANSPORT && original.length === 32;
    const what = keepalive ? 'keepalive' : type === MESSAGE_TRANSPORT ? 'data' : MESSAGE_NAMES[type];
    const receiver = this.nodes.find((node) => endpointPort(node.address) === endpointPort(to));
    this.log(`${from.name} → ${receiver?.name ?? 'nowhere'}: ${what}`);
    const bytes = this.tamper(new Uint8Array(original), from);
    if (bytes === undefined || receiver === undefined) return;
    const { latencyMs = 10, jitterMs = 0, loss = 0, duplication = 0 } = this.options;
    const copies = this.random.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.chance(loss) || this.cut.has(from) || this.cut.has(receiver)) continue;
      this.deliver(receiver, from.address, bytes, latencyMs + this.random.below(jitterMs + 1));
    }
  }

  /** Puts a datagram on its way, whoever made it. */
  deliver(to: WireGuardNode, from: Uint8Array, bytes: Uint8Array, delayMs: number): void {
    this.#schedule(this.now + delayMs, () => {
      if (!this.cut.has(to)) to.handleDatagram({ from, to: to.address, bytes });
    });
  }

  checkNonce(key: Uint8Array, counter: number): void {
    const name = String.fromCharCode(...key);
    const counters = this.#nonces.get(name) ?? new Set();
    this.#nonces.set(name, counters);
    if (counters.has(counter)) throw new Error('a nonce was used twice');
    counters.add(counter);
  }

  /** Calls `run` at that time. */
  at(atMs: number, run: () => void): void {
    this.#schedule(atMs, run);
  }

  /** Lets time pass, event by event, until `untilMs`. */
  runUntil(untilMs: number): void {
    let rounds = 0;
    for (;;) {
      const deadline = Math.min(...this.nodes.map((node) => node.wireGuard.nextDeadline()));
      const event = this.#events[0];
      const next = Math.min(deadline, event?.atMs ?? Number.POSITIVE_INFINITY);
      if (next > untilMs) break;
      rounds = next > this.now ? 0 : rounds + 1;
      if (rounds > 10_000) throw new Error('a deadline stays due');
      this.now = Math.max(this.now, next);
      if (event !== undefined && event.atMs <= this.now) {
        this.#events.shift();
        event.run();
      }
      for (const node of this.nodes) if (node.wireGuard.nextDeadline() <= this.now) node.handleTimeout();
      this.#checkIndices();
    }
    this.now = untilMs;
  }

  runFor(durationMs: number): void {
    this.runUntil(this.now + durationMs);
  }

  #schedule(atMs: number, run: () => void): void {
    const event = { atMs, order: this.#order++, run };
    let at = this.#events.length;
    while (at > 0 && this.#events[at - 1].atMs > atMs) at--;
    this.#events.splice(at, 0, event);
  }

  #checkIndices(): void {
    for (const node of this.nodes) {
      const indices = node.sessions.localIndex.filter((index) => index !== 0);
      if (new Set(indices).size !== indices.length) throw new Error('two sessions have one index');
      if (indices.length > SESSIONS_MAX * (this.nodes.length - 1)) throw new Error('sessions are left over');
    }
  }
}

/** Two nodes that know each other, as peer 0. */
export function connectedPair(
  networkOptions: NetworkOptions,
  options: {
    readonly a?: NodeOptions;
    readonly b?: NodeOptions;
    readonly initiateA?: 'always' | 'on-demand';
    readonly initiateB?: 'always' | 'on-demand';
    readonly keepaliveMs?: number;
    /** keepaliveMs, if left out. */
    readonly keepaliveMsB?: number;
    readonly presharedKey?: Uint8Array;
    /** Whether B knows where A is. */
    readonly bKnowsA?: boolean;
  } = {},
): { network: WireGuardNetwork; a: WireGuardNode; b: WireGuardNode } {
  const network = new WireGuardNetwork(networkOptions);
  const a = network.addNode('A', options.a);
  const b = network.addNode('B', options.b);
  const persistentKeepaliveMs = options.keepaliveMs ?? 0;
  const common = {
    index: 0,
    persistentKeepaliveMs,
    ...(options.presharedKey && { presharedKey: options.presharedKey }),
  };
  const bKnowsA = options.bKnowsA ?? true;
  a.addPeer(
    { ...common, publicKey: b.publicKey, initiate: options.initiateA ?? 'on-demand', endpointKnown: true },
    b.address,
  );
  b.addPeer(
    {
      ...common,
      persistentKeepaliveMs: options.keepaliveMsB ?? persistentKeepaliveMs,
      publicKey: a.publicKey,
      initiate: options.initiateB ?? 'on-demand',
      endpointKnown: bKnowsA,
    },
    bKnowsA ? a.address : undefined,
  );
  return { network, a, b };
}

/** SPEC_TIMERS with some of them changed. */
export function timersWith(changes: Partial<Timers>): Timers {
  return { ...SPEC_TIMERS, ...changes };
}
