/**
 * Drives the WireGuard devices (our own, and that of our cluster's key): feeds them datagrams, worker reports and time,
 * and carries out what they say. After every input their outputs are taken one by one until there is none.
 *
 * Where handshakes go: to one of our own nodes by the path in use, or, while none works, the same message by all its
 * paths (the replay check makes copies harmless). Initiations to an external peer go round its configured endpoints while
 * it has no session. An authentic handshake or transport message from another endpoint moves a peer there (roaming; paper,
 * 2.1), unless BFD has found a path to it.
 */
import type { SharedTables } from '../../core/router/memory.js';
import type { WireGuard } from '../../core/wireguard/device.js';
import type { Output } from '../../core/wireguard/outputs.js';
import type { Dataplane } from './dataplane.js';
import type { Dialler } from './dialler.js';
import type { Logger } from './log.js';
import type { Pathing } from './pathing.js';
import type { PathSlots } from './tables.js';

const KEEPALIVE = new Uint8Array(0);
const PATH_SILENT_MS_MAX = 15_000;

export interface PeeringOptions {
  readonly wireguard: WireGuard;
  readonly dataplane: () => Dataplane;
  readonly tables: SharedTables;
  readonly paths: PathSlots;
  readonly dialler: Dialler;
  readonly pathing: () => Pick<Pathing, 'handshakeRecords' | 'handleSession'>;
  readonly log: Logger;
  readonly now: () => number;
  /** Sends one datagram to an endpoint record. */
  readonly send: (bytes: Uint8Array, record: Uint8Array) => void;
  readonly peerName: (peer: number) => string;
  /** A session came up: who serves a cluster may have changed. */
  readonly onSession: () => void;
}

export class Peering {
  readonly #options: PeeringOptions;
  /** Our own device first. BOUNDED by two keys. */
  readonly #devices: WireGuard[];

  constructor(options: PeeringOptions) {
    this.#options = options;
    this.#devices = [options.wireguard];
  }

  /** Drives another device beside our own. */
  attach(device: WireGuard): void {
    this.#devices.push(device);
  }

  /** No longer drives a device, whose peers have been removed. */
  detach(device: WireGuard): void {
    this.drain();
    this.#devices.splice(this.#devices.indexOf(device), 1);
  }

  /** When handleTimeout must be called at the latest. */
  nextDeadline(): number {
    return Math.min(...this.#devices.map((device) => device.nextDeadline()));
  }

  /** A datagram that is not transport data, from endpoint record `source`. */
  handleDatagram(bytes: Uint8Array, source: Uint8Array): void {
    const [own, ...others] = this.#devices;
    const device = others.find((other) => other.isFor(bytes)) ?? own;
    device.handleDatagram(bytes, source, this.#options.now());
    this.drain();
  }

  /** Time has passed; call at least at `nextDeadline`, and a few times a second because workers move clocks silently. */
  handleTimeout(): void {
    const now = this.#options.now();
    for (const device of this.#devices) device.handleTimeout(now, Date.now());
    this.drain();
  }

  /** Every worker has the keys of `slot`. */
  handleInstalled(slot: number): void {
    const now = this.#options.now();
    for (const device of this.#devices) device.handleInstalled(slot, now);
    this.drain();
  }

  /** First data came on an unconfirmed session. */
  handleSessionUsed(slot: number): void {
    const now = this.#options.now();
    for (const device of this.#devices) device.handleSessionUsed(slot, now);
    this.drain();
  }

  /** A packet for `peer` found no session. */
  handleWanted(peer: number): void {
    const now = this.#options.now();
    for (const device of this.#devices) device.handleWanted(peer, now);
    this.handleTimeout();
  }

  /** Starts a handshake now: the peer has fallen silent, or a path is new. */
  dial(peer: number): void {
    const now = this.#options.now();
    for (const device of this.#devices) device.startHandshake(peer, now, Date.now());
    this.drain();
  }

  /** An authentic transport message came from `record`. */
  handleRoamed(peer: number, record: Uint8Array): void {
    this.#moveTo(peer, record);
  }

  /** Carries out everything the protocol has to say. */
  drain(): void {
    for (const device of this.#devices) {
      for (let output = device.pollOutput(); output !== undefined; output = device.pollOutput()) {
        this.#carryOut(output);
      }
    }
  }

  #carryOut(output: Output): void {
    const { dataplane, log, peerName, dialler, onSession } = this.#options;
    switch (output.type) {
      case 'send':
        this.#send(output.peer, output.bytes, output.to);
        break;
      case 'install':
        dataplane().post({
          kind: 'install',
          slot: output.slot,
          sendKey: output.sendKey,
          receiveKey: output.receiveKey,
        });
        break;
      case 'remove':
        dataplane().post({ kind: 'remove', slot: output.slot });
        break;
      case 'keepalive':
        dataplane().seal(output.peer, KEEPALIVE);
        break;
      case 'use':
        this.#options.pathing().handleSession(output.peer);
        onSession();
        break;
      case 'endpoint':
        this.#moveTo(output.peer, output.endpoint);
        break;
      case 'event':
        if (output.name === 'handshake-failed') dialler.resolve(output.peer);
        log.info({ event: output.name, peer: peerName(output.peer), detail: output.detail });
        break;
    }
  }

  #send(peer: number, bytes: Uint8Array, to: Uint8Array | undefined): void {
    const { paths, dialler, pathing, send } = this.#options;
    const copies = to === undefined ? pathing().handshakeRecords(peer) : undefined;
    if (copies !== undefined) {
      for (const record of copies) send(bytes, record);
      return;
    }
    const heard = this.#heardLately(peer) ? paths.current(peer) : undefined;
    const record = to ?? heard ?? dialler.next(peer) ?? paths.current(peer);
    if (record === undefined) return;
    if (peer >= 0 && paths.current(peer) === undefined) paths.publish(peer, record);
    send(bytes, record);
  }

  /** Whether the peer's present path has carried anything lately; if not, its other endpoints get their turn. */
  #heardLately(peer: number): boolean {
    const { tables, now } = this.#options;
    return peer >= 0 && now() - tables.peers.authenticatedReceivedAtMs[peer] < PATH_SILENT_MS_MAX;
  }

  #moveTo(peer: number, record: Uint8Array): void {
    const { paths, log, peerName, tables } = this.#options;
    if (tables.beats.pinned[peer] === 1) return;
    if (paths.publish(peer, record)) log.debug({ event: 'peer-roamed', peer: peerName(peer) });
  }
}
