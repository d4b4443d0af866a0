/**
 * Delivery of hellos to one peer each: built anew on any change and at least each second, repeated part by part until
 * acknowledged while the session is up. (Without repetition one lost hello cost four seconds of two actives.) Changes
 * that decide roles go out at once; a changed list of reached peers waits a repeat interval, so that a storm of
 * sessions is not a storm of hellos.
 */
import type { ClusterTimes } from './settings.js';
import type { Waits } from './waits.js';

/** What has this part of its time behind it may be renewed together with others. */
const EARLY = 0.75;

interface Letter {
  readonly incarnation: number;
  readonly sequence: number;
  readonly parts: readonly Uint8Array[];
  readonly unacknowledged: Set<number>;
  readonly builtAtMs: number;
  sentAtMs: number;
}

interface Box {
  sequence: number;
  letter: Letter | undefined;
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

  /** Forgets a peer that has left. */
  delete(peer: number): void {
    this.#boxes.delete(peer);
  }

  /** Part `part` of a hello has arrived. */
  handleAcknowledged(peer: number, { incarnation, sequence }: Envelope, part: number): void {
    const letter = this.#boxes.get(peer)?.letter;
    if (letter?.incarnation === incarnation && letter.sequence === sequence)
      letter.unacknowledged.delete(part);
  }

  /** Whether what was last sent to `peer` must be renewed. */
  isStale(peer: number, waits: Waits): boolean {
    const { letter } = this.#box(peer);
    return letter === undefined || waits.passed(letter.builtAtMs, this.#times.helloMs);
  }

  /** Sends what is due to `peer`; `early`: what is due soon too. `build` makes the datagrams of a new hello. */
  flush(
    peer: number,
    up: boolean,
    { incarnation, early }: { readonly incarnation: number; readonly early: boolean },
    waits: Waits,
    build: (sequence: number) => readonly Uint8Array[],
    send: (bytes: Uint8Array) => void,
  ): void {
    const box = this.#box(peer);
    const { helloMs, helloRepeatMs } = this.#times;
    const { letter } = box;
    const staleMs = early ? helloMs * EARLY : helloMs;
    const stale = letter === undefined || waits.passed(letter.builtAtMs, staleMs);
    const late = letter !== undefined && box.changed && waits.passed(letter.builtAtMs, helloRepeatMs);
    if (box.urgent || stale || late) {
      box.urgent = false;
      box.changed = false;
      box.sequence++;
      const parts = build(box.sequence);
      const unacknowledged = new Set(parts.keys());
      const { sequence } = box;
      box.letter = {
        incarnation,
        sequence,
        parts,
        unacknowledged,
        builtAtMs: waits.now,
        sentAtMs: waits.now,
      };
      for (const bytes of parts) send(bytes);
      waits.at(waits.now + (up && this.#repeats ? helloRepeatMs : helloMs));
    } else if (
      this.#repeats &&
      up &&
      letter.unacknowledged.size > 0 &&
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
      box = { sequence: 0, letter: undefined, urgent: true, changed: false };
      this.#boxes.set(peer, box);
    }
    return box;
  }
}
