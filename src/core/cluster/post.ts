/**
 * Delivery of hellos to one peer each: built anew on any change and at least each second, repeated part by part until
 * acknowledged while the session is up. (Without repetition one lost hello cost four seconds of two actives.) Changes
 * that decide roles go out at once; a changed list of reached peers waits a repeat interval, so that a storm of
 * sessions is not a storm of hellos. Whoever has acknowledged the lists as they are gets a hello without them (lists.ts),
 * and a hello that has been acknowledged whole is renewed less often: nothing depends on it but what nobody thought of.
 */
import type { ClusterTimes } from './settings.js';
import type { Waits } from './waits.js';

/** What has this part of its time behind it may be renewed together with others. */
const EARLY = 0.75;
/** A hello that has been acknowledged whole is renewed after so many times the interval of others. */
const SETTLED_FACTOR = 4;

/** The datagrams of a hello; `revision` is the number of the lists that they carry, or of those to be kept. */
export interface Parts {
  readonly parts: readonly Uint8Array[];
  readonly revision: number;
  readonly keeps: boolean;
}

interface Letter extends Parts {
  readonly incarnation: number;
  readonly sequence: number;
  /** Numbers of parts; mostly there is one. */
  unacknowledged: readonly number[];
  readonly builtAtMs: number;
  sentAtMs: number;
}

interface Box {
  sequence: number;
  letter: Letter | undefined;
  /** Number of the lists that the peer is known to hold of the incarnation of the letter; 0: none. */
  held: number;
  urgent: boolean;
  changed: boolean;
}

export interface Envelope {
  readonly incarnation: number;
  readonly sequence: number;
}

export class Post {
  readonly #times: ClusterTimes;
  readonly #repeats: boolean;
  /** BOUNDED by the peers of the roster. */
  readonly #boxes = new Map<number, Box>();

  constructor(times: ClusterTimes, repeats: boolean) {
    this.#times = times;
    this.#repeats = repeats;
  }

  /** `peer` must hear of a change: at once, or soon. */
  mark(peer: number, urgent: boolean): void {
    const box = this.#box(peer);
    if (urgent) box.urgent = true;
    else box.changed = true;
  }

  /** `peer` must hear everything anew, at once: it may have been restarted. */
  renew(peer: number): void {
    const box = this.#box(peer);
    box.held = 0;
    box.urgent = true;
  }

  /** Forgets a peer that has left. */
  delete(peer: number): void {
    this.#boxes.delete(peer);
  }

  /**
   * Part `part` of a hello has arrived at `peer`, which holds the lists of number `lists`. Whether it lacks lists that it
   * was told to keep or had acknowledged: then it needs them at once.
   */
  handleAcknowledged(
    peer: number,
    { incarnation, sequence }: Envelope,
    part: number,
    lists: number,
  ): boolean {
    const box = this.#boxes.get(peer);
    const letter = box?.letter;
    if (box === undefined || letter?.incarnation !== incarnation || letter.sequence !== sequence)
      return false;
    const settled = letter.unacknowledged.length === 0;
    letter.unacknowledged = letter.unacknowledged.filter((one) => one !== part);
    if (lists === letter.revision) box.held = lists;
    else if (letter.keeps || settled) this.renew(peer);
    return box.urgent;
  }

  /** Whether what was last sent to `peer` must be renewed. */
  isStale(peer: number, waits: Waits): boolean {
    const { letter } = this.#box(peer);
    return letter === undefined || waits.passed(letter.builtAtMs, this.#staleMs(letter));
  }

  #staleMs(letter: Letter): number {
    return this.#times.helloMs * (letter.unacknowledged.length === 0 ? SETTLED_FACTOR : 1);
  }

  /** Sends what is due to `peer`; `early`: what is due soon too. `build` makes a new hello for a peer that holds the lists of number `held`. */
  flush(
    peer: number,
    up: boolean,
    { incarnation, early }: { readonly incarnation: number; readonly early: boolean },
    waits: Waits,
    build: (sequence: number, held: number) => Parts,
    send: (bytes: Uint8Array) => void,
  ): void {
    const box = this.#box(peer);
    const { helloMs, helloRepeatMs } = this.#times;
    const { letter } = box;
    const stale =
      letter === undefined || waits.passed(letter.builtAtMs, this.#staleMs(letter) * (early ? EARLY : 1));
    const late = letter !== undefined && box.changed && waits.passed(letter.builtAtMs, helloRepeatMs);
    if (box.urgent || stale || late) {
      box.urgent = false;
      box.changed = false;
      box.sequence++;
      if (letter?.incarnation !== incarnation) box.held = 0;
      const built = build(box.sequence, box.held);
      const unacknowledged = built.parts.map((_, part) => part);
      const { sequence } = box;
      box.letter = {
        incarnation,
        sequence,
        ...built,
        unacknowledged,
        builtAtMs: waits.now,
        sentAtMs: waits.now,
      };
      for (const bytes of built.parts) send(bytes);
      waits.at(waits.now + (up && this.#repeats ? helloRepeatMs : helloMs));
    } else if (
      this.#repeats &&
      up &&
      letter.unacknowledged.length > 0 &&
      waits.passed(letter.sentAtMs, helloRepeatMs)
    ) {
      letter.sentAtMs = waits.now;
      for (const part of letter.unacknowledged) send(letter.parts[part]);
      waits.at(waits.now + helloRepeatMs);
    }
  }

  #box(peer: number): Box {
    let box = this.#boxes.get(peer);
    if (box === undefined) {
      box = { sequence: 0, letter: undefined, held: 0, urgent: true, changed: false };
      this.#boxes.set(peer, box);
    }
    return box;
  }
}
