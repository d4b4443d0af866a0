/**
 * What a handshake costs the one who answers: a gateway's device takes the initiations of all its peers, one after another,
 * in one thread and without sockets. `node dist/test/bench/scale/handshakes.js PEERS…` prints a list of Growth as JSON.
 */
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SPEC_TIMERS } from '../../../src/core/wireguard/constants.js';
import { WireGuard } from '../../../src/core/wireguard/device.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../../src/core/wireguard/tai64n.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import type { Growth } from './growth.js';

const SESSIONS_PER_PEER = 6;
const ROUNDS = 3;
const crypto = createCrypto();

function device(privateKey: Uint8Array, peers: number): WireGuard {
  return new WireGuard({
    privateKey,
    crypto,
    sessions: SessionTable.create(peers * SESSIONS_PER_PEER),
    peers: PeerTable.create(peers),
    timestamps: new TimestampSource(new MemoryTimestampStore()),
    timers: SPEC_TIMERS,
    loadMessagesPerSecond: Number.POSITIVE_INFINITY,
  });
}

function drain(wireguard: WireGuard, now: number, onSend: (bytes: Uint8Array) => void): void {
  for (let out = wireguard.pollOutput(); out !== undefined; out = wireguard.pollOutput()) {
    if (out.type === 'send') onSend(out.bytes);
    if (out.type === 'install') wireguard.handleInstalled(out.slot, now);
  }
}

/** Handshakes a second that the gateway answers, the best of some rounds with all peers. */
function measure(count: number): number {
  const own = crypto.generateKeyPair();
  const gateway = device(own.privateKey, count);
  const source = encodeEndpoint(Uint8Array.of(192, 0, 2, 1), 51820, 0);
  const edges = Array.from({ length: count }, (_, index) => {
    const keys = crypto.generateKeyPair();
    const edge = device(keys.privateKey, 1);
    edge.addPeer({ index: 0, publicKey: own.publicKey, initiate: 'on-demand', endpointKnown: true });
    gateway.addPeer({ index, publicKey: keys.publicKey, initiate: 'on-demand', endpointKnown: false });
    return edge;
  });
  let best = 0;
  let now = 1_000;
  for (let round = 0; round < ROUNDS; round++) {
    now += SPEC_TIMERS.rekeyTimeoutMs * 2;
    const initiations: Uint8Array[] = [];
    for (const edge of edges) {
      edge.startHandshake(0, now, now);
      drain(edge, now, (bytes) => initiations.push(bytes));
    }
    let answered = 0;
    const start = performance.now();
    for (const initiation of initiations) {
      gateway.handleDatagram(initiation, source, now);
      drain(gateway, now, () => answered++);
    }
    const seconds = (performance.now() - start) / 1000;
    if (answered !== count) throw new Error(`${answered} of ${count} initiations were answered`);
    best = Math.max(best, answered / seconds);
  }
  return best;
}

const points = process.argv.slice(2).map((text) => ({ size: Number(text), value: measure(Number(text)) }));
const series: Growth = {
  key: 'peers.handshakes',
  title: 'handshakes answered on one core',
  unit: '/s',
  of: 'peers',
  points,
};
console.log(JSON.stringify([series]));
