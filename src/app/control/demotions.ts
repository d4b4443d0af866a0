/**
 * Offloads that the kernel granted and then refused (EIO, EINVAL …). The addon sends again what was refused, so nothing is
 * lost, and does not ask again; here is kept and said when that was and why. A socket opened anew begins anew.
 */
import { getSystemErrorName } from 'node:util';
import type { OffloadName } from '../../core/config/configuration.js';
import type { DemotedOffload } from '../dataplane/protocol.js';
import type { Logger } from './log.js';

export interface Demotion {
  readonly name: OffloadName;
  /** Index of the socket, −1: the TUN devices. */
  readonly socket: number;
  /** Name of the error. */
  readonly error: string;
  /** Wall-clock time, ISO 8601. */
  readonly at: string;
}

export class Demotions {
  readonly #log: Logger;
  readonly #sockets: readonly { readonly name: string }[];
  /** BOUNDED by the offloads of sockets and devices. */
  readonly #all = new Map<string, Demotion>();

  /** `sockets`: by index; spare ones behind them have no names. */
  constructor(log: Logger, sockets: readonly { readonly name: string }[]) {
    this.#log = log;
    this.#sockets = sockets;
  }

  /** All that a worker has given up so far. */
  handle(demoted: readonly DemotedOffload[]): void {
    for (const { name, socket, errno } of demoted) {
      const key = `${name} ${socket}`;
      if (this.#all.has(key)) continue;
      const error = getSystemErrorName(-errno);
      this.#all.set(key, { name, socket, error, at: new Date().toISOString() });
      const uplink = this.uplinkName(socket);
      this.#log.warn({
        event: 'offload-demoted',
        offload: name,
        error,
        ...(uplink !== undefined && { uplink }),
      });
    }
  }

  /** Another socket is at this index now. */
  forget(socket: number): void {
    for (const [key, demotion] of this.#all) if (demotion.socket === socket) this.#all.delete(key);
  }

  /** Those of one offload, oldest first. */
  of(name: OffloadName): Demotion[] {
    return [...this.#all.values()].filter((one) => one.name === name);
  }

  uplinkName(socket: number): string | undefined {
    return socket < 0 ? undefined : (this.#sockets[socket]?.name ?? 'another source port');
  }
}
