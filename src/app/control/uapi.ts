/** The node as `wg show` sees it. */
import { endpointAddress, endpointPort } from '../../core/base/endpoint.js';
import { COUNT_RX_BYTES, COUNT_TX_BYTES } from '../../core/router/memory.js';
import type { UapiDevice } from '../../edge/socket/uapi.js';
import type { Node } from './node.js';
import { reportedPeers } from './reported-peers.js';

/** A snapshot for the UAPI socket. Its private key is shown to root only, as `wg` wants it. */
export function uapiDevice(node: Node): UapiDevice {
  const { configuration, native, dataplane, secrets } = node;
  const now = native.now();
  return {
    privateKey: secrets.privateKey,
    listenPort: configuration.local.listenPort,
    fwmark: 0,
    peers: reportedPeers(node).map((peer) => {
      const record = node.paths.current(peer.number);
      return {
        publicKey: peer.publicKey,
        presharedKey: peer.presharedKey,
        endpoint:
          record === undefined
            ? undefined
            : { address: endpointAddress(record).slice(), port: endpointPort(record) },
        lastHandshakeUnixMs: Number.isFinite(peer.establishedAtMs)
          ? Date.now() - (now - peer.establishedAtMs)
          : 0,
        rxBytes: dataplane.count(peer.number, COUNT_RX_BYTES),
        txBytes: dataplane.count(peer.number, COUNT_TX_BYTES),
        keepaliveSeconds: peer.persistentKeepaliveMs / 1_000,
        allowedIps: peer.prefixes,
      };
    }),
  };
}
