/** The offloads' names and bits, and which of them the kernel has refused while packets flowed. */
import type { OffloadName } from '../../core/config/configuration.js';
import {
  type Native,
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_TSO,
  TUN_OFFLOAD_USO,
  UDP_OFFLOAD_GRO,
  UDP_OFFLOAD_GSO,
} from '../../edge/native.js';
import type { DemotedOffload } from './protocol.js';

export const TUN_OFFLOADS: readonly (readonly [OffloadName, number])[] = [
  ['tunCsum', TUN_OFFLOAD_CSUM],
  ['tunTso', TUN_OFFLOAD_TSO],
  ['tunUso', TUN_OFFLOAD_USO],
  ['tunGro', TUN_OFFLOAD_GRO],
];
export const UDP_OFFLOADS: readonly (readonly [OffloadName, number])[] = [
  ['udpGso', UDP_OFFLOAD_GSO],
  ['udpGro', UDP_OFFLOAD_GRO],
];
/** Socket indices are one byte. */
const SOCKETS_MAX = 256;

/** All offloads of a context that were given up. For rare use: it asks about every socket that there may be. */
export function demotedOffloads(native: Native, context: number): DemotedOffload[] {
  const demoted: DemotedOffload[] = [];
  for (let socket = -1; socket < SOCKETS_MAX; socket++) {
    for (const [name, bit] of socket < 0 ? TUN_OFFLOADS : UDP_OFFLOADS) {
      const errno = native.offloadError(context, socket, bit);
      if (errno > 0) demoted.push({ name, socket, errno });
    }
  }
  return demoted;
}
