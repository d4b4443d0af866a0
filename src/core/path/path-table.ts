/**
 * The paths of one peer, and how a received packet finds its own. Configured paths are uplinks × endpoints and follow the
 * topology; learned ones come with a packet and go when they have been down for long.
 *
 * Which path a control packet belongs to is decided in this order:
 *
 *   1. by Your Discriminator, which is ours (RFC 5880 6.8.6);
 *   2. by My Discriminator, if a path knows it: the peer has lost its state of us, or dials from a new source port;
 *   3. by where it came from, if that is a path's endpoint, or the address of one that is down: only its port is new;
 *   4. else it is a new path, which we learn.
 */
import { ENDPOINT_SOCKET, endpointAddress, endpointPort, sameEndpoint } from '../base/endpoint.js';
import { BFD_REFUSAL, BFD_UP, type BfdPacket } from './bfd-packet.js';
import { endpointOn, Path, type PathSettings, type RemoteEndpoint, type Uplink } from './path.js';

/**
 * Paths of one peer. Configured ones beyond it are not tried; of those that the peer makes us learn the one that has been
 * down for longest makes room.
 */
export const PATHS_MAX = 8;

export class PathTable {
  /** Of its exact length, since there is one for each of thousands of peers; replaced when it changes. */
  paths: readonly Path[] = [];
  #uplinks: readonly Uplink[] = [];
  #nextId = 0;

  /** The path with this number. */
  get(id: number): Path | undefined {
    return this.paths.find((path) => path.id === id);
  }

