/**
 * Many edges in one program: each is a WireGuard device with a key, an address and a socket of its own, as if it stood at
 * its own site. It takes commands on stdin, one a line, and answers each with a line of JSON when it is done:
 *
 *   connect       every edge dials until its session is up; answers {"firstMs":…,"lastMs":…}, Unix times
 *   flood COUNT RATE SECONDS   the first COUNT edges send small packets in turn; answers {"sent":…}
 *
 * Transport messages all leave by one socket through the addon, since thousands of sockets would be the bottleneck; to the
 * gateway every edge has moved there. Meanwhile each edge sends a keepalive a second, so that nobody finds it silent.
 */
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENDPOINT_BYTES, encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { parseKey } from '../../../src/core/base/key.js';
import { clearRow } from '../../../src/core/packet/clear-row.js';
import {
  ROW_PATH,
  ROW_SESSION,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { WireGuard } from '../../../src/core/wireguard/device.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../../src/core/wireguard/tai64n.js';
import { sealTransport } from '../../../src/core/wireguard/transport.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { native as loadNative, SLOT_BYTES, STAT_COUNT } from '../../../src/edge/native.js';
import { openUdp } from '../../../src/edge/udp/open.js';
import { address, ip, udp } from '../../support/packets.js';
import { edgeAddress, edgeHost, type GeneratorSetup } from './edges.js';

const EDGE_SESSIONS = 8;
const BATCH = 256;
const PACKET_ROOM = 256;
const HEADROOM = 64;
const PAYLOAD_BYTES = 64;
/** As often as one of our nodes dials a peer that is silent. */
const DIAL_MS = 3_500;
const TICK_MS = 25;
const KEEPALIVE_MS = 1_000;
const SOCKET_BUFFER_BYTES = 1 << 18;

const setup = JSON.parse(readFileSync(process.argv[2], 'utf8')) as GeneratorSetup;
const native = loadNative();
const crypto = createCrypto();
const gatewayKey = parseKey(setup.gatewayKey)!;
const gateway = encodeEndpoint(address(setup.gatewayAddress), setup.gatewayPort, 0);
const count = setup.privateKeys.length;

/** What the addon seals with: one session for each edge, all of them to the gateway. */
const sendCounter = new BigUint64Array(new SharedArrayBuffer(count * 8));
const remoteIndex = new Uint32Array(new SharedArrayBuffer(count * 4));
const arena = new Uint8Array(new SharedArrayBuffer(2 * SLOT_BYTES));
const rows = new Int32Array(new SharedArrayBuffer(BATCH * ROW_STRIDE * 4));
const context = native.contextOpen({
  arena,
  rows,
  udpSlots: 1,
  tunSlots: 1,
  sources: new Uint8Array(new SharedArrayBuffer(ENDPOINT_BYTES)),
  paths: gateway,
  sendCounter,
  remoteIndex,
  stats: new Float64Array(new SharedArrayBuffer(STAT_COUNT * 8)),
  lanes: 0,
});
const socket = openUdp(
  { address: setup.dataAddress, port: 0, device: '', mark: 0, reusePort: false },
  { gso: 'auto', gro: 'off' },
);
native.socketSet(context, 0, socket.fd, socket.offloads);

class Edge {
  readonly index: number;
  readonly socket: Socket;
  readonly packet: Uint8Array;
  establishedAtUnixMs = 0;
  dialAtMs: number;
  readonly #sessions = SessionTable.create(EDGE_SESSIONS);
  readonly #wireguard: WireGuard;

  constructor(index: number, privateKey: Uint8Array) {
    this.index = index;
    this.dialAtMs = native.now() + (index / count) * DIAL_MS;
    this.#wireguard = new WireGuard({
      privateKey,
      crypto,
      sessions: this.#sessions,
      peers: PeerTable.create(1),
      timestamps: new TimestampSource(new MemoryTimestampStore()),
    });
    const peer = { index: 0, publicKey: gatewayKey, endpointKnown: true } as const;
    this.#wireguard.addPeer({ ...peer, initiate: 'on-demand' });
    this.packet = ip({
      source: edgeHost(index),
      destination: setup.destination,
      protocol: 17,
      payload: udp(1024 + (index % 60_000), setup.destinationPort, new Uint8Array(PAYLOAD_BYTES)),
    });
    this.socket = createSocket({ type: 'udp4', recvBufferSize: SOCKET_BUFFER_BYTES });
    this.socket.on('message', (bytes) => this.#receive(bytes));
    this.socket.on('error', () => {});
  }

  bind(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.bind(setup.gatewayPort, edgeAddress(this.index), () => resolve());
    });
  }

  dialIfDue(now: number): void {
    if (this.establishedAtUnixMs !== 0 || now < this.dialAtMs) return;
    this.dialAtMs = now + DIAL_MS;
    this.#wireguard.startHandshake(0, now, Date.now());
    this.#drain();
  }

  #receive(bytes: Uint8Array): void {
    if (bytes[0] === 4) return;
    this.#wireguard.handleDatagram(new Uint8Array(bytes), gateway, native.now());
    this.#drain();
  }

  #drain(): void {
    for (let out = this.#wireguard.pollOutput(); out !== undefined; out = this.#wireguard.pollOutput()) {
      if (out.type === 'send') this.socket.send(out.bytes, setup.gatewayPort, setup.gatewayAddress);
      if (out.type === 'install') this.#install(out.slot, out.sendKey, out.receiveKey);
      if (out.type === 'event' && out.name === 'session-established') this.establishedAtUnixMs = Date.now();
    }
  }

  /** Counter 0 confirms the session, from the edge's own address; the addon goes on from 1. */
  #install(slot: number, sendKey: Uint8Array, receiveKey: Uint8Array): void {
    const now = native.now();
    native.keyInstall(context, this.index, sendKey, receiveKey);
    this.#wireguard.handleInstalled(slot, now);
    remoteIndex[this.index] = this.#sessions.remoteIndex[slot];
    sendCounter[this.index] = 1n;
    const confirmation = sealTransport(crypto, this.#sessions, slot, sendKey, new Uint8Array(0), now);
    if (confirmation !== undefined) {
      this.socket.send(confirmation, setup.gatewayPort, setup.gatewayAddress);
    }
  }
}

