/**
 * Where to dial a peer: its configured endpoints. Names are resolved when they are first needed and again whenever
 * somebody asks, because addresses behind names change; one that does not resolve is asked for again and again, ever
 * more rarely.
 */
import { lookup } from 'node:dns/promises';
import { ENDPOINT_SOCKET, encodeEndpoint } from '../../core/base/endpoint.js';
import { formatEndpoint, type HostPort, parseAddress } from '../../core/config/address.js';
import type { RemoteEndpoint } from '../../core/path/path.js';
import type { Logger } from './log.js';

const RETRY_MS = 3_000;
const RETRY_MS_MAX = 60_000;

interface Dialled {
  /** Addresses of one peer, in the order of its configuration; undefined = not resolved. */
  readonly addresses: (Uint8Array | undefined)[];
  readonly endpoints: readonly HostPort[];
  readonly socket: number;
  turn: number;
  /** Rounds in which some name did not resolve, and when the next is due. */
  failures: number;
  retryAtMs: number;
}

export class Dialler {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #onResolved: (peer: number) => void;
  /** BOUNDED by the number of peers. */
  readonly #peers = new Map<number, Dialled>();
  #standIns: readonly number[] = [];

  /** `onResolved`: an address of the peer is new. */
  constructor(log: Logger, now: () => number, onResolved: (peer: number) => void) {
    this.#log = log;
    this.#now = now;
    this.#onResolved = onResolved;
  }

  /** Sets where `peer` is dialled, from local socket `socket`. Addresses are ready at once, names later. */
  set(peer: number, endpoints: readonly HostPort[], socket: number): void {
    const addresses = endpoints.map(({ host }) => parseAddress(host));
    const waits = { turn: 0, failures: 0, retryAtMs: Number.POSITIVE_INFINITY };
    this.#peers.set(peer, { addresses, endpoints, socket, ...waits });
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
    for (let i = 0; i < dialled.addresses.length; i++) {
      const at = dialled.turn % dialled.addresses.length;
      const address = dialled.addresses[at];
      dialled.turn += 1;
      if (address === undefined) continue;
      const record = encodeEndpoint(address, dialled.endpoints[at].port, dialled.socket);
      return redirected(record, this.#standIns);
    }
    return undefined;
  }

  /** The peer's endpoints as they are known now. */
  endpoints(peer: number): RemoteEndpoint[] {
    const dialled = this.#peers.get(peer);
    if (dialled === undefined) return [];
    return dialled.endpoints.map(({ host, port }, index) => ({
      key: formatEndpoint(parseAddress(host) ?? host, port),
      address: dialled.addresses[index],
      port,
      isName: parseAddress(host) === undefined,
      cost: 0,
    }));
  }

  /** Resolves the names of `peer` again, in the background. */
  resolve(peer: number): void {
    const dialled = this.#peers.get(peer);
    dialled?.endpoints.forEach(({ host, port }, index) => {
      if (parseAddress(host) !== undefined) return;
      lookup(host).then(
        ({ address }) => this.#resolved(peer, dialled, index, parseAddress(address)),
        (error: Error) => {
          dialled.retryAtMs = this.#now() + Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** dialled.failures);
          dialled.failures += 1;
          const endpoint = formatEndpoint(host, port);
          this.#log.warn({ event: 'endpoint-unresolved', endpoint, reason: error.message });
        },
      );
    });
  }

  /** Asks again for names that did not resolve; call it now and then. */
  handleTimeout(now: number): void {
    for (const [peer, dialled] of this.#peers) {
      if (now < dialled.retryAtMs) continue;
      dialled.retryAtMs = Number.POSITIVE_INFINITY;
      this.resolve(peer);
    }
  }

  #resolved(peer: number, dialled: Dialled, index: number, address: Uint8Array | undefined): void {
    if (address === undefined) return;
    dialled.failures = 0;
    if (dialled.addresses[index]?.join() === address.join()) return;
    dialled.addresses[index] = address;
    if (this.#peers.get(peer) === dialled) this.#onResolved(peer);
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
