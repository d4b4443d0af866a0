/**
 * Where to dial a peer: its configured endpoints. Names are resolved when they are first needed and again whenever
 * somebody asks, because addresses behind names change; one that does not resolve is asked for again and again, ever
 * more rarely.
 *
 * Of a name's addresses the system's first choice is dialled, and those of its family in turn whenever the name is resolved
 * again: nobody asks while all is well.
 */
import { lookup } from 'node:dns/promises';
import { ENDPOINT_SOCKET, encodeEndpoint } from '../../core/base/endpoint.js';
import { formatAddress, formatEndpoint, type HostPort, parseAddress } from '../../core/config/address.js';
import type { RemoteEndpoint } from '../../core/path/path.js';
import type { Logger } from './log.js';

const RETRY_MS = 3_000;
const RETRY_MS_MAX = 60_000;

/** What the system's resolver says, in words; its code follows. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not exist, or has no address',
  EAI_AGAIN: 'no name server answers',
};

interface Target {
  readonly host: string;
  readonly port: number;
  readonly isName: boolean;
  /** Undefined: not resolved. */
  address: Uint8Array | undefined;
  isAsking: boolean;
  failures: number;
  retryAtMs: number;
  /** Why it did not resolve last time. */
  fault: string;
}

interface Dialled {
  /** In the order of the configuration. */
  readonly targets: readonly Target[];
  readonly socket: number;
  turn: number;
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
    const targets = endpoints.map(({ host, port }): Target => {
      const address = parseAddress(host);
      const waits = { isAsking: false, failures: 0, retryAtMs: Number.POSITIVE_INFINITY, fault: '' };
      return { host, port, isName: address === undefined, address, ...waits };
    });
    this.#peers.set(peer, { targets, socket, turn: 0 });
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
    for (let i = 0; i < dialled.targets.length; i++) {
      const { address, port } = dialled.targets[dialled.turn % dialled.targets.length];
      dialled.turn += 1;
      if (address !== undefined) {
        return redirected(encodeEndpoint(address, port, dialled.socket), this.#standIns);
      }
    }
    return undefined;
  }

  /** The peer's endpoints as they are known now. */
  endpoints(peer: number): RemoteEndpoint[] {
    const targets = this.#peers.get(peer)?.targets ?? [];
    return targets.map(({ host, port, address, isName }) => ({
      key: formatEndpoint(parseAddress(host) ?? host, port),
      address,
      port,
      isName,
      cost: 0,
    }));
  }

  /** Resolves the names of `peer` again, in the background. */
  resolve(peer: number): void {
    for (const target of this.#peers.get(peer)?.targets ?? []) this.#ask(peer, target);
  }

  /** Asks again for names that did not resolve; call it now and then. */
  handleTimeout(now: number): void {
    for (const [peer, { targets }] of this.#peers) {
      for (const target of targets) if (now >= target.retryAtMs) this.#ask(peer, target);
    }
  }

  #ask(peer: number, target: Target): void {
    if (!target.isName || target.isAsking) return;
    target.isAsking = true;
    target.retryAtMs = Number.POSITIVE_INFINITY;
    lookup(target.host, { all: true })
      .then(
        (answers) => this.#resolved(target, answers),
        (error: NodeJS.ErrnoException) => this.#failed(target, error),
      )
      .then((isNew) => {
        target.isAsking = false;
        if (isNew && this.#peers.get(peer)?.targets.includes(target)) this.#onResolved(peer);
      });
  }

  /** Returns whether the address is another. */
  #resolved(target: Target, answers: readonly { readonly address: string }[]): boolean {
    const all = answers.map(({ address }) => parseAddress(address)).filter((bytes) => bytes !== undefined);
    const near = all.filter(({ length }) => length === all[0].length);
    const last = near.findIndex((bytes) => bytes.join() === target.address?.join());
    const next = near[(last + 1) % near.length];
    target.failures = 0;
    target.fault = '';
    if (next === undefined || next.join() === target.address?.join()) return false;
    target.address = next;
    const endpoint = formatEndpoint(target.host, target.port);
    this.#log.info({ event: 'endpoint-resolved', endpoint, address: formatAddress(next) });
    return true;
  }

  #failed(target: Target, error: NodeJS.ErrnoException): false {
    target.retryAtMs = this.#now() + Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** target.failures);
    target.failures += 1;
    const code = error.code ?? error.message;
    const event = {
      event: 'endpoint-unresolved',
      endpoint: formatEndpoint(target.host, target.port),
      reason: code in REASONS ? `${REASONS[code]} (${code})` : code,
      ...(target.address !== undefined && { stillDialled: formatAddress(target.address) }),
    };
    // Once for each fault; it is asked for again silently.
    if (target.fault === code) this.#log.debug(event);
    else this.#log.warn(event);
    target.fault = code;
    return false;
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
