/** Control datagrams from this node to the control address of another: hellos, and news of keys and paths. */
import { encodeControlDatagram } from '../../core/router/control-datagram.js';
import type { Node } from './node.js';

/** Seals `bytes` to the peer, by the path that is in use. */
export function sendControl(node: Node, peer: number, bytes: Uint8Array): void {
  const { ownControl, peerControl } = node.snapshot;
  const to = peerControl.subarray(peer * 4, peer * 4 + 4);
  node.dataplane.seal(peer, encodeControlDatagram(ownControl, [to[0], to[1], to[2], to[3]], bytes));
}
