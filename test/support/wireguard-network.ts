/**
 * WireGuard ends in virtual time: each node is the protocol object with a worker's part around it (keys, sealing,
 * opening, clocks), and a seeded network between them delays, loses, repeats and reorders. Time jumps to whatever comes
 * next, so hours take milliseconds. The nodes check on every packet what must never happen: a nonce used twice, one
 * index for two sessions, sending on a session that is not installed.
 */
import { encodeEndpoint, endpointPort } from '../../src/core/base/endpoint.js';
import { SeededRandom } from '../../src/core/base/random.js';
import {
  noteAuthenticatedReceived,
  noteDataSent,
  noteKeepaliveSent,
} from '../../src/core/wireguard/clocks.js';
import { RETIRED_MAX, SPEC_TIMERS, type Timers } from '../../src/core/wireguard/constants.js';
import { WireGuard } from '../../src/core/wireguard/device.js';
import { MESSAGE_TRANSPORT, readCounter } from '../../src/core/wireguard/message.js';
import type { Output } from '../../src/core/wireguard/outputs.js';
import type { PeerOptions } from '../../src/core/wireguard/peer.js';
import { PeerTable, SESSION_UNCONFIRMED, SessionTable } from '../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../src/core/wireguard/tai64n.js';
import { openTransport, sealTransport, transportSlot } from '../../src/core/wireguard/transport.js';
import { createCrypto } from '../../src/edge/crypto/node.js';

/** Wall clock of virtual time 0. */
const UNIX_MS = Date.UTC(2026, 0, 1);
const MESSAGE_NAMES = ['?', 'initiation', 'response', 'cookie-reply', 'transport'];
const STAGED_MAX = 128;
/** Current, previous, next and retired ones of a peer. */
const SESSIONS_MAX = 3 + RETIRED_MAX;

export interface NodeOptions {
  readonly timers?: Timers;
  readonly loadMessagesPerSecond?: number;
  /** How long the workers take to install keys; 0 = at once. */
  readonly installMs?: number;
  readonly store?: MemoryTimestampStore;
  readonly sessions?: number;
}

interface Keys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

type Datagram = { readonly from: Uint8Array; readonly to: Uint8Array; readonly bytes: Uint8Array };

/** One end: address = port on a made-up network. */
export class WireGuardNode {
  readonly name: string;
  readonly network: WireGuardNetwork;
  readonly address: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly store: MemoryTimestampStore;
  readonly options: NodeOptions;
  sessions!: SessionTable;
  peers!: PeerTable;
  wireGuard!: WireGuard;
  /** Added to the wall clock, to step it. */
  wallStepMs = 0;
  readonly keys = new Map<number, Keys>();
  readonly endpoints = new Map<number, Uint8Array>();
  readonly staged = new Map<number, Uint8Array[]>();
  /** First byte-string of each delivered packet, as text. */
  received: string[] = [];
  events: string[] = [];
  transportDrops = 0;
  readonly #peerOptions = new Map<number, PeerOptions>();

  constructor(network: WireGuardNetwork, name: string, privateKey: Uint8Array, options: NodeOptions) {
    this.network = network;
    this.name = name;
    this.privateKey = privateKey;
    this.options = options;
    this.store = options.store ?? new MemoryTimestampStore();
    this.address = encodeEndpoint(Uint8Array.of(10, 0, 0, 1), network.nodes.length + 1, 0);
    this.boot();
  }

  get publicKey(): Uint8Array {
    return this.wireGuard.publicKey;
  }

  get unixMs(): number {
    return UNIX_MS + this.network.now + this.wallStepMs;
  }

