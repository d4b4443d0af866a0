/**
 * What this node holds of the machine: TUN devices and UDP sockets. Opened once at start, closed at stop; the kernel
 * takes them back by itself when the process dies, so a kill leaves no device behind.
 *
 * Socket 0 … n − 1 belong to the uplinks, in the order of the configuration. A partner on the LAN is reached by one more
 * socket, bound to the LAN device, because an uplink's socket is bound to its own device and cannot.
 */

import { TwinspanError } from '../../core/base/errors.js';
import { formatAddress } from '../../core/config/address.js';
import type { Configuration, OffloadName } from '../../core/config/configuration.js';
import {
  type Native,
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_TSO,
  TUN_OFFLOAD_USO,
  UDP_OFFLOAD_GRO,
  UDP_OFFLOAD_GSO,
} from '../../edge/native.js';

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

const OFFLOAD_BITS: Readonly<Record<OffloadName, number>> = {
  tunCsum: TUN_OFFLOAD_CSUM,
  tunTso: TUN_OFFLOAD_TSO,
  tunUso: TUN_OFFLOAD_USO,
  tunGro: TUN_OFFLOAD_GRO,
  udpGso: UDP_OFFLOAD_GSO,
  udpGro: UDP_OFFLOAD_GRO,
};

/** Bits of the named offloads that the configuration does not switch off. */
function wanted(configuration: Configuration, names: readonly OffloadName[]): number {
  const { offload } = configuration.local;
  return names.reduce((bits, name) => (offload[name] === 'off' ? bits : bits | OFFLOAD_BITS[name]), 0);
}

/** Refuses to start without an offload that the configuration insists on. */
function insist(
  configuration: Configuration,
  names: readonly OffloadName[],
  got: number,
  where: string,
): void {
  for (const name of names) {
    if (configuration.local.offload[name] === 'on' && (got & OFFLOAD_BITS[name]) === 0) {
      throw new TwinspanError(
        'TS_DEVICE',
        `${where}: the kernel does not offer ${name}.`,
        `Set offload.${name} to auto.`,
      );
    }
  }
}

const TUN_OFFLOADS = ['tunCsum', 'tunTso', 'tunUso', 'tunGro'] as const;
const UDP_OFFLOADS = ['udpGso', 'udpGro'] as const;

/** Opens the devices and sockets of `configuration`. Throws TS_DEVICE, TS_SOCKET or TS_NO_TUN, with nothing left open. */
export function openMachine(native: Native, configuration: Configuration): Machine {
  const { local } = configuration;
  const fds: number[] = [];
  const close = (): void => {
    for (const fd of fds.splice(0)) native.closeFd(fd);
  };
  try {
    const bits = wanted(configuration, TUN_OFFLOADS);
    const lan = native.tunOpen(local.lan.tun, 1, bits);
    fds.push(...lan.fds);
    insist(configuration, TUN_OFFLOADS, lan.offloads, local.lan.tun);
    const wan = native.tunOpen(local.wan.tun, 1, lan.offloads);
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

function openSockets(native: Native, configuration: Configuration, fds: number[]): OpenSocket[] {
  const { local, clusters, cluster } = configuration;
  const offloads = wanted(configuration, UDP_OFFLOADS);
  const open = (name: string, device: string, address: string): OpenSocket => {
    const socket = native.udpOpen({
      address,
      port: local.listenPort,
      device,
      mark: 0,
      offloads,
      reusePort: false,
    });
    fds.push(socket.fd);
    insist(configuration, UDP_OFFLOADS, socket.offloads, `uplink ${name}`);
    return { name, fd: socket.fd, port: socket.port, offloads: socket.offloads };
  };
  const sockets = local.uplinks.map((uplink) =>
    open(uplink.name, uplink.device ?? '', uplink.address === undefined ? '' : formatAddress(uplink.address)),
  );
  const bound = local.uplinks.every(
    (uplink) => uplink.device !== undefined && uplink.device !== local.lan.device,
  );
  if (clusters[cluster].members.length > 1 && bound) sockets.push(open('lan', local.lan.device, ''));
  return sockets;
}