const edges = setup.privateKeys.map((key, index) => new Edge(index, parseKey(key)!));

/** Seals and sends one packet of each edge from `first` on, `length` of them: a small packet, or nothing (a keepalive). */
function sendFrom(first: number, length: number, among: number, isKeepalive: boolean): void {
  for (let k = 0; k < length; k++) {
    const edge = edges[(first + k) % among];
    const offset = k * PACKET_ROOM + HEADROOM;
    const at = k * ROW_STRIDE;
    if (!isKeepalive) arena.set(edge.packet, offset);
    clearRow(rows, at, offset, isKeepalive ? 0 : edge.packet.length);
    rows[at + ROW_VERDICT] = VERDICT_SEAL;
    rows[at + ROW_SESSION] = edge.index;
    rows[at + ROW_PATH] = 0;
  }
  native.sealSend(context, 0, length);
}

/** Those that are up keep saying so, a part of them at each tick. */
let nextKeepalive = 0;
function tick(): void {
  const now = native.now();
  for (const edge of edges) edge.dialIfDue(now);
  for (let due = Math.ceil((count * TICK_MS) / KEEPALIVE_MS); due > 0; due--) {
    if (edges[nextKeepalive].establishedAtUnixMs !== 0) sendFrom(nextKeepalive, 1, count, true);
    nextKeepalive = (nextKeepalive + 1) % count;
  }
}

async function connect(): Promise<object> {
  const ticker = setInterval(tick, TICK_MS);
  ticker.unref();
  const isUp = (edge: Edge): boolean => edge.establishedAtUnixMs !== 0;
  while (!edges.every(isUp)) await sleep(TICK_MS);
  const times = edges.map((edge) => edge.establishedAtUnixMs);
  return { firstMs: times.reduce((a, b) => Math.min(a, b)), lastMs: times.reduce((a, b) => Math.max(a, b)) };
}

/** Blocks this program: whatever arrives meanwhile waits. */
function flood(among: number, rate: number, seconds: number): object {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const start = native.now();
  const total = Math.round(rate * seconds);
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.floor(((native.now() - start) / 1000) * rate)) - sent;
    if (due <= 0) Atomics.wait(clock, 0, 0, 0.2);
    for (let left = Math.min(due, BATCH); left > 0; left = 0) {
      sendFrom(sent % among, left, among, false);
      sent += left;
    }
  }
  return { sent };
}

async function obey(line: string): Promise<object> {
  const [command, ...argv] = line.split(' ');
  if (command === 'connect') return connect();
  const [among, rate, seconds] = argv.map(Number);
  return flood(among, rate, seconds);
}

await Promise.all(edges.map((edge) => edge.bind()));
console.log(JSON.stringify({ ready: count }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await obey(line)));
}
process.exit(0);