  /** Adds and removes configured paths so that they are uplinks × endpoints; returns what came, went and moved. */
  setTopology(
    uplinks: readonly Uplink[],
    endpoints: readonly RemoteEndpoint[],
    settings: PathSettings,
    now: number,
  ): { added: Path[]; removed: Path[]; moved: Path[] } {
    this.#uplinks = uplinks;
    const removed = this.paths.filter((path) => !isWanted(path, uplinks, endpoints));
    for (const path of removed) this.remove(path);
    const moved: Path[] = [];
    const added: Path[] = [];
    for (const path of this.paths) if (adopt(path, uplinks)) moved.push(path);
    for (const uplink of uplinks) {
      for (const configured of endpoints) {
        const endpoint = endpointOn(uplink, configured);
        const known = this.paths.find(
          ({ key, uplink: { id } }) => key === configured.key && id === uplink.id,
        );
        if (known !== undefined) {
          known.configured = configured;
          known.endpointCost = configured.cost;
          // While it works it stays where it is: the new address counts from the next dial on.
          if (known.session.state !== BFD_UP && returnToConfigured(known)) moved.push(known);
        } else if (endpoint !== undefined && this.paths.length < PATHS_MAX) {
          added.push(this.#add(uplink, { endpoint, configured }, settings, now));
        }
      }
    }
    return { added, removed, moved };
  }

  /** Takes a path away. */
  remove(path: Path): void {
    this.paths = this.paths.filter((other) => other !== path);
  }

  /** The uplink that owns the socket of an endpoint record. */
  uplinkOf(endpoint: Uint8Array): Uplink | undefined {
    const socket = endpoint[ENDPOINT_SOCKET];
    const dialled = (): Uplink | undefined =>
      this.paths.find((path) => path.endpoint[ENDPOINT_SOCKET] === socket)?.uplink;
    return this.#uplinks.find((uplink) => uplink.socket === socket) ?? dialled();
  }

  /** The path with this discriminator of ours. */
  byDiscriminator(discriminator: number): Path | undefined {
    return this.paths.find(({ session }) => session.localDiscriminator === discriminator);
  }

  /** The path that `packet` from `from` belongs to, or a refusal; undefined where there is none yet. */
  find(packet: BfdPacket, from: Uint8Array): Path | number | undefined {
    if (packet.yourDiscriminator !== 0) {
      return this.byDiscriminator(packet.yourDiscriminator) ?? BFD_REFUSAL['unknown-session'];
    }
    const known = this.paths.find(({ knownDiscriminator }) => knownDiscriminator === packet.myDiscriminator);
    if (known !== undefined) return known;
    return (
      this.paths.find(({ endpoint }) => sameEndpoint(endpoint, from)) ??
      this.paths.find((path) => !path.health.isUsable && this.#isAddressOf(path, from))
    );
  }

  /** Whether another path that works has its end where `from` is. */
  isEndOfAnother(path: Path, from: Uint8Array): boolean {
    return this.paths.some(
      (other) => other !== path && other.health.isUsable && sameEndpoint(other.endpoint, from),
    );
  }

  /** A new path to where a packet came from. `evicted` made room for it. Undefined if there is no room, or no uplink. */
  learn(
    from: Uint8Array,
    settings: PathSettings,
    now: number,
  ): { path: Path; evicted: Path | undefined } | undefined {
    const uplink = this.uplinkOf(from);
    if (uplink === undefined) return undefined;
    let evicted: Path | undefined;
    if (this.paths.length >= PATHS_MAX) {
      const down = this.paths.filter(({ isLearned, health }) => isLearned && !health.isUsable);
      evicted = down.sort((a, b) => a.health.sinceMs - b.health.sinceMs || a.id - b.id)[0];
      if (evicted === undefined) return undefined;
      this.remove(evicted);
    }
    return {
      path: this.#add(uplink, { endpoint: from.slice(), configured: undefined }, settings, now),
      evicted,
    };
  }

  #isAddressOf({ uplink, endpoint }: Path, from: Uint8Array): boolean {
    return this.uplinkOf(from)?.id === uplink.id && sameAddress(endpoint, from);
  }

  #add(
    uplink: Uplink,
    where: { readonly endpoint: Uint8Array; readonly configured: RemoteEndpoint | undefined },
    settings: PathSettings,
    now: number,
  ): Path {
    const path = new Path(this.#nextId++, uplink, where, settings, now);
    this.paths = this.paths.concat(path);
    return path;
  }
}

/** Sends a path to its configured endpoint again, by the socket it has; returns whether that is another one. */
export function returnToConfigured(path: Path): boolean {
  const endpoint = path.configured && endpointOn(path.uplink, path.configured);
  if (endpoint === undefined) return false;
  endpoint[ENDPOINT_SOCKET] = path.endpoint[ENDPOINT_SOCKET];
  if (sameEndpoint(endpoint, path.endpoint)) return false;
  path.endpoint = endpoint;
  return true;
}

/** Whether two records name the same remote address and port, by whichever socket. */
export function sameRemote(a: Uint8Array, b: Uint8Array): boolean {
  return endpointPort(a) === endpointPort(b) && sameAddress(a, b);
}

function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  const [x, y] = [endpointAddress(a), endpointAddress(b)];
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

/** A learned path lives as long as its uplink; a configured one as long as both its halves. */
function isWanted(path: Path, uplinks: readonly Uplink[], endpoints: readonly RemoteEndpoint[]): boolean {
  const uplink = uplinks.find(({ id }) => id === path.uplink.id);
  if (uplink === undefined) return false;
  if (path.isLearned) return path.endpoint[0] === 4 ? uplink.v4 : uplink.v6;
  const endpoint = endpoints.find(({ key }) => key === path.key);
  return (
    endpoint !== undefined && (endpoint.address === undefined || endpointOn(uplink, endpoint) !== undefined)
  );
}

/** Takes over what is new of a path's uplink; returns whether its socket has changed. */
function adopt(path: Path, uplinks: readonly Uplink[]): boolean {
  const uplink = uplinks.find(({ id }) => id === path.uplink.id) ?? path.uplink;
  const changed = uplink.socket !== path.uplink.socket;
  path.uplink = uplink;
  if (!changed) return false;
  path.endpoint = path.endpoint.slice();
  path.endpoint[ENDPOINT_SOCKET] = uplink.socket;
  return true;
}
