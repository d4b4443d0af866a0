/**
 * The last answers of the route table, by address: few destinations and sources carry most packets. One slot an address
 * hash, overwritten by the next address that falls into it; an answer holds until the table or who is available changes,
 * which starts a new era. A stream of ever new addresses costs a comparison a lookup, no more.
 *
 * For IPv4 every answer is kept; for IPv6 those of large tables, which are looked for ahead of the packets (ahead.ts).
 */
const SLOTS = 512;

/** In place of a peer: an answer for whoever sends to the address. */
export const FOR_ALL = -1;

export class RouteCache {
  readonly #address = new Int32Array(SLOTS);
  readonly #era = new Int32Array(SLOTS);
  readonly #route = new Int32Array(SLOTS);
  readonly #target = new Int32Array(SLOTS);
  readonly #peer = new Int32Array(SLOTS);
  #now = 1;

  /** Forgets everything. */
  forget(): void {
    this.#now = (this.#now + 1) | 0;
    if (this.#now === 0) this.#now = 1;
  }

  /** Slot of an address asked for `peer` (whose source it is), or FOR_ALL. */
  slotOf(address: number, peer: number): number {
    return (Math.imul(address ^ Math.imul(peer, 0x61c88647), 0x9e3779b1) >>> 23) & (SLOTS - 1);
  }

  /** Whether `slot` answers for the address. */
  holds(slot: number, address: number, peer: number): boolean {
    return this.#address[slot] === address && this.#era[slot] === this.#now && this.#peer[slot] === peer;
  }

  /** The route that was remembered, and its target. */
  route(slot: number): number {
    return this.#route[slot];
  }

  target(slot: number): number {
    return this.#target[slot];
  }

  remember(slot: number, address: number, peer: number, route: number, target: number): void {
    this.#address[slot] = address;
    this.#peer[slot] = peer;
    this.#era[slot] = this.#now;
    this.#route[slot] = route;
    this.#target[slot] = target;
  }
}

/** The same for the four words of an IPv6 address. */
export class RouteCache6 {
  readonly #words = new Int32Array(SLOTS * 4);
  readonly #era = new Int32Array(SLOTS);
  readonly #route = new Int32Array(SLOTS);
  readonly #target = new Int32Array(SLOTS);
  readonly #peer = new Int32Array(SLOTS);
  #now = 1;

  /** Forgets everything. */
  forget(): void {
    this.#now = (this.#now + 1) | 0;
    if (this.#now === 0) this.#now = 1;
  }

  slotOf(w0: number, w1: number, w2: number, w3: number, peer: number): number {
    const half = Math.imul(w0 ^ Math.imul(w1, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(peer, 0x61c88647);
    return (Math.imul(half ^ w2 ^ Math.imul(w3, 0xc2b2ae35), 0x9e3779b1) >>> 23) & (SLOTS - 1);
  }

  holds(slot: number, w0: number, w1: number, w2: number, w3: number, peer: number): boolean {
    const words = this.#words;
    const at = slot * 4;
    return (
      this.#era[slot] === this.#now &&
      words[at] === w0 &&
      words[at + 1] === w1 &&
      words[at + 2] === w2 &&
      words[at + 3] === w3 &&
      this.#peer[slot] === peer
    );
  }

  route(slot: number): number {
    return this.#route[slot];
  }

  target(slot: number): number {
    return this.#target[slot];
  }

  /** Takes the address from four words at `at`. */
  remember(slot: number, words: Int32Array, at: number, peer: number, route: number, target: number): void {
    for (let word = 0; word < 4; word++) this.#words[slot * 4 + word] = words[at + word];
    this.#peer[slot] = peer;
    this.#era[slot] = this.#now;
    this.#route[slot] = route;
    this.#target[slot] = target;
  }
}
