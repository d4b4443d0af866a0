/**
 * A crowd of edges that renew their sessions all the time, in one program: each is a WireGuard device with a key, an
 * address and a socket of its own. Its one argument is CrowdSetup as JSON; it prints a line when all are bound, and runs
 * until it is ended; then it prints how many sessions were made.
 */
import { createSocket } from 'node:dgram';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { parseKey } from '../../../src/core/base/key.js';
import { WireGuard } from '../../../src/core/wireguard/device.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../../src/core/wireguard/tai64n.js';
import { sealTransport } from '../../../src/core/wireguard/transport.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { native as loadNative } from '../../../src/edge/native.js';
import { address } from '../../support/packets.js';

export interface CrowdSetup {
  /** Of the node that they dial, base64. */
  readonly publicKey: string;
  readonly address: string;
  readonly port: number;
  /** Base64, and the address of each. */
  readonly edges: readonly { readonly privateKey: string; readonly address: string }[];
  /** Handshakes that all of them begin in a second. */
  readonly perSecond: number;
}

const TICK_MS = 10;
const SESSIONS = 8;
const EMPTY = new Uint8Array(0);

const setup = JSON.parse(process.argv[2]) as CrowdSetup;
const native = loadNative();
const crypto = createCrypto();
const node = encodeEndpoint(address(setup.address), setup.port, 0);
const publicKey = parseKey(setup.publicKey)!;
let established = 0;

/** Dials; the sessions are confirmed by a keepalive and then left alone. */
async function openEdge(privateKey: string, from: string): Promise<() => void> {
  const sessions = SessionTable.create(SESSIONS);
  const wireguard = new WireGuard({
    privateKey: parseKey(privateKey)!,
    crypto,
    sessions,
    peers: PeerTable.create(1),
    timestamps: new TimestampSource(new MemoryTimestampStore()),
  });
  wireguard.addPeer({ index: 0, publicKey, endpointKnown: true, initiate: 'on-demand' });
  const socket = createSocket('udp4');
  const send = (bytes: Uint8Array): void => socket.send(bytes, setup.port, setup.address);
  const drain = (): void => {
    for (let out = wireguard.pollOutput(); out !== undefined; out = wireguard.pollOutput()) {
      if (out.type === 'send') send(out.bytes);
      if (out.type !== 'install') continue;
      established += 1;
      const confirmation = sealTransport(crypto, sessions, out.slot, out.sendKey, EMPTY, native.now());
      wireguard.handleInstalled(out.slot, native.now());
      if (confirmation !== undefined) send(confirmation);
    }
  };
  socket.on('message', (bytes) => {
    if (bytes[0] === 4) return;
    wireguard.handleDatagram(new Uint8Array(bytes), node, native.now());
    drain();
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  return () => {
    wireguard.startHandshake(0, native.now(), Date.now());
    drain();
  };
}

const edges = await Promise.all(setup.edges.map((edge) => openEdge(edge.privateKey, edge.address)));
process.once('SIGTERM', () => {
  console.log(JSON.stringify({ established }));
  process.exit(0);
});
console.log('ready');
let begun = 0;
const startedAtMs = native.now();
setInterval(() => {
  const due = ((native.now() - startedAtMs) / 1000) * setup.perSecond;
  for (; begun < due; begun++) edges[begun % edges.length]();
}, TICK_MS);
