/**
 * Where to dial a peer: its configured endpoints as records, tried in turn. Names are resolved when they are first
 * needed and again whenever a handshake has failed, because addresses behind names change.
 */
import { lookup } from 'node:dns/promises';
import { ENDPOINT_SOCKET, encodeEndpoint } from '../../core/base/endpoint.js';
import { formatEndpoint, type HostPort, parseAddress } from '../../core/config/address.js';
import type { Logger } from './log.js';

interface Dialled {
  /** Endpoint records of one peer, in the order of its configuration. */
  readonly records: (Uint8Array | undefined)[];
  readonly endpoints: readonly HostPort[];
  readonly socket: number;
  turn: number;
}

export class Dialler {
  readonly #log: Logger;
  /** BOUNDED by the number of peers. */
  readonly #peers = new Map<number, Dialled>();
  #standIns: readonly number[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Sets where `peer` is dialled, from local socket `socket`. Addresses are ready at once, names later. */
  set(peer: number, endpoints: readonly HostPort[], socket: number): void {
    const records = endpoints.map(({ host, port }) => {
      const address = parseAddress(host);
      return address === undefined ? undefined : encodeEndpoint(address, port, socket);
    });
    this.#peers.set(peer, { records, endpoints, socket, turn: 0 });
    this.resolve(peer);
  }

  /** Dials from other sockets: `standIns[socket]` in place of `socket`, where there is such an entry. */
  redirect(standIns: readonly number[]): void {
    this.#standIns = standIns;
  }

  delete(peer: number): void {
    this.#peers.delete(peer);
  }

  /** The next record to dial `peer` at: each call moves on to the next endpoint. Undefined: it dials us, or no name resolves. */
  next(peer: number): Uint8Array | undefined {
    const dialled = this.#peers.get(peer);
    if (dialled === undefined) return undefined;
    for (let i = 0; i < dialled.records.length; i++) {
      const record = dialled.records[dialled.turn % dialled.records.length];
      dialled.turn += 1;
      if (record !== undefined) return redirected(record, this.#standIns);
    }
    return undefined;
  }

  /** Resolves the names of `peer` again, in the background. */
  resolve(peer: number): void {
    const dialled = this.#peers.get(peer);
    dialled?.endpoints.forEach(({ host, port }, index) => {
      if (parseAddress(host) !== undefined) return;
      lookup(host).then(
        ({ address }) => {
          const bytes = parseAddress(address);
          if (bytes !== undefined) dialled.records[index] = encodeEndpoint(bytes, port, dialled.socket);
        },
        (error: Error) =>
          this.#log.warn({
            event: 'endpoint-unresolved',
            endpoint: formatEndpoint(host, port),
            reason: error.message,
          }),
      );
    });
  }
}

/** `record` by the socket that stands in for its own; itself where that is its own. */
export function redirected(record: Uint8Array, standIns: readonly number[]): Uint8Array {
  const socket = record[ENDPOINT_SOCKET];
  const standIn = standIns[socket] ?? socket;
  if (standIn === socket) return record;
  const copy = record.slice();
  copy[ENDPOINT_SOCKET] = standIn;
  return copy;
}
