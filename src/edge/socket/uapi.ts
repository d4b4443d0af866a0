/**
 * WireGuard's cross-platform configuration socket (www.wireguard.com/xplatform), so that `wg show` prints a Twinspan
 * node as it prints any other. Reading only: what a node does is decided by its configuration, so `set=1` is answered
 * with EOPNOTSUPP. One request ends with an empty line; the answer ends with `errno=N` and an empty line.
 */
import { createServer, type Socket } from 'node:net';
import { formatAddress, formatEndpoint } from '../../core/config/address.js';
import { closeServer } from './control.js';
import { listenOn } from './listen.js';

/** Fixed by the tools. */
export const UAPI_DIRECTORY = '/var/run/wireguard';
/** Negative, as wireguard-go sends and wg reads them. */
const ERRNO_EINVAL = -22;
const ERRNO_EPROTO = -71;
const ERRNO_EOPNOTSUPP = -95;
const REQUEST_BYTES_MAX = 1 << 20;
const CONNECTIONS_MAX = 8;
const IDLE_MS_MAX = 10_000;

export interface UapiDevice {
  /** `wg` derives the public key that it prints from this. Undefined: it prints none. */
  readonly privateKey: Uint8Array | undefined;
  readonly listenPort: number;
  /** 0: none. */
  readonly fwmark: number;
  readonly peers: readonly UapiPeer[];
}

export interface UapiPeer {
  readonly publicKey: Uint8Array;
  readonly presharedKey: Uint8Array | undefined;
  readonly endpoint: { readonly address: Uint8Array; readonly port: number } | undefined;
  /** Unix time of the last completed handshake in ms; 0: never. */
  readonly lastHandshakeUnixMs: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** 0: off. */
  readonly keepaliveSeconds: number;
  readonly allowedIps: readonly { readonly bytes: Uint8Array; readonly length: number }[];
}

export interface UapiServer {
  close(): Promise<void>;
}

/** Path of the socket by which `wg show NAME` asks. */
export function uapiSocketPath(name: string): string {
  return `${UAPI_DIRECTORY}/${name}.sock`;
}

/** Answers `wg show NAME` from `snapshot`, which is called once a request. Only root may connect. */
export async function openUapiServer(name: string, snapshot: () => UapiDevice): Promise<UapiServer> {
  const socketPath = uapiSocketPath(name);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, snapshot);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listenOn(server, socketPath, { mode: 0o600 });
  return { close: () => closeServer(server, sockets, socketPath) };
}

function serve(socket: Socket, snapshot: () => UapiDevice): void {
  let held = '';
  socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    held += chunk.toString('latin1');
    for (let end = held.indexOf('\n\n'); end >= 0; end = held.indexOf('\n\n')) {
      socket.write(answerUapi(held.slice(0, end), snapshot));
      held = held.slice(end + 2);
    }
    if (held.length > REQUEST_BYTES_MAX) socket.destroy();
  });
}

/** The answer to one request (without its empty line). */
export function answerUapi(request: string, snapshot: () => UapiDevice): string {
  const operation = request.split('\n', 1)[0];
  if (operation === 'set=1') return `errno=${ERRNO_EOPNOTSUPP}\n\n`;
  if (operation !== 'get=1') return `errno=${ERRNO_EPROTO}\n\n`;
  if (request !== operation) return `errno=${ERRNO_EINVAL}\n\n`;
  return `${encodeDevice(snapshot())}errno=0\n\n`;
}

function encodeDevice(device: UapiDevice): string {
  let text = '';
  if (device.privateKey !== undefined) text += `private_key=${hex(device.privateKey)}\n`;
  text += `listen_port=${device.listenPort}\n`;
  if (device.fwmark !== 0) text += `fwmark=${device.fwmark}\n`;
  for (const peer of device.peers) text += encodePeer(peer);
  return text;
}

function encodePeer(peer: UapiPeer): string {
  const seconds = Math.floor(peer.lastHandshakeUnixMs / 1000);
  const nanoseconds = Math.floor((peer.lastHandshakeUnixMs - seconds * 1000) * 1e6);
  let text = `public_key=${hex(peer.publicKey)}\n`;
  text += `preshared_key=${peer.presharedKey === undefined ? '0'.repeat(64) : hex(peer.presharedKey)}\n`;
  text += 'protocol_version=1\n';
  if (peer.endpoint !== undefined) {
    text += `endpoint=${formatEndpoint(peer.endpoint.address, peer.endpoint.port)}\n`;
  }
  text += `last_handshake_time_sec=${seconds}\nlast_handshake_time_nsec=${nanoseconds}\n`;
  text += `tx_bytes=${peer.txBytes}\nrx_bytes=${peer.rxBytes}\n`;
  text += `persistent_keepalive_interval=${peer.keepaliveSeconds}\n`;
  for (const { bytes, length } of peer.allowedIps) text += `allowed_ip=${formatAddress(bytes)}/${length}\n`;
  return text;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
