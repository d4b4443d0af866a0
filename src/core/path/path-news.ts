/**
 * What one end of a peer's paths tells the other, inside the tunnel: of each path what it costs the sender, by which of its
 * uplinks it goes, and from where the receiver's packets are seen to come. So both ends add up the same costs, also of
 * paths that one of them has only learned, and a node behind NAT knows how it looks from outside.
 *
 * It is state, not events: each datagram stands for itself, may be lost or come twice, and says everything. It goes out on
 * change, and again after 1, 2, 4 … 60 s, so that a lost one is made good. Nodes that do not know it ignore it.
 *
 *   0 'P'   1 version (1)   2 zero   3 count (at most PATHS_MAX)   then for each path:
 *     0–3 discriminator of the receiver   4–7 cost   8 family (0 = not seen yet, 4, 6)   9 length of the name
 *     10–11 port   12–27 address (IPv4 in the first four bytes)   28– name of the sender's uplink, ASCII
 */
import { assert } from '../base/assert.js';
import { endpointAddress, endpointPort } from '../base/endpoint.js';
import { get16, get32, put16, put32 } from '../packet/offsets.js';
import type { Path } from './path.js';
import { PATHS_MAX } from './path-table.js';

const MAGIC = 0x50;
const VERSION = 1;
const COUNT_AT = 3;
const HEAD_BYTES = 4;
const COST_AT = 4;
const FAMILY_AT = 8;
const NAME_LENGTH_AT = 9;
const PORT_AT = 10;
const ADDRESS_AT = 12;
const NAME_AT = 28;
const NAME_LENGTH_MAX = 63;
const COST_MAX = 0xffff_ffff;

const REPEAT_MS = 1_000;
const REPEAT_MS_MAX = 60_000;

/** A place in the network as somebody sees it. */
export interface Place {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly port: number;
}

export interface PathNews {
  /** Of the receiver's BFD session: which of its paths is meant. */
  readonly discriminator: number;
  /** What the path costs the sender: 0 to 2^32 − 1. */
  readonly cost: number;
  /** Name of the sender's uplink. */
  readonly uplink: string;
  /** From where the sender sees the receiver's packets come; undefined = none has come yet. */
  readonly seen: Place | undefined;
}

/** One datagram for at most PATHS_MAX paths. */
export function encodePathNews(news: readonly PathNews[]): Uint8Array {
  assert(news.length <= PATHS_MAX, 'the paths of a peer are bounded');
  const bytes = new Uint8Array(news.reduce((sum, { uplink }) => sum + NAME_AT + uplink.length, HEAD_BYTES));
  bytes.set([MAGIC, VERSION, 0, news.length]);
  let at = HEAD_BYTES;
  for (const { discriminator, cost, uplink, seen } of news) {
    assert(uplink.length <= NAME_LENGTH_MAX, 'names are bounded');
    put32(bytes, at, discriminator);
    put32(bytes, at + COST_AT, Math.min(cost, COST_MAX));
    bytes[at + NAME_LENGTH_AT] = uplink.length;
    for (let i = 0; i < uplink.length; i++) bytes[at + NAME_AT + i] = uplink.charCodeAt(i);
    if (seen !== undefined) {
      bytes[at + FAMILY_AT] = seen.address.length === 4 ? 4 : 6;
      put16(bytes, at + PORT_AT, seen.port);
      bytes.set(seen.address, at + ADDRESS_AT);
    }
    at += NAME_AT + uplink.length;
  }
  return bytes;
}

/** Whether a control datagram says that it is path news; a hello begins with a brace, news of a key with 'K'. */
export function isPathNews(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC;
}