  /** Starts, or starts again having forgotten all but configuration and the timestamp store. */
  boot(): void {
    this.sessions = SessionTable.create(this.options.sessions ?? 64);
    this.peers = PeerTable.create(16);
    this.keys.clear();
    this.staged.clear();
    this.wireGuard = new WireGuard({
      privateKey: this.privateKey,
      crypto: this.network.crypto,
      sessions: this.sessions,
      peers: this.peers,
      timestamps: new TimestampSource(this.store),
      ...(this.options.timers && { timers: this.options.timers }),
      ...(this.options.loadMessagesPerSecond && {
        loadMessagesPerSecond: this.options.loadMessagesPerSecond,
      }),
    });
    for (const options of this.#peerOptions.values()) this.wireGuard.addPeer(options);
  }

  addPeer(options: PeerOptions, endpoint?: Uint8Array): void {
    this.#peerOptions.set(options.index, options);
    if (endpoint !== undefined) this.endpoints.set(options.index, endpoint);
    this.wireGuard.addPeer(options);
  }

  /** Sends data as a worker would: with the peer's session, or else it is staged and a session wanted. */
  send(peer: number, text: string): void {
    const plaintext = Uint8Array.from(text, (character) => character.charCodeAt(0));
    if (!this.#seal(peer, plaintext)) {
      const staged = this.staged.get(peer) ?? [];
      this.staged.set(peer, staged);
      if (staged.length < STAGED_MAX) staged.push(plaintext);
      this.peers.wanted[peer] = 1;
      this.wireGuard.handleWanted(peer, this.network.now);
    }
    this.drain();
  }

  handleDatagram({ from, bytes }: Datagram): void {
    if (bytes[0] === MESSAGE_TRANSPORT) this.#open(bytes, from);
    else this.wireGuard.handleDatagram(bytes, from, this.network.now);
    this.drain();
  }

  handleTimeout(): void {
    this.wireGuard.handleTimeout(this.network.now, this.unixMs);
    this.drain();
  }

  drain(): void {
    for (let output = this.wireGuard.pollOutput(); output; output = this.wireGuard.pollOutput())
      this.#do(output);
  }

  #do(output: Output): void {
    const network = this.network;
    switch (output.type) {
      case 'send': {
        const to = output.to ?? this.endpoints.get(output.peer);
        if (to !== undefined) network.transmit(this, to, output.bytes);
        break;
      }
      case 'install': {
        const { slot, sendKey, receiveKey } = output;
        if (this.sessions.localIndex[slot] !== 0) throw new Error('an index was published before its keys');
        network.later(this.options.installMs ?? 0, this, () => {
          this.keys.set(slot, { sendKey, receiveKey });
          this.wireGuard.handleInstalled(slot, network.now);
          this.drain();
        });
        break;
      }
      case 'use':
        this.#log(`use ${this.#slotName(output.slot)}`);
        for (const plaintext of this.staged.get(output.peer)?.splice(0) ?? [])
          this.#seal(output.peer, plaintext);
        break;
      case 'remove':
        this.#log('remove');
        if (this.sessions.localIndex[output.slot] !== 0)
          throw new Error('keys removed under a published index');
        if (this.peers.session.includes(output.slot)) throw new Error('keys removed under a session in use');
        this.keys.delete(output.slot);
        break;
      case 'keepalive':
        this.#seal(output.peer, new Uint8Array(0));
        break;
      case 'endpoint':
        this.endpoints.set(output.peer, output.endpoint);
        break;
      case 'event':
        this.events.push(`${output.name} ${output.detail}`);
        this.#log(`event ${output.name} (${output.detail})`);
        break;
    }
  }

  #seal(peer: number, plaintext: Uint8Array): boolean {
    const slot = this.peers.session[peer];
    const now = this.network.now;
    if (slot < 0) return false;
    const keys = this.keys.get(slot);
    if (keys === undefined) throw new Error('a session without keys is in use');
    const { crypto } = this.network;
    const message = sealTransport(crypto, this.sessions, slot, keys.sendKey, plaintext, now);
    if (message === undefined) return false;
    this.network.checkNonce(keys.sendKey, readCounter(message));
    const to = this.endpoints.get(peer);
    if (to !== undefined) this.network.transmit(this, to, message);
    if (plaintext.length > 0) noteDataSent(this.peers, peer, now);
    else noteKeepaliveSent(this.peers, peer, now);
    return true;
  }

  #open(bytes: Uint8Array, from: Uint8Array): void {
    const slot = transportSlot(this.sessions, bytes, this.network.now);
    const keys = this.keys.get(slot);
    const plaintext = keys && openTransport(this.network.crypto, this.sessions, slot, keys.receiveKey, bytes);
    if (plaintext === undefined) {
      this.transportDrops++;
      return;
    }
    const peer = this.sessions.peer[slot];
    this.endpoints.set(peer, from);
    noteAuthenticatedReceived(this.peers, peer, this.network.now, plaintext.length > 0);
    if ((this.sessions.flags[slot] & SESSION_UNCONFIRMED) !== 0) {
      this.wireGuard.handleSessionUsed(slot, this.network.now);
      this.drain();
    }
    if (plaintext.length > 0) this.received.push(String.fromCharCode(...plaintext).replace(/\0+$/, ''));
  }

  #slotName(slot: number): string {
    return (this.sessions.flags[slot] & 1) !== 0 ? 'own session' : 'answered session';
  }

  #log(text: string): void {
    this.network.log(`${this.name}: ${text}`);
  }
}

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

  later(delayMs: number, _node: WireGuardNode, run: () => void): void {
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
