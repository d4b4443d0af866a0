/**
 * Lists of hellos, numbered. What a node reaches and the epochs that it knows change seldom and grow with the network, so a
 * hello carries them only to a peer that has not acknowledged them as they are; to others it says which they are.
 *
 *   sender    "these are lists 7: …"  ──▶  learns them when all parts have come
 *             "keep lists 7"          ──▶  "I have lists 7"   or   "I have none" ──▶ the next hello has them, at once
 *
 * A number stands for one content within one incarnation of the sender and is never used again. So a lost, repeated or
 * overtaken datagram can make a hello longer than it had to be, and nothing else; a receiver that was restarted, or has
 * another roster than when it read the lists, has none.
 */
import type { HelloItems } from './hello.js';

/** The lists under their number, from 1. */
export interface NumberedItems {
  readonly revision: number;
  readonly items: HelloItems;
}

/** The lists that a receiver holds: of which start of the sender, and their number. */
export interface HeldLists {
  readonly incarnation: number;
  readonly revision: number;
}

/** Numbers the lists of a sender, for each kind of receivers. */
export class ListNumbers<Kind> {
  readonly #last = new Map<Kind, NumberedItems>();
  #revision = 0;

  /** `items` under the number that they have had while they were the same, or a new one. */
  number(kind: Kind, items: HelloItems): NumberedItems {
    const last = this.#last.get(kind);
    if (last !== undefined && isSame(last.items, items)) return last;
    const next = { revision: ++this.#revision, items };
    this.#last.set(kind, next);
    return next;
  }
}

/** The number of the lists that are held of a sender's start `incarnation`; 0: none. */
export function heldOf(held: HeldLists | undefined, incarnation: number): number {
  return held?.incarnation === incarnation ? held.revision : 0;
}

function isSame(a: HelloItems, b: HelloItems): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at][0] !== b[at][0] || a[at][1] !== b[at][1]) return false;
  return true;
}
