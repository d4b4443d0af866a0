/** Words that a table is written to: one that grows while it is compiled, later a fixed one with spare room. */

/** Thrown where an edit does not fit into its room or touches too much: the table is to be compiled anew. */
export class RoomError extends Error {}

export class Room {
  words: Int32Array;
  used: number;
  readonly #fixed: boolean;

  private constructor(words: Int32Array, used: number, fixed: boolean) {
    this.words = words;
    this.used = used;
    this.#fixed = fixed;
  }

  /** Grows by doubling; `words` is a new array after each `take`. */
  static growing(): Room {
    return new Room(new Int32Array(1024), 0, false);
  }

  /** The rest of `words` from `used` on; RoomError where it is not enough. */
  static fixed(words: Int32Array, used: number): Room {
    return new Room(words, used, true);
  }

  take(count: number): number {
    const at = this.used;
    const used = at + count;
    if (used > this.words.length) {
      if (this.#fixed) throw new RoomError('no spare room');
      const grown = new Int32Array(Math.max(used, this.words.length * 2));
      grown.set(this.words);
      this.words = grown;
    }
    this.used = used;
    return at;
  }

  /** Room for `count` neighbours of `words` words (4 or 8), none of which lies across two cache lines. */
  takeAligned(words: number, count: number): number {
    this.take(-this.used & (words - 1));
    return this.take(count * words);
  }
}
