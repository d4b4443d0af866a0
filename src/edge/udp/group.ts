/**
 * One UDP port for several workers: a socket each, which share address, port and device (SO_REUSEPORT), and a program in the
 * kernel that gives each message to the worker that owns its session. A transport message carries our own receiver index,
 * whose low bits are the session's slot, and the slot says the owner (core/wireguard/slots.ts); everything else, handshakes
 * above all, goes to the first worker.
 *
 * The kernel counts the sockets of a group in the order in which they were bound, so they are opened and closed together: where
 * they need another device, too, since binding a socket to a device takes it out of its group.
 */
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { encodeFilter, type Instruction } from '../../core/base/filter.js';
import { native, type UdpOptions, type UdpSocket } from '../native.js';
import { openUdp, type UdpSwitches } from './open.js';

export interface UdpGroup {
  /** By worker. */
  readonly fds: readonly number[];
  readonly port: number;
  /** What every one of them got. */
  readonly offloads: number;
}

const LOAD_BYTE = 0x30;
const JUMP_IF_EQUAL = 0x15;
const SHIFT_LEFT = 0x64;
const TO_INDEX = 0x07;
const ADD_INDEX = 0x0c;
const MODULO = 0x94;
const RETURN_VALUE = 0x16;
const RETURN = 0x06;
const TRANSPORT = 4;

/** (slot of the receiver index) mod workers; a load behind the end of a datagram ends a program with 0. */
export function steeringProgram(workers: number): readonly Instruction[] {
  return [
    [LOAD_BYTE, 0, 0, 0],
    [JUMP_IF_EQUAL, 0, 7, TRANSPORT],
    [LOAD_BYTE, 0, 0, 5],
    [SHIFT_LEFT, 0, 0, 8],
    [TO_INDEX, 0, 0, 0],
    [LOAD_BYTE, 0, 0, 4],
    [ADD_INDEX, 0, 0, 0],
    [MODULO, 0, 0, workers],
    [RETURN_VALUE, 0, 0, 0],
    [RETURN, 0, 0, 0],
  ];
}

/** Has the kernel steer among the sockets of a group. 0 or −errno. */
function steer(fd: number, workers: number): number {
  return native().portSteer(fd, encodeFilter(steeringProgram(workers), endianness() === 'LE'));
}

/** Why the kernel cannot steer; '' if it can. */
export function steeringRefusal(workers: number): string {
  const { fd } = native().udpOpen({ ...ANY, address: '127.0.0.1', reusePort: true });
  const answer = steer(fd, workers);
  native().closeFd(fd);
  return answer === 0 ? '' : `SO_ATTACH_REUSEPORT_CBPF: ${getSystemErrorName(answer)}`;
}

const ANY: UdpOptions = { address: '', port: 0, device: '', mark: 0, offloads: 0, reusePort: false };

/**
 * Opens a socket for each worker. Throws TS_SOCKET as openUdp does, with nothing left open: a port that is used already is
 * refused, for the first socket is bound before it is shared.
 */
export function openUdpGroup(
  options: Omit<UdpOptions, 'offloads' | 'reusePort'>,
  switches: UdpSwitches,
  workers: number,
): UdpGroup {
  const first = openUdp({ ...options, reusePort: false }, switches);
  if (workers === 1) return { fds: [first.fd], port: first.port, offloads: first.offloads };
  const sockets: UdpSocket[] = [first];
  try {
    native().portShare(first.fd);
    while (sockets.length < workers) {
      sockets.push(openUdp({ ...options, port: first.port, reusePort: true }, switches));
    }
    steer(first.fd, workers);
  } catch (error) {
    for (const { fd } of sockets) native().closeFd(fd);
    throw error;
  }
  const offloads = sockets.reduce((bits, socket) => bits & socket.offloads, first.offloads);
  return { fds: sockets.map(({ fd }) => fd), port: first.port, offloads };
}
