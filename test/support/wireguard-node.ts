/**
 * One WireGuard end in virtual time: the protocol object with a worker's part around it (keys, sealing, opening,
 * clocks), on a network made up by wireguard-network.ts. It checks what must never happen: an index published before
 * its keys, keys removed under a session in use, sending on a session that has none.
 */
import { encodeEndpoint } from '../../src/core/base/endpoint.js';
import {
  noteAuthenticatedReceived,
  noteDataSent,
  noteKeepaliveSent,
} from '../../src/core/wireguard/clocks.js';
import type { Timers } from '../../src/core/wireguard/constants.js';
import { WireGuard } from '../../src/core/wireguard/device.js';
import { MESSAGE_TRANSPORT, readCounter } from '../../src/core/wireguard/message.js';
import type { Output } from '../../src/core/wireguard/outputs.js';
import type { PeerOptions } from '../../src/core/wireguard/peer.js';
import { PeerTable, SESSION_UNCONFIRMED, SessionTable } from '../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../src/core/wireguard/tai64n.js';
import { openTransport, sealTransport, transportSlot } from '../../src/core/wireguard/transport.js';
import type { WireGuardNetwork } from './wireguard-network.js';

/** Wall clock of virtual time 0. */
const UNIX_MS = Date.UTC(2026, 0, 1);
const STAGED_MAX = 128;

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
        network.later(this.options.installMs ?? 0, () => {
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
