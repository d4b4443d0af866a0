/** The node as `wg show` sees it. */
import { endpointAddress, endpointPort } from '../../core/base/endpoint.js';
import { COUNT_RX_BYTES, COUNT_TX_BYTES, PEER_COUNTERS } from '../../core/router/memory.js';
import type { Secrets } from '../../edge/file/configuration.js';
import type { UapiDevice } from '../../edge/socket/uapi.js';
import type { Node } from './node.js';
import { allowedPrefixes } from './report.js';

/** A snapshot for the UAPI socket. Its private key is shown to root only, as `wg` wants it. */
export function uapiDevice(node: Node, secrets: Secrets): UapiDevice {
  const { configuration, native, wireguard, dataplane } = node;
  const now = native.now();
  return {
    privateKey: secrets.privateKey,
    listenPort: configuration.local.listenPort,
    fwmark: 0,
    peers: [...node.directory.all].map((peer) => {
      const record = node.paths.current(peer.number);
      const at = peer.number * PEER_COUNTERS;
      const establishedAtMs = wireguard.peerStatus(peer.number)?.establishedAtMs ?? Number.NEGATIVE_INFINITY;
      return {
        publicKey: peer.node.publicKey,
        presharedKey: secrets.presharedKeys.get(peer.node.index),
        endpoint:
          record === undefined
            ? undefined
            : { address: endpointAddress(record).slice(), port: endpointPort(record) },
        lastHandshakeUnixMs: Number.isFinite(establishedAtMs) ? Date.now() - (now - establishedAtMs) : 0,
        rxBytes: dataplane.memory.peerCounters[at + COUNT_RX_BYTES],
        txBytes: dataplane.memory.peerCounters[at + COUNT_TX_BYTES],
        keepaliveSeconds: 0,
        allowedIps: allowedPrefixes(configuration, peer.node.cluster),
      };
    }),
  };
}
