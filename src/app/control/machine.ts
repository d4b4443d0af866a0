/**
 * What this node holds of the machine: TUN devices and UDP sockets. Opened once at start, closed at stop; the kernel
 * takes them back by itself when the process dies, so a kill leaves no device behind.
 *
 * Socket 0 … n − 1 belong to the uplinks, in the order of the configuration. A partner on the LAN is reached by one more
 * socket, bound to the LAN device, because an uplink's socket is bound to its own device and cannot.
 */
import { formatAddress } from '../../core/config/address.js';
import type { Configuration } from '../../core/config/configuration.js';
import type { Native } from '../../edge/native.js';
import { openTun } from '../../edge/tun/open.js';
import { openUdp } from '../../edge/udp/open.js';

export interface OpenSocket {
  readonly name: string;
  readonly fd: number;
  readonly port: number;
  readonly offloads: number;
}

export interface Machine {
  readonly lanFd: number;
  readonly wanFd: number;
  readonly lanTun: string;
  readonly wanTun: string;
  /** TUN_OFFLOAD_ bits in force on the LAN TUN. */
  readonly tunOffloads: number;
  readonly sockets: readonly OpenSocket[];
  /** Index of the socket by which partners on the LAN are reached. */
  readonly lanSocket: number;
  readonly close: () => void;
}

/** Opens the devices and sockets of `configuration`. Throws TS_DEVICE, TS_SOCKET or TS_NO_TUN, with nothing left open. */
export function openMachine(native: Native, configuration: Configuration): Machine {
  const { local } = configuration;
  const fds: number[] = [];
  const close = (): void => {
    for (const fd of fds.splice(0)) native.closeFd(fd);
  };
  try {
    const { tunCsum: csum, tunTso: tso, tunUso: uso, tunGro: gro } = local.offload;
    const lan = openTun(local.lan.tun, 1, { csum, tso, uso, gro });
    fds.push(...lan.fds);
    const wan = openTun(local.wan.tun, 1, { csum, tso, uso, gro });
    fds.push(...wan.fds);
    const sockets = openSockets(native, configuration, fds);
    return {
      lanFd: lan.fds[0],
      wanFd: wan.fds[0],
      lanTun: lan.name,
      wanTun: wan.name,
      tunOffloads: lan.offloads & wan.offloads,
      sockets,
      lanSocket: sockets.length - 1,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Where the socket of an uplink whose device is away waits: nothing leaves by it. */
const WAITING_DEVICE = 'lo';

/**
 * The sockets in their order. Of several uplinks some may be away: theirs wait until the uplink keeper binds them. Where
 * none is there the configuration is taken to be wrong.
 */
function openSockets(native: Native, configuration: Configuration, fds: number[]): OpenSocket[] {
  const { local, clusters, cluster } = configuration;
  const { udpGso: gso, udpGro: gro } = local.offload;
  const open = (name: string, device: string, address: string, port = local.listenPort): OpenSocket => {
    const options = { address, port, device, mark: 0, reusePort: false };
    const socket = openUdp(options, { gso, gro });
    fds.push(socket.fd);
    return { name, fd: socket.fd, port: socket.port, offloads: socket.offloads };
  };
  const away = local.uplinks.filter(({ device }) => device !== undefined && native.linkFlags(device) < 0);
  const some = away.length < local.uplinks.length;
  const sockets = local.uplinks.map((uplink) => {
    const { name, device, address } = uplink;
    // Two sockets that wait cannot have one port; the second keeps another, which does for a node that dials.
    if (some && away.includes(uplink))
      return open(name, WAITING_DEVICE, '', uplink === away[0] ? undefined : 0);
    return open(name, device ?? '', address === undefined ? '' : formatAddress(address));
  });
  const bound = local.uplinks.every(({ device }) => device !== undefined && device !== local.lan.device);
  if (clusters[cluster].members.length > 1 && bound) sockets.push(open('lan', local.lan.device, ''));
  return sockets;
}
