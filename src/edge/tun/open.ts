/**
 * TUN devices with a switch for each offload, for kernels break them: an offload that is off is never asked for, one
 * that is on must be granted, and one on auto is used where the kernel grants it (the addon gives it up again when it
 * does not work).
 */
import { TwinspanError } from '../../core/base/errors.js';
import {
  native,
  type OffloadSwitch,
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_TSO,
  TUN_OFFLOAD_USO,
  type TunDevice,
} from '../native.js';

export interface TunSwitches {
  /** Checksums left to us and to the kernel. Without them nothing else is granted. */
  csum: OffloadSwitch;
  /** TCP super-packets. */
  tso: OffloadSwitch;
  /** UDP super-packets (Linux 6.2). */
  uso: OffloadSwitch;
  /** Coalescing before a write. */
  gro: OffloadSwitch;
}

const BITS: Readonly<Record<keyof TunSwitches, number>> = {
  csum: TUN_OFFLOAD_CSUM,
  tso: TUN_OFFLOAD_TSO,
  uso: TUN_OFFLOAD_USO,
  gro: TUN_OFFLOAD_GRO,
};

/** Opens `queues` descriptors of the device `name`. Throws TS_DEVICE, also where an offload that is on is refused. */
export function openTun(name: string, queues: number, switches: TunSwitches): TunDevice {
  const names = Object.keys(BITS) as (keyof TunSwitches)[];
  const wanted = names.filter((offload) => switches[offload] !== 'off');
  const device = native().tunOpen(
    name,
    queues,
    wanted.reduce((bits, offload) => bits | BITS[offload], 0),
  );
  const missing = names.filter(
    (offload) => switches[offload] === 'on' && (device.offloads & BITS[offload]) === 0,
  );
  if (missing.length === 0) return device;
  for (const fd of device.fds) native().closeFd(fd);
  throw new TwinspanError(
    'TS_DEVICE',
    `The TUN device "${name}" does not get the offloads that are on: ${missing.join(', ')}.`,
    'Set them to auto; tso, uso and gro need csum, and uso needs Linux 6.2.',
  );
}