/** What the bytes say; undefined for anything that is not whole and of this version. */
export function parsePathNews(bytes: Uint8Array): PathNews[] | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== MAGIC || bytes[1] !== VERSION) return undefined;
  const news: PathNews[] = [];
  let at = HEAD_BYTES;
  for (let left = bytes[COUNT_AT]; left > 0; left--) {
    const end = at + NAME_AT + (bytes[at + NAME_LENGTH_AT] ?? 0);
    const path = end > bytes.length ? undefined : parsePath(bytes.subarray(at, end));
    if (path === undefined || news.length === PATHS_MAX) return undefined;
    news.push(path);
    at = end;
  }
  return at === bytes.length ? news : undefined;
}

function parsePath(bytes: Uint8Array): PathNews | undefined {
  const family = bytes[FAMILY_AT];
  const port = get16(bytes, PORT_AT);
  const name = bytes.subarray(NAME_AT);
  if (family !== 0 && family !== 4 && family !== 6) return undefined;
  if ((family === 0) !== (port === 0) || name.length > NAME_LENGTH_MAX) return undefined;
  // People read it: nothing but what prints.
  if (!name.every((code) => code > 0x20 && code < 0x7f)) return undefined;
  const address = bytes.slice(ADDRESS_AT, ADDRESS_AT + (family === 4 ? 4 : 16));
  return {
    discriminator: get32(bytes, 0) >>> 0,
    cost: get32(bytes, COST_AT) >>> 0,
    uplink: String.fromCharCode(...name),
    seen: family === 0 ? undefined : { address, port },
  };
}

/** What there is to tell the peer of its paths. */
function newsOf(paths: readonly Path[]): PathNews[] {
  return paths
    .filter(({ knownDiscriminator }) => knownDiscriminator !== 0)
    .map(({ knownDiscriminator, ownCost, uplink, heardFrom }) => ({
      discriminator: knownDiscriminator,
      cost: ownCost,
      uplink: uplink.name,
      seen: heardFrom && { address: endpointAddress(heardFrom), port: endpointPort(heardFrom) },
    }));
}

/** Nothing has been told yet: all peers share it. */
const NOTHING = new Uint8Array();

/** When and what to tell one peer. Sans-IO. */
export class NewsTeller {
  #told: Uint8Array = NOTHING;
  #repeatMs = 0;
  #repeatAtMs = Number.POSITIVE_INFINITY;
  #nextAtMs = Number.POSITIVE_INFINITY;

  /** Something may have changed. */
  handleChange(now: number): void {
    this.#nextAtMs = Math.min(this.#nextAtMs, now);
  }

  /** There is a session with the peer, as there was not before: what it knew may be lost. */
  handleSession(now: number): void {
    this.#told = NOTHING;
    this.handleChange(now);
  }

  /** A datagram that is to be sent now. */
  poll(paths: readonly Path[], now: number): Uint8Array | undefined {
    if (now < this.#nextAtMs) return undefined;
    const bytes = encodePathNews(newsOf(paths));
    const isNew = bytes.length !== this.#told.length || bytes.some((byte, i) => byte !== this.#told[i]);
    const isDue = now >= this.#repeatAtMs;
    if (isNew) this.#repeatMs = REPEAT_MS;
    else if (isDue) this.#repeatMs = Math.min(2 * this.#repeatMs, REPEAT_MS_MAX);
    if (isNew || isDue) this.#repeatAtMs = now + this.#repeatMs;
    this.#told = bytes;
    this.#nextAtMs = this.#repeatAtMs;
    return isNew || isDue ? bytes : undefined;
  }

  /** When to poll although nothing has changed. */
  nextDeadline(): number {
    return this.#nextAtMs;
  }
}

/** Takes over what the peer says of `paths`, at `now`. */
export function learnPathNews(paths: readonly Path[], news: readonly PathNews[], now: number): void {
  for (const { discriminator, cost, uplink, seen } of news) {
    const path = paths.find(({ session }) => session.localDiscriminator === discriminator);
    if (path === undefined) continue;
    path.peerCost = cost;
    path.peerUplink = uplink;
    path.seen = seen && { ...seen, atMs: now };
  }
}
