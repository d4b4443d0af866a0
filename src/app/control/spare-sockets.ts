/**
 * Sockets with new source ports for paths that stay dead: stateful firewalls and carrier NATs lose flows, or keep one
 * pinned to an ISP that is dead. Opened at run time beside the uplinks' own, few, and closed when no path uses them:
 * first the worker lets go, then the descriptor is closed.
 */
import { formatAddress } from '../../core/config/address.js';
import type { Configuration } from '../../core/config/configuration.js';
import type { Native } from '../../edge/native.js';
import { openUdp } from '../../edge/udp/open.js';
import type { Command } from '../dataplane/protocol.js';
import type { Logger } from './log.js';

const SPARES_MAX = 8;

interface Spare {
  readonly fd: number;
  /** Of its uplink. */
  readonly place: number;
  isClosing: boolean;
}

export interface SpareSocketsOptions {
  readonly native: Native;
  readonly configuration: Configuration;
  readonly log: Logger;
  /** Index of the first spare: behind those that were opened at start. */
  readonly first: number;
  readonly post: (command: Command) => void;
}

export class SpareSockets {
  readonly #options: SpareSocketsOptions;
  /** By index. BOUNDED by SPARES_MAX. */
  readonly #spares = new Map<number, Spare>();

  constructor(options: SpareSocketsOptions) {
    this.#options = options;
  }

  /** The descriptor of a spare that is open. */
  fd(index: number): number | undefined {
    const spare = this.#spares.get(index);
    return spare?.isClosing === false ? spare.fd : undefined;
  }

  /** Opens one on the uplink in `place`; returns its index, undefined where there is no room or the kernel refuses. */
  open(place: number): number | undefined {
    const { configuration, first, post, log } = this.#options;
    const uplink = configuration.local.uplinks[place];
    let index = first;
    while (this.#spares.has(index)) index += 1;
    if (uplink === undefined || index >= first + SPARES_MAX) return undefined;
    const { udpGso: gso, udpGro: gro } = configuration.local.offload;
    const address = uplink.address === undefined ? '' : formatAddress(uplink.address);
    const options = { address, port: 0, device: uplink.device ?? '', mark: 0, reusePort: false };
    try {
      const { fd, offloads } = openUdp(options, { gso, gro });
      this.#spares.set(index, { fd, place, isClosing: false });
      post({ kind: 'socket', index, fd, offloads });
      return index;
    } catch (error) {
      log.warn({ event: 'source-port-not-changed', uplink: uplink.name, reason: String(error) });
      return undefined;
    }
  }

  /** Binds those of the uplink in `place` to its device, which is new under its old name. */
  bind(place: number, device: string): void {
    for (const spare of this.#spares.values()) {
      if (spare.place === place) this.#options.native.deviceBind(spare.fd, device);
    }
  }

  /** Closes those that nobody uses. */
  keepOnly(used: ReadonlySet<number>): void {
    for (const [index, spare] of this.#spares) {
      if (used.has(index) || spare.isClosing) continue;
      spare.isClosing = true;
      this.#options.post({ kind: 'socket', index, fd: -1, offloads: 0 });
    }
  }

  /** The worker has let go of a socket. */
  handleReleased(index: number): void {
    const spare = this.#spares.get(index);
    if (spare?.isClosing !== true) return;
    this.#options.native.closeFd(spare.fd);
    this.#spares.delete(index);
  }

  /** Closes all, after the worker has ended. */
  close(): void {
    for (const { fd } of this.#spares.values()) this.#options.native.closeFd(fd);
    this.#spares.clear();
  }
}
