/**
 * Raw ARP and neighbour-discovery frames on the LAN device. The device may vanish and come back (a reload of a driver, a
 * virtual machine's hot plug): sends then fail, and `reopen` finds it again under its name.
 */
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { encodeFilter } from '../../core/base/filter.js';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV6,
  encodeAnnouncement,
  encodeProbe,
  type Neighbour,
  parseNeighbour,
} from '../../core/packet/neighbour.js';
import type { Native } from '../native.js';
import { encodeAddressDrop, encodeAddressHold } from './netlink.js';

/** Frames are short; longer ones are none of ours. */
const FRAME_BYTES = 256;
const BURST_MAX = 64;
const NO_FILTER = new Uint8Array(0);

/** Classic BPF: ICMPv6 type 136 (neighbour advertisement) right behind the IPv6 header. */
const ADVERTISEMENTS = encodeFilter(
  [
    [0x30, 0, 0, 20],
    [0x15, 0, 3, 58],
    [0x30, 0, 0, 54],
    [0x15, 0, 1, 136],
    [0x06, 0, 0, FRAME_BYTES],
    [0x06, 0, 0, 0],
  ],
  endianness() === 'LE',
);

interface OpenPort {
  readonly fd: number;
  readonly watch: number;
}

export class LanPort {
  readonly #native: Native;
  readonly #device: string;
  readonly #onNeighbour: (neighbour: Neighbour) => void;
  readonly #ports: OpenPort[] = [];
  readonly #buffer = new Uint8Array(FRAME_BYTES);
  #mac = new Uint8Array(6);
  #index = 0;

  /** Opens it. Throws TS_DEVICE. `onNeighbour` hears everything said by others about who has which address. */
  constructor(native: Native, device: string, onNeighbour: (neighbour: Neighbour) => void) {
    this.#native = native;
    this.#device = device;
    this.#onNeighbour = onNeighbour;
    this.reopen();
  }

  /** The device's link-layer address. */
  get mac(): Uint8Array {
    return this.#mac;
  }

  /** Opens everything anew, for a device that came back. Throws TS_DEVICE, with nothing left open. */
  reopen(): void {
    this.close();
    try {
      this.#open(ETHERTYPE_ARP, NO_FILTER);
      this.#open(ETHERTYPE_IPV6, ADVERTISEMENTS);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Announces that `address` is here. The answer is undefined, or the name of the error. */
  announce(address: Uint8Array): string | undefined {
    return this.#send(encodeAnnouncement(this.#mac, address));
  }

  /** Asks who has `address`, as encodeProbe has it. */
  probe(source: Uint8Array, address: Uint8Array, to?: Uint8Array): string | undefined {
    return this.#send(encodeProbe(this.#mac, source, address, to));
  }

  /** Adds or refreshes `address` on the device for `seconds`. */
  hold(address: Uint8Array, seconds: number): string | undefined {
    return errorName(this.#native.netlinkRequest(encodeAddressHold(this.#index, address, seconds)));
  }

  /** Removes `address`; no error where it is not there. */
  drop(address: Uint8Array): string | undefined {
    const error = errorName(this.#native.netlinkRequest(encodeAddressDrop(this.#index, address)));
    return error === 'EADDRNOTAVAIL' || error === 'ENODEV' ? undefined : error;
  }

  close(): void {
    for (const { fd, watch } of this.#ports.splice(0)) {
      this.#native.watchClose(watch);
      this.#native.closeFd(fd);
    }
  }

  #open(protocol: number, filter: Uint8Array): void {
    const { fd, index, mac } = this.#native.packetOpen(this.#device, protocol, filter);
    const watch = this.#native.watchOpen(fd, () => this.#receive(fd));
    this.#ports.push({ fd, watch });
    this.#index = index;
    this.#mac = Uint8Array.from(mac);
  }

  #receive(fd: number): void {
    for (let count = 0; count < BURST_MAX; count++) {
      const length = this.#native.messageReceive(fd, this.#buffer);
      if (length <= 0) return;
      const neighbour = parseNeighbour(this.#buffer.subarray(0, length));
      if (neighbour === undefined || neighbour.mac.every((byte, at) => byte === this.#mac[at])) continue;
      this.#onNeighbour(neighbour);
      // The listener may have closed the port.
      if (!this.#ports.some((port) => port.fd === fd)) return;
    }
  }

  #send(frame: Uint8Array): string | undefined {
    const [port] = this.#ports;
    return port === undefined ? 'ENODEV' : errorName(this.#native.messageSend(port.fd, frame));
  }
}

function errorName(answer: number): string | undefined {
  return answer < 0 ? getSystemErrorName(answer) : undefined;
}
