/**
 * The uplinks' sockets while devices and addresses come and go. A socket that waits is opened when what it waits for is
 * there, and given to the workers. One whose device was removed and added again is bound anew, and its spares with it: the
 * kernel binds to an interface index, which a device of the same name does not inherit. Where several workers share its port
 * it is opened anew instead, for a socket that is bound anew leaves its group: first the workers let go.
 */
import { getSystemErrorName } from 'node:util';
import type { Configuration } from '../../core/config/configuration.js';
import type { Native } from '../../edge/native.js';
import type { Command } from '../dataplane/protocol.js';
import type { Logger } from './log.js';
import type { Machine } from './machine.js';
import type { SpareSockets } from './spare-sockets.js';

export interface UplinkSocketsOptions {
  readonly native: Native;
  readonly configuration: Configuration;
  readonly machine: Machine;
  readonly spares: SpareSockets;
  readonly log: Logger;
  readonly post: (command: Command) => void;
}

interface Binding {
  /** Of the device to which the socket is bound; undefined: as it was when the socket was opened. */
  index: number | undefined;
  lost: boolean;
  /** The last refusal, told once. */
  refusal: string;
}

export class UplinkSockets {
  readonly #options: UplinkSocketsOptions;
  readonly #bindings: readonly Binding[];

  constructor(options: UplinkSocketsOptions) {
    const { configuration, machine, log } = options;
    this.#options = options;
    this.#bindings = configuration.local.uplinks.map(() => ({ index: undefined, lost: false, refusal: '' }));
    for (const [place, { name, device }] of configuration.local.uplinks.entries()) {
      const { waitsFor: reason } = machine.sockets[place];
      if (reason === '') continue;
      const hint = 'The uplink is used as soon as it is there. Is the configuration right?';
      log.warn({ event: 'uplink-waits', uplink: name, device, reason, hint });
    }
  }

  /** Interface index of the device of the uplink in `place` as it is now; undefined: it is away. */
  handleDevice(place: number, index: number | undefined): void {
    const { configuration, machine } = this.#options;
    const { device } = configuration.local.uplinks[place];
    const binding = this.#bindings[place];
    if (device === undefined) return;
    if (index === undefined) {
      binding.lost = true;
      return;
    }
    const before = binding.index;
    binding.index = index;
    if (machine.sockets[place].fds.length === 0) this.#open(place, binding);
    else if (binding.lost || (before !== undefined && before !== index)) this.#bind(place, device, binding);
  }

  /** The control thread's descriptor of a socket; undefined where there is none. */
  fd(index: number): number | undefined {
    const { machine, spares } = this.#options;
    return index < machine.sockets.length ? machine.sockets[index].fds[0] : spares.fd(index);
  }

  /** The workers have let go of a socket. */
  handleReleased(index: number): void {
    const { machine, spares } = this.#options;
    if (index >= machine.sockets.length) {
      spares.handleReleased(index);
      return;
    }
    machine.closeSocket(index);
    this.#open(index, this.#bindings[index]);
  }

  /** Closes the spares, after the workers have ended. */
  close(): void {
    this.#options.spares.close();
  }

  #open(place: number, binding: Binding): void {
    const { configuration, machine, post, log } = this.#options;
    const { name, device } = configuration.local.uplinks[place];
    let refusal = '';
    try {
      const { fds, offloads, waitsFor } = machine.openWaiting(place);
      refusal = waitsFor;
      if (fds.length > 0) {
        post({ kind: 'socket', index: place, fds, offloads });
        binding.lost = false;
        log.info({ event: 'uplink-bound', uplink: name, device });
      }
    } catch (error) {
      refusal = (error as Error).message;
    }
    if (refusal !== '' && refusal !== binding.refusal) {
      log.warn({ event: 'uplink-not-bound', uplink: name, device, reason: refusal });
    }
    binding.refusal = refusal;
  }

  #bind(place: number, device: string, binding: Binding): void {
    const { native, configuration, machine, spares, log, post } = this.#options;
    const { name } = configuration.local.uplinks[place];
    const { fds } = machine.sockets[place];
    spares.bind(place, device);
    if (fds.length > 1) {
      post({ kind: 'socket', index: place, fds: [], offloads: 0 });
      return;
    }
    const answer = native.deviceBind(fds[0], device);
    binding.lost = answer !== 0;
    if (answer === 0) log.info({ event: 'uplink-bound', uplink: name, device });
    else log.warn({ event: 'uplink-not-bound', uplink: name, device, reason: getSystemErrorName(answer) });
  }
}
