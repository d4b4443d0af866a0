/**
 * The last answers of the route table for IPv4, by address: few destinations and sources carry most packets. One slot an
 * address hash, overwritten by the next address that falls into it; an answer holds until the table or who is available
 * changes, which starts a new era. A stream of ever new addresses costs a comparison a lookup, no more.
 */
const SLOTS = 512;

export class RouteCache {
  readonly #address = new Int32Array(SLOTS);
  readonly #era = new Int32Array(SLOTS);
  readonly #answer = new Int32Array(SLOTS);
  readonly #context = new Int32Array(SLOTS);
  #now = 1;

  /** Forgets everything. */
  forget(): void {
    this.#now = (this.#now + 1) | 0;
    if (this.#now === 0) this.#now = 1;
  }

  /** Slot of an address asked in `context` (a peer for the reverse path, 0 for destinations). */
  slotOf(address: number, context: number): number {
    const mixed = Math.imul(address ^ (context * 0x61c88647), 0x9e3779b1);
    return (mixed >>> 23) & (SLOTS - 1);
  }

  /** Whether `slot` answers for the address. */
  holds(slot: number, address: number, context: number): boolean {
    return (
      this.#address[slot] === address && this.#era[slot] === this.#now && this.#context[slot] === context
    );
  }

  answer(slot: number): number {
    return this.#answer[slot];
  }

  remember(slot: number, address: number, context: number, answer: number): void {
    this.#address[slot] = address;
    this.#context[slot] = context;
    this.#era[slot] = this.#now;
    this.#answer[slot] = answer;
  }
}
