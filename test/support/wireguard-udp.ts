/**
 * One WireGuard end on a real UDP socket of this process: the protocol object, and a worker's part done one packet at a
 * time. With it the protocol core talks to other implementations before there is a data path.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encodeEndpoint, endpointAddress, endpointPort } from '../../src/core/base/endpoint.js';
import {
  noteAuthenticatedReceived,
  noteDataSent,
  noteKeepaliveSent,
} from '../../src/core/wireguard/clocks.js';
import type { Timers } from '../../src/core/wireguard/constants.js';
import { WireGuard } from '../../src/core/wireguard/device.js';
import { MESSAGE_TRANSPORT } from '../../src/core/wireguard/message.js';
import type { Output } from '../../src/core/wireguard/outputs.js';
import type { PeerOptions } from '../../src/core/wireguard/peer.js';
import { PeerTable, SESSION_UNCONFIRMED, SessionTable } from '../../src/core/wireguard/tables.js';
import { type MemoryTimestampStore, TimestampSource } from '../../src/core/wireguard/tai64n.js';
import { openTransport, sealTransport, transportSlot } from '../../src/core/wireguard/transport.js';
import { createCrypto } from '../../src/edge/crypto/node.js';

const crypto = createCrypto();
const TICK_MS = 20;

export interface UdpEndOptions {
  readonly privateKey: Uint8Array;
  readonly store: MemoryTimestampStore;
  readonly timers: Timers;
  readonly loadMessagesPerSecond?: number;
  /** Added to the wall clock. */
  readonly wallStepMs?: number;
}

/** Peer 0 over one socket on 127.0.0.1. */
export class UdpEnd {
  readonly wireGuard: WireGuard;
  readonly events: string[] = [];
  /** Received datagrams by message type. */
  readonly received = [0, 0, 0, 0, 0];
  /** What to do with each opened packet. */
  onPacket: (packet: Uint8Array) => void = () => {};
  readonly #options: UdpEndOptions;
  readonly #sessions = SessionTable.create(64);
  readonly #peers = PeerTable.create(1);
  readonly #keys = new Map<number, { sendKey: Uint8Array; receiveKey: Uint8Array }>();
  readonly #staged: Uint8Array[] = [];
  #socket!: Socket;
  #endpoint: Uint8Array | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UdpEndOptions) {
    this.#options = options;
    this.wireGuard = new WireGuard({
      privateKey: options.privateKey,
      crypto,
      sessions: this.#sessions,
      peers: this.#peers,
      timestamps: new TimestampSource(options.store),
      timers: options.timers,
      ...(options.loadMessagesPerSecond !== undefined && {
        loadMessagesPerSecond: options.loadMessagesPerSecond,
      }),
    });
  }

  /** Binds `port` (0 = any) and starts the clock; returns the port. Called again, it moves to another socket. */
  async bind(port: number): Promise<number> {
    this.#socket?.close();
    this.#socket = createSocket('udp4', (bytes, from) => this.#handleDatagram(bytes, from));
    this.#socket.bind(port, '127.0.0.1');
    await once(this.#socket, 'listening');
    this.#timer ??= setInterval(() => this.#handleTimeout(), TICK_MS);
    return this.#socket.address().port;
  }

  addPeer(options: Omit<PeerOptions, 'index'>, port: number | undefined): void {
    if (port !== undefined) this.#endpoint = encodeEndpoint(Uint8Array.of(127, 0, 0, 1), port, 0);
    this.wireGuard.addPeer({ ...options, index: 0 });
  }

  send(packet: Uint8Array): void {
    if (this.#seal(packet)) return;
    this.#staged.push(packet);
    this.wireGuard.handleWanted(0, this.#now());
    this.#handleTimeout();
  }

  startHandshake(): void {
    this.wireGuard.startHandshake(0, this.#now(), this.#unixMs());
    this.#drain();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #now(): number {
    return performance.now() + 1;
  }

  #unixMs(): number {
    return Date.now() + (this.#options.wallStepMs ?? 0);
  }

  #handleDatagram(bytes: Uint8Array, from: RemoteInfo): void {
    const source = encodeEndpoint(Uint8Array.from(from.address.split('.').map(Number)), from.port, 0);
    this.received[bytes[0] % this.received.length]++;
    if (bytes[0] === MESSAGE_TRANSPORT) this.#open(bytes, source);
    else this.wireGuard.handleDatagram(bytes, source, this.#now());
    this.#drain();
  }

  #handleTimeout(): void {
    this.wireGuard.handleTimeout(this.#now(), this.#unixMs());
    this.#drain();
  }

  #drain(): void {
    for (let output = this.wireGuard.pollOutput(); output; output = this.wireGuard.pollOutput())
      this.#do(output);
  }

  #do(output: Output): void {
    if (output.type === 'send') this.#transmit(output.bytes, output.to ?? this.#endpoint);
    if (output.type === 'install') {
      this.#keys.set(output.slot, output);
      this.wireGuard.handleInstalled(output.slot, this.#now());
    }
    if (output.type === 'use') for (const packet of this.#staged.splice(0)) this.#seal(packet);
    if (output.type === 'remove') this.#keys.delete(output.slot);
    if (output.type === 'keepalive') this.#seal(new Uint8Array(0));
    if (output.type === 'endpoint') this.#endpoint = output.endpoint;
    if (output.type === 'event') this.events.push(`${output.name} ${output.detail}`);
  }

  #seal(packet: Uint8Array): boolean {
    const slot = this.#peers.session[0];
    const keys = this.#keys.get(slot);
    if (keys === undefined) return false;
    const message = sealTransport(crypto, this.#sessions, slot, keys.sendKey, packet, this.#now());
    if (message === undefined) return false;
    this.#transmit(message, this.#endpoint);
    if (packet.length > 0) noteDataSent(this.#peers, 0, this.#now());
    else noteKeepaliveSent(this.#peers, 0, this.#now());
    return true;
  }

  #open(bytes: Uint8Array, source: Uint8Array): void {
    const slot = transportSlot(this.#sessions, bytes, this.#now());
    const keys = this.#keys.get(slot);
    const packet = keys && openTransport(crypto, this.#sessions, slot, keys.receiveKey, bytes);
    if (packet === undefined) return;
    this.#endpoint = source;
    noteAuthenticatedReceived(this.#peers, 0, this.#now(), packet.length > 0);
    if ((this.#sessions.flags[slot] & SESSION_UNCONFIRMED) !== 0) {
      this.wireGuard.handleSessionUsed(slot, this.#now());
      this.#drain();
    }
    if (packet.length > 0) this.onPacket(packet);
  }

  #transmit(bytes: Uint8Array, to: Uint8Array | undefined): void {
    if (to !== undefined) this.#socket.send(bytes, endpointPort(to), endpointAddress(to).join('.'));
  }
}
