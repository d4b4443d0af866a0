/**
 * What rtnetlink(7) tells of its own accord, read as far as it is needed: that links have changed, which addresses came,
 * were refreshed or went, and whether a default route did. Everything is in host byte order.
 */
import { endianness } from 'node:os';
import { OWN_PROTOCOL } from '../../core/plan/host.js';

const LITTLE = endianness() === 'LE';
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const HEADER = 16;
/** struct ifaddrmsg, struct rtmsg. */
const IFADDRMSG = 8;
const RTMSG = 12;

/** One burst of changes. */
export interface News {
  /** A device came, went, or changed. Also when messages were lost: then anything may have changed. */
  links: boolean;
  /** Addresses (4 or 16 bytes) that came, were refreshed, or went. */
  readonly addresses: Uint8Array[];
  /** A default route came, went or changed that is not ours. */
  defaults: boolean;
}

/** Nothing yet. */
export function noNews(): News {
  return { links: false, addresses: [], defaults: false };
}

/** Adds what the messages in `bytes` say to `news`. What is cut short ends the reading. */
export function readNews(bytes: Uint8Array, news: News): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, LITTLE);
    if (length < HEADER || at + length > bytes.length) return;
    readMessage(view, view.getUint16(at + 4, LITTLE), at + HEADER, at + length, news);
    at += (length + 3) & ~3;
  }
}

function readMessage(view: DataView, type: number, at: number, end: number, news: News): void {
  if (type === RTM_NEWLINK || type === RTM_DELLINK) news.links = true;
  else if ((type === RTM_NEWADDR || type === RTM_DELADDR) && at + IFADDRMSG <= end) {
    const address =
      attribute(view, at + IFADDRMSG, end, IFA_LOCAL) ?? attribute(view, at + IFADDRMSG, end, IFA_ADDRESS);
    if (address !== undefined) news.addresses.push(address);
  } else if ((type === RTM_NEWROUTE || type === RTM_DELROUTE) && at + RTMSG <= end) {
    const isDefault = view.getUint8(at + 1) === 0;
    if (isDefault && view.getUint8(at + 5) !== OWN_PROTOCOL) news.defaults = true;
  }
}

/** A copy of the value of the first attribute of `kind`. */
function attribute(view: DataView, from: number, end: number, kind: number): Uint8Array | undefined {
  for (let at = from; at + 4 <= end; ) {
    const length = view.getUint16(at, LITTLE);
    if (length < 4 || at + length > end) return undefined;
    if ((view.getUint16(at + 2, LITTLE) & 0x3fff) === kind) {
      return new Uint8Array(view.buffer, view.byteOffset + at + 4, length - 4).slice();
    }
    at += (length + 3) & ~3;
  }
  return undefined;
}
