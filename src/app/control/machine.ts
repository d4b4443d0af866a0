/**
 * What this node holds of the machine: TUN devices and UDP sockets. Opened once at start, closed at stop; the kernel
 * takes them back by itself when the process dies, so a kill leaves no device behind.
 *
 * Socket 0 … n − 1 belong to the uplinks, in the order of the configuration; one whose device or address is not there yet
 * waits (uplink-sockets.ts). A partner on the LAN is reached by one more socket, bound to the LAN device, because an
 * uplink's socket is bound to its own device and cannot.
 */
import { TwinspanError } from '../../core/base/errors.js';
import { formatAddress } from '../../core/config/address.js';
import type { Configuration, UplinkConfiguration } from '../../core/config/configuration.js';
import type { Native } from '../../edge/native.js';
import { openTun } from '../../edge/tun/open.js';
import { openUdp } from '../../edge/udp/open.js';

export interface OpenSocket {
  readonly name: string;
  /** −1: it waits. */
  readonly fd: number;
  readonly offloads: number;
  /** Why it waits; '' where it does not. */
  readonly waitsFor: string;
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
  /** Tries to open a socket that waits; returns it as it is then. Throws TS_SOCKET. */
  readonly openWaiting: (index: number) => OpenSocket;
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
    const openWaiting = (index: number): OpenSocket => {
      if (sockets[index].fd < 0) sockets[index] = openUplink(native, configuration, index, fds);
      return sockets[index];
    };
    return {
      lanFd: lan.fds[0],
      wanFd: wan.fds[0],
      lanTun: lan.name,
      wanTun: wan.name,
      tunOffloads: lan.offloads & wan.offloads,
      sockets,
      lanSocket: sockets.length - 1,
      openWaiting,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The sockets in their order. */
function openSockets(native: Native, configuration: Configuration, fds: number[]): OpenSocket[] {
  const { local, clusters, cluster } = configuration;
  const sockets = local.uplinks.map((_uplink, index) => openUplink(native, configuration, index, fds));
  const bound = local.uplinks.every(({ device }) => device !== undefined && device !== local.lan.device);
  if (clusters[cluster].members.length > 1 && bound) {
    sockets.push(open(configuration, 'lan', local.lan.device, '', fds));
  }
  return sockets;
}

function openUplink(native: Native, configuration: Configuration, index: number, fds: number[]): OpenSocket {
  const uplink = configuration.local.uplinks[index];
  const { name, device = '' } = uplink;
  const waitsFor = absence(native, uplink);
  if (waitsFor !== '') return { name, fd: -1, offloads: 0, waitsFor };
  const address = uplink.address === undefined ? '' : formatAddress(uplink.address);
  try {
    return open(configuration, name, device, address, fds);
  } catch (error) {
    // DHCP may still give the address to a device that we know. Without a device nobody would tell us.
    const isAway = error instanceof TwinspanError && error.message.includes('EADDRNOTAVAIL');
    if (device === '' || !isAway) throw error;
    return { name, fd: -1, offloads: 0, waitsFor: `${device} does not have the address ${address}` };
  }
}

function absence(native: Native, { device }: UplinkConfiguration): string {
  return device !== undefined && native.linkFlags(device) < 0 ? `the device ${device} does not exist` : '';
}

function open(
  { local }: Configuration,
  name: string,
  device: string,
  address: string,
  fds: number[],
): OpenSocket {
  const { udpGso: gso, udpGro: gro } = local.offload;
  const options = { address, port: local.listenPort, device, mark: 0, reusePort: false };
  const { fd, offloads } = openUdp(options, { gso, gro });
  fds.push(fd);
  return { name, fd, offloads, waitsFor: '' };
}
