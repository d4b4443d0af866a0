/**
 * News of links, addresses and default routes from the kernel, as a nudge: something has changed, look again. What it is
 * now stands in the kernel, so a lost message (ENOBUFS) is just another nudge.
 */
import { getSystemErrorName } from 'node:util';
import { TwinspanError } from '../../core/base/errors.js';
import type { Native } from '../native.js';
import { type News, noNews, readNews } from './news.js';

const RTMGRP_LINK = 1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;
const MESSAGE_BYTES = 8192;
/** Messages taken in one go; the rest comes with the next turn of the loop. */
const BURST_MAX = 64;
const IFF_UP = 1;
const IFF_LOWER_UP = 1 << 16;

export interface LinkMonitor {
  close(): void;
}

/**
 * Calls `onChange` after each burst of changes of links or addresses in this network namespace, and, if `routes` says so,
 * of routes. Throws TS_DEVICE.
 */
export function openLinkMonitor(native: Native, onChange: (news: News) => void, routes = false): LinkMonitor {
  const groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  const fd = native.netlinkOpen(routes ? groups | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE : groups);
  if (fd < 0) throw new TwinspanError('TS_DEVICE', `rtnetlink cannot be opened: ${getSystemErrorName(fd)}`);
  const buffer = new Uint8Array(MESSAGE_BYTES);
  const watch = native.watchOpen(fd, () => {
    const news = noNews();
    for (let count = 0; count < BURST_MAX; count++) {
      const length = native.messageReceive(fd, buffer);
      if (length <= 0) {
        if (length < 0 && getSystemErrorName(length) === 'ENOBUFS') news.links = true;
        break;
      }
      readNews(buffer.subarray(0, length), news);
    }
    onChange(news);
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
