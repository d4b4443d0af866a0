/**
 * UDP sockets with a switch for each offload: off is never used, on must be granted, auto is used where the kernel
 * grants it and is not known to break it.
 */
import { release } from 'node:os';
import { TwinspanError } from '../../core/base/errors.js';
import {
  native,
  type OffloadSwitch,
  UDP_OFFLOAD_GRO,
  UDP_OFFLOAD_GSO,
  type UdpOptions,
  type UdpSocket,
} from '../native.js';

export interface UdpSwitches {
  /** Trains of equal datagrams in one send (UDP_SEGMENT). */
  gso: OffloadSwitch;
  /** Trains in one receive (UDP_GRO). */
  gro: OffloadSwitch;
}

/**
 * Linux 7.0 to 7.1.4 mangles the headers of trains whose last datagram is as long as the others, which nothing at run
 * time can detect.
 */
export function isGsoBroken(kernel: string): boolean {
  const [major, minor, patch] = kernel.split(/[^0-9]+/, 3).map(Number);
  return major === 7 && (minor === 0 || (minor === 1 && !(patch > 4)));
}

/** Opens a socket. Throws TS_SOCKET, also where an offload that is on is refused. */
export function openUdp(
  options: Omit<UdpOptions, 'offloads'>,
  switches: UdpSwitches,
  kernel: string = release(),
): UdpSocket {
  const gso = switches.gso === 'on' || (switches.gso === 'auto' && !isGsoBroken(kernel));
  const offloads = (gso ? UDP_OFFLOAD_GSO : 0) | (switches.gro === 'off' ? 0 : UDP_OFFLOAD_GRO);
  const socket = native().udpOpen({ ...options, offloads });
  const missing: string[] = [];
  if (switches.gso === 'on' && (socket.offloads & UDP_OFFLOAD_GSO) === 0) missing.push('gso');
  if (switches.gro === 'on' && (socket.offloads & UDP_OFFLOAD_GRO) === 0) missing.push('gro');
  if (missing.length === 0) return socket;
  native().closeFd(socket.fd);
  throw new TwinspanError(
    'TS_SOCKET',
    `A UDP socket does not get the offloads that are on: ${missing.join(', ')}.`,
    'Set them to auto; gso needs Linux 4.18 and gro Linux 5.12.',
  );
}
