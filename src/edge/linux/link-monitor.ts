/**
 * News of links and addresses from the kernel, as a nudge: something has changed, look again. What it is stands in the
 * kernel, so a lost message (ENOBUFS) is just another nudge.
 */
import { getSystemErrorName } from 'node:util';
import { TwinspanError } from '../../core/base/errors.js';
import type { Native } from '../native.js';

const RTMGRP_LINK = 1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
const MESSAGE_BYTES = 8192;
/** Messages taken in one go; the rest comes with the next turn of the loop. */
const BURST_MAX = 64;
const IFF_UP = 1;
const IFF_LOWER_UP = 1 << 16;

export interface LinkMonitor {
  close(): void;
}

/** Calls `onChange` after each burst of changes of links or addresses in this network namespace. Throws TS_DEVICE. */
export function openLinkMonitor(native: Native, onChange: () => void): LinkMonitor {
  const fd = native.netlinkOpen(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  if (fd < 0) throw new TwinspanError('TS_DEVICE', `rtnetlink cannot be opened: ${getSystemErrorName(fd)}`);
  const buffer = new Uint8Array(MESSAGE_BYTES);
  const watch = native.watchOpen(fd, () => {
    for (let count = 0; count < BURST_MAX && native.messageReceive(fd, buffer) > 0; count++);
    onChange();
  });
  return {
    close() {
      native.watchClose(watch);
      native.closeFd(fd);
    },
  };
}

/** Whether `device` is up and has carrier at this moment; false where there is no such device. */
export function hasCarrier(native: Native, device: string): boolean {
  const flags = native.linkFlags(device);
  return flags >= 0 && (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0;
}
