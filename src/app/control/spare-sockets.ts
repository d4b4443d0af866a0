/**
 * Sockets with new source ports for paths that stay dead: stateful firewalls and carrier NATs lose flows, or keep one
 * pinned to an ISP that is dead. Opened at run time beside the uplinks' own, few, and closed when no path uses them:
 * first the workers let go, then the descriptors are closed.
 */
import { formatAddress } from '../../core/config/address.js';
import type { Configuration } from '../../core/config/configuration.js';
import type { Native } from '../../edge/native.js';
import { openUdpGroup } from '../../edge/udp/group.js';
import type { Command } from '../dataplane/protocol.js';
import type { Logger } from './log.js';

const SPARES_MAX = 8;

interface Spare {
  /** By worker. */
  fds: readonly number[];
  /** Of its uplink. */
  readonly place: number;
  /** What is done when the workers have let go of it. */
  fate: 'stay' | 'close' | 'open anew';
}

export interface SpareSocketsOptions {
  readonly native: Native;
  readonly configuration: Configuration;
  readonly workers: number;
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
    return spare?.fate === 'close' ? undefined : spare?.fds[0];
  }

  /** Opens one on the uplink in `place`; returns its index, undefined where there is no room or the kernel refuses. */
  open(place: number): number | undefined {
    const { configuration, first } = this.#options;
    let index = first;
    while (this.#spares.has(index)) index += 1;
    if (configuration.local.uplinks[place] === undefined || index >= first + SPARES_MAX) return undefined;
    const spare: Spare = { fds: [], place, fate: 'stay' };
    if (!this.#open(index, spare)) return undefined;
    this.#spares.set(index, spare);
    return index;
  }

  /** Whether the kernel gives it sockets. */
  #open(index: number, spare: Spare): boolean {
    const { configuration, workers, post, log } = this.#options;
    const uplink = configuration.local.uplinks[spare.place];
    const { udpGso: gso, udpGro: gro } = configuration.local.offload;
    const address = uplink.address === undefined ? '' : formatAddress(uplink.address);
    const options = { address, port: 0, device: uplink.device ?? '', mark: 0 };
    try {
      const { fds, offloads } = openUdpGroup(options, { gso, gro }, workers);
      spare.fds = fds;
      post({ kind: 'socket', index, fds, offloads });
      return true;
    } catch (error) {
      log.warn({ event: 'source-port-not-changed', uplink: uplink.name, reason: String(error) });
      return false;
    }
  }

  /** Binds those of the uplink in `place` to its device, which is new under its old name. */
  bind(place: number, device: string): void {
    for (const [index, spare] of this.#spares) {
      if (spare.place !== place || spare.fate !== 'stay') continue;
      if (spare.fds.length === 1) this.#options.native.deviceBind(spare.fds[0], device);
      else this.#release(index, spare, 'open anew');
    }
  }

  /** Closes those that nobody uses. */
  keepOnly(used: ReadonlySet<number>): void {
    for (const [index, spare] of this.#spares) {
      if (used.has(index) || spare.fate === 'close') continue;
      if (spare.fate === 'stay') this.#release(index, spare, 'close');
      else spare.fate = 'close';
    }
  }

  /** The workers have let go of a socket. */
  handleReleased(index: number): void {
    const spare = this.#spares.get(index);
    if (spare === undefined || spare.fate === 'stay') return;
    this.#closeFds(spare);
    const stays = spare.fate === 'open anew' && this.#open(index, spare);
    spare.fate = 'stay';
    if (!stays) this.#spares.delete(index);
  }

  /** Closes all, after the workers have ended. */
  close(): void {
    for (const spare of this.#spares.values()) this.#closeFds(spare);
    this.#spares.clear();
  }

  #release(index: number, spare: Spare, fate: Spare['fate']): void {
    spare.fate = fate;
    this.#options.post({ kind: 'socket', index, fds: [], offloads: 0 });
  }

  #closeFds(spare: Spare): void {
    for (const fd of spare.fds) this.#options.native.closeFd(fd);
    spare.fds = [];
  }
}
