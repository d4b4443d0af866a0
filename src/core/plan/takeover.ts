/**
 * What all effects of a takeover share: they act only for the highest epoch they know. An effect that was decided for an
 * epoch since overtaken, and comes late, does nothing.
 */

/** An epoch as the cluster's ballots have it: compared by `n`, then by `member`. */
export interface Ballot {
  readonly n: number;
  readonly member: number;
}

/** Remembers the highest epoch seen by an effect. */
export class EpochFence {
  #highest: Ballot | undefined;

  get highest(): Ballot | undefined {
    return this.#highest;
  }

  /** Whether an effect for `epoch` may act: it is the highest seen so far, which it then is. */
  admit(epoch: Ballot): boolean {
    const highest = this.#highest;
    if (highest !== undefined && (epoch.n - highest.n || epoch.member - highest.member) < 0) return false;
    this.#highest = epoch;
    return true;
  }
}
