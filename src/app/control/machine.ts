/**
 * What this node holds of the machine: TUN devices and UDP sockets. Opened once at start, closed at stop; the kernel
 * takes them back by itself when the process dies, so a kill leaves no device behind.
 *
 * Socket 0 … n − 1 belong to the uplinks, in the order of the configuration; one whose device or address is not there yet
 * waits (uplink-sockets.ts). A partner on the LAN is reached by one more socket, bound to the LAN device, because an
 * uplink's socket is bound to its own device and cannot.
 *
 * Each is opened once for every worker: a queue of each TUN, and a socket of the group that shares a port (edge/udp/group.ts).
 */
import { TwinspanError } from '../../core/base/errors.js';
import { formatAddress } from '../../core/config/address.js';
import type { Configuration, UplinkConfiguration } from '../../core/config/configuration.js';
import type { Native } from '../../edge/native.js';
import { openTun } from '../../edge/tun/open.js';
import { openUdpGroup, steeringRefusal } from '../../edge/udp/group.js';
import type { TunFds } from '../dataplane/protocol.js';
import { beginScheduling, type Schedule } from './scheduling.js';

export interface OpenSocket {
  readonly name: string;
  /** By worker; none: it waits. */
  readonly fds: readonly number[];
  readonly offloads: number;
  /** Why it waits; '' where it does not. */
  readonly waitsFor: string;
}

export interface Machine {
  /** How many there are, and why fewer than the configuration has; '' where it has its way. */
  readonly workers: number;
  readonly workersRefusal: string;
  readonly schedule: Schedule;
  /** By worker. */
  readonly tuns: readonly TunFds[];
  readonly lanTun: string;
  readonly wanTun: string;
  /** TUN_OFFLOAD_ bits in force on the LAN TUN. */
  readonly tunOffloads: number;
  readonly sockets: readonly OpenSocket[];
  /** Index of the socket by which partners on the LAN are reached. */
  readonly lanSocket: number;
  /** Tries to open a socket that waits; returns it as it is then. Throws TS_SOCKET. */
  readonly openWaiting: (index: number) => OpenSocket;
  /** Closes a socket, which waits from then on. No worker may use it. */
  readonly closeSocket: (index: number) => void;
  readonly close: () => void;
}

/** Opens the devices and sockets of `configuration`. Throws TS_DEVICE, TS_SOCKET or TS_NO_TUN, with nothing left open. */
export function openMachine(native: Native, configuration: Configuration): Machine {
  const { local } = configuration;
  const workersRefusal = local.workers === 1 ? '' : steeringRefusal(local.workers);
  const workers = workersRefusal === '' ? local.workers : 1;
  const fds = new Set<number>();
  const sockets: OpenSocket[] = [];
  const closeAll = (some: Iterable<number>): void => {
    for (const fd of [...some]) {
      native.closeFd(fd);
      fds.delete(fd);
    }
  };
  const close = (): void => closeAll(fds);
  const opening: Opening = { native, configuration, workers, fds };
  try {
    const { tunCsum: csum, tunTso: tso, tunUso: uso, tunGro: gro } = local.offload;
    const [lan, wan] = [local.lan.tun, local.wan.tun].map((name) => {
      const device = openTun(name, workers, { csum, tso, uso, gro });
      for (const fd of [...device.fds, ...device.writeFds]) fds.add(fd);
      return device;
    });
    sockets.push(...openSockets(opening));
    const openWaiting = (index: number): OpenSocket => {
      if (sockets[index].fds.length === 0) sockets[index] = openUplink(opening, index);
      return sockets[index];
    };
    const closeSocket = (index: number): void => {
      closeAll(sockets[index].fds);
      sockets[index] = { ...sockets[index], fds: [], waitsFor: 'it is opened anew' };
    };
    return {
      workers,
      workersRefusal,
      schedule: beginScheduling(native, local.scheduling, workers),
      tuns: lan.fds.map((lanFd, worker) => ({
        lanFd,
        wanFd: wan.fds[worker],
        lanWriteFd: lan.writeFds[worker],
        wanWriteFd: wan.writeFds[worker],
      })),
      lanTun: lan.name,
      wanTun: wan.name,
      tunOffloads: lan.offloads & wan.offloads,
      sockets,
      lanSocket: sockets.length - 1,
      openWaiting,
      closeSocket,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

interface Opening {
  readonly native: Native;
  readonly configuration: Configuration;
  readonly workers: number;
  /** All that is open. */
  readonly fds: Set<number>;
}

/** The sockets in their order. */
function openSockets(opening: Opening): OpenSocket[] {
  const { local, clusters, cluster } = opening.configuration;
  const sockets = local.uplinks.map((_uplink, index) => openUplink(opening, index));
  const bound = local.uplinks.every(({ device }) => device !== undefined && device !== local.lan.device);
  if (clusters[cluster].members.length > 1 && bound) {
    sockets.push(open(opening, 'lan', local.lan.device, ''));
  }
  return sockets;
}

function openUplink(opening: Opening, index: number): OpenSocket {
  const { native, configuration } = opening;
  const uplink = configuration.local.uplinks[index];
  const { name, device = '' } = uplink;
  const waitsFor = absence(native, uplink);
  if (waitsFor !== '') return { name, fds: [], offloads: 0, waitsFor };
  const address = uplink.address === undefined ? '' : formatAddress(uplink.address);
  try {
    return open(opening, name, device, address);
  } catch (error) {
    // DHCP may still give the address to a device that we know. Without a device nobody would tell us.
    const isAway = error instanceof TwinspanError && error.message.includes('EADDRNOTAVAIL');
    if (device === '' || !isAway) throw error;
    return { name, fds: [], offloads: 0, waitsFor: `${device} does not have the address ${address}` };
  }
}

function absence(native: Native, { device }: UplinkConfiguration): string {
  return device !== undefined && native.linkFlags(device) < 0 ? `the device ${device} does not exist` : '';
}

function open(
  { configuration: { local }, workers, fds: all }: Opening,
  name: string,
  device: string,
  address: string,
): OpenSocket {
  const { udpGso: gso, udpGro: gro } = local.offload;
  const options = { address, port: local.listenPort, device, mark: 0 };
  const { fds, offloads } = openUdpGroup(options, { gso, gro }, workers);
  for (const fd of fds) all.add(fd);
  return { name, fds, offloads, waitsFor: '' };
}
