/** Makes the node's Pathing: its uplinks are those of the configuration, its packets go through the data plane. */
import { ENDPOINT_SOCKET } from '../../core/base/endpoint.js';
import type { ClusterTimes } from '../../core/cluster/settings.js';
import type { Uplink } from '../../core/path/path.js';
import { controlAddresses } from '../../core/router/control-address.js';
import type { Command } from '../dataplane/protocol.js';
import type { Dialler } from './dialler.js';
import type { Node } from './node.js';
import { Pathing } from './pathing.js';
import { sendControl } from './send-control.js';
import { SpareSockets } from './spare-sockets.js';
import { UplinkSockets } from './uplink-sockets.js';

/** The paths of a node, without peers yet. Who is up may change with every path: its cluster looks at once. */
export function createPathing(
  node: Node,
  times: ClusterTimes,
  dialler: Dialler,
  hash: (data: Uint8Array) => Uint8Array,
): { readonly pathing: Pathing; readonly sockets: UplinkSockets } {
  const { native, configuration, machine } = node;
  const { local, network } = configuration;
  const boundTo = (place: number): 4 | 6 | undefined => {
    const { address } = local.uplinks[place];
    return address && (address.length === 4 ? 4 : 6);
  };
  // Until the kernel has been asked any family may do that the socket can speak.
  const uplinks = local.uplinks.map(({ name, cost }, id): Uplink => {
    return { id, name, socket: id, cost, v4: boundTo(id) !== 6, v6: boundTo(id) !== 4 };
  });
  const addressOf = controlAddresses(hash, network.name);
  const ownKey = node.wireguard.publicKey;
  const own = bytesOf(addressOf(ownKey));
  const { lanSocket } = machine;
  const lan: Uplink = { id: lanSocket, name: 'lan', socket: lanSocket, cost: 0, v4: true, v6: true };
  let isChanged = false;
  const onChange = (): void => {
    if (isChanged) return;
    isChanged = true;
    // After the input that caused it has been carried out, with a clock of its own.
    queueMicrotask(() => {
      isChanged = false;
      node.cluster.handleTimeout(native.now());
    });
  };
  const post = (command: Command): void => node.dataplane.post(command);
  const common = { native, configuration, log: node.log, post };
  const spares = new SpareSockets({ ...common, workers: machine.workers, first: machine.sockets.length });
  const sockets = new UplinkSockets({ ...common, machine, spares });
  const pathing = new Pathing({
    tables: node.tables,
    slots: node.paths,
    log: node.log,
    uplinks,
    boundTo,
    lan: uplinks[lanSocket] ?? lan,
    times,
    ownKey,
    now: () => native.now(),
    controlOf: (publicKey) => (publicKey === ownKey ? own : bytesOf(addressOf(publicKey))),
    endpointsOf: (peer) => dialler.endpoints(peer),
    seal: (peer, packet, slot, whole) => node.dataplane.seal(peer, packet, slot, whole),
    mtuBytes: () => node.configuration.network.mtu,
    tell: (peer, bytes) => sendControl(node, peer, bytes),
    wake: () => node.dataplane.wake(),
    // Every other time from the uplink's own port: a firewall may admit no other.
    redial: (peer, { id, uplink, endpoint }, attempt) => {
      const socket = attempt % 2 === 1 ? spares.open(uplink.id) : uplink.socket;
      if (socket !== undefined && socket !== endpoint[ENDPOINT_SOCKET]) peer.handleRedialled(id, socket);
    },
    onSockets: (used) => spares.keepOnly(used),
    resolve: (peer) => dialler.resolve(peer),
    onPath: (place, peer, path, state) => {
      if (place >= uplinks.length) return;
      queueMicrotask(() => node.uplinks.handlePath(place, peer, path, state));
    },
    onChange,
  });
  return { pathing, sockets };
}

function bytesOf(words: readonly number[]): Uint8Array {
  return Uint8Array.from(
    words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]),
  );
}
