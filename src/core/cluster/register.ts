/**
 * The epoch register that the members of one cluster share through Redis, as the core sees it: two operations, each one
 * round trip, each idempotent. It orders claims while it answers; it may lose data, split or vanish without harm,
 * because only epochs decide (design: an epoch is a ballot).
 */

/** A ballot: compared by `n`, then by `member` (the claimer's index in its cluster), so no two members share one. */
export interface Epoch {
  readonly n: number;
  readonly member: number;
}

/** Negative, zero or positive as `a` is lower than, equal to or higher than `b`. */
export function compareEpochs(a: Epoch, b: Epoch): number {
  return a.n - b.n || a.member - b.member;
}

/** What another member last stored. */
export interface StoredRecord {
  readonly member: number;
  /** Grows by one with each beat of that member; its reader times it on its own clock. */
  readonly counter: number;
  /** The member's record as it encoded it; not validated. */
  readonly text: string;
}

export interface Beat {
  readonly member: number;
  readonly text: string;
  /** The epoch under which this member acts now; raises the register, so that an empty restart heals itself. */
  readonly acting: Epoch | undefined;
}

export interface BeatAnswer {
  /** Undefined: the register is empty. */
  readonly register: Epoch | undefined;
  readonly records: readonly StoredRecord[];
  /** Redis TIME, Unix ms. */
  readonly redisMs: number;
}

export interface Claim {
  readonly epoch: Epoch;
  /** The register as last seen; undefined = empty. */
  readonly expected: Epoch | undefined;
  /** Redis TIME (Unix ms) after which the claim must not be executed. */
  readonly notAfterRedisMs: number;
}

export interface ClaimAnswer {
  /** Whether the register holds `epoch` now, by this execution or an earlier one of the same claim. */
  readonly taken: boolean;
  readonly register: Epoch | undefined;
  readonly redisMs: number;
}

/** Rejects (TS_REDIS) where Redis does not answer in time or answers with an error: both are "no answer". */
export interface Register {
  beat(beat: Beat): Promise<BeatAnswer>;
  claim(claim: Claim): Promise<ClaimAnswer>;
  close(): Promise<void>;
}
