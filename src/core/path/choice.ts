/**
 * Which of a peer's paths carries its traffic. Usable paths first, brown-outs last among them; then the operator's cost;
 * then quality: less loss, then a clearly shorter round trip.
 *
 * A path that dies is left at once for the best that works. Any other change is a gain to be weighed against the cost of
 * changing, so the challenger must have stayed good for its hold (health.ts), and one that is merely of better quality
 * must have been so for a minute without a break.
 */
import { LOSS_BROWN_OUT, type PathHealth } from './health.js';
import type { Quality } from './quality.js';

const QUALITY_HOLD_MS = 60_000;
/** A round trip counts as shorter when it is so by both. */
const RTT_SHARE = 0.8;
const RTT_MS = 5;

export interface Candidate {
  readonly id: number;
  readonly cost: number;
  readonly health: PathHealth;
  readonly quality: Quality;
  /** For sentences. */
  readonly name: string;
}

export interface ChoiceChange {
  /** The path to use now; undefined = none works. */
  readonly to: number | undefined;
  readonly from: number | undefined;
  readonly why: string;
}

export class PathChoice {
  #current: number | undefined;
  #currentName = '';
  /** The path that has been of better quality than the present one, and since when. */
  #betterId: number | undefined;
  #betterSinceMs = 0;
  #nextMs = Number.POSITIVE_INFINITY;

  get current(): number | undefined {
    return this.#current;
  }

  /** When time alone may change the decision. */
  nextDeadline(): number {
    return this.#nextMs;
  }

  /** Decides anew; undefined where all stays as it is. */
  decide(candidates: readonly Candidate[], now: number): ChoiceChange | undefined {
    this.#nextMs = Number.POSITIVE_INFINITY;
    const current = candidates.find(({ id }) => id === this.#current);
    if (current === undefined || !current.health.isUsable) return this.#rescue(candidates, current, now);
    const challenger = current.health.isGood
      ? (this.#cheaper(candidates, current, now) ?? this.#better(candidates, current, now))
      : this.#sounder(candidates, current, now);
    return challenger && this.#change(challenger.path, challenger.why);
  }

  /** The present path is dead or gone: the best that works, whatever it has still to prove. */
  #rescue(
    candidates: readonly Candidate[],
    current: Candidate | undefined,
    now: number,
  ): ChoiceChange | undefined {
    const best = bestOf(
      candidates.filter(({ health }) => health.isUsable),
      now,
    );
    if (best === undefined && this.#current === undefined) return undefined;
    if (this.#current === undefined) return this.#change(best, 'the first path that works');
    const why =
      current === undefined ? `${this.#currentName} is gone` : `${current.name}: ${current.health.reason}`;
    return this.#change(best, why);
  }

  /** The present path has a brown-out: one that is good, and has been for its hold. */
  #sounder(candidates: readonly Candidate[], current: Candidate, now: number): Win | undefined {
    const path = this.#bestHeld(candidates, current, now, () => true);
    return path && { path, why: `${current.name}: ${current.health.reason}` };
  }

  #cheaper(candidates: readonly Candidate[], current: Candidate, now: number): Win | undefined {
    const path = this.#bestHeld(candidates, current, now, ({ cost }) => cost < current.cost);
    return path && { path, why: `${path.name} costs less and has been good long enough` };
  }

  #better(candidates: readonly Candidate[], current: Candidate, now: number): Win | undefined {
    const isBetter = (path: Candidate): boolean => path.cost === current.cost && outclasses(path, current);
    const path = this.#bestHeld(candidates, current, now, isBetter);
    if (path?.id !== this.#betterId) {
      this.#betterId = path?.id;
      this.#betterSinceMs = now;
    }
    if (path === undefined) return undefined;
    if (now < this.#betterSinceMs + QUALITY_HOLD_MS) {
      this.#nextMs = Math.min(this.#nextMs, this.#betterSinceMs + QUALITY_HOLD_MS);
      return undefined;
    }
    const less = path.health.lossClass < current.health.lossClass ? 'less loss' : 'a shorter round trip';
    return { path, why: `${path.name} has had ${less} for a minute` };
  }

  /** The best good path other than the present one that has passed its hold; holds that end later are noted. */
  #bestHeld(
    candidates: readonly Candidate[],
    current: Candidate,
    now: number,
    counts: (path: Candidate) => boolean,
  ): Candidate | undefined {
    const good = candidates.filter((path) => path !== current && path.health.isGood && counts(path));
    for (const { health } of good)
      if (health.heldUntilMs > now) this.#nextMs = Math.min(this.#nextMs, health.heldUntilMs);
    return bestOf(
      good.filter(({ health }) => health.heldUntilMs <= now),
      now,
    );
  }

  #change(to: Candidate | undefined, why: string): ChoiceChange {
    const from = this.#current;
    this.#current = to?.id;
    this.#currentName = to?.name ?? '';
    this.#betterId = undefined;
    return { from, to: to?.id, why };
  }
}

interface Win {
  readonly path: Candidate;
  readonly why: string;
}

function bestOf(candidates: readonly Candidate[], now: number): Candidate | undefined {
  let best: Candidate | undefined;
  for (const path of candidates) if (best === undefined || comparePaths(path, best, now) < 0) best = path;
  return best;
}

/** Negative where `a` goes before `b`: sound, proven, cheap, clean, near, old. */
function comparePaths(a: Candidate, b: Candidate, now: number): number {
  return (
    Number(a.health.lossClass === LOSS_BROWN_OUT) - Number(b.health.lossClass === LOSS_BROWN_OUT) ||
    Number(a.health.heldUntilMs > now) - Number(b.health.heldUntilMs > now) ||
    a.cost - b.cost ||
    a.health.lossClass - b.health.lossClass ||
    a.quality.rttMs - b.quality.rttMs ||
    a.id - b.id
  );
}

/** Whether `path` is clearly better than `than`: less loss, or no more of it and a shorter round trip. */
function outclasses(path: Candidate, than: Candidate): boolean {
  if (path.health.lossClass !== than.health.lossClass) return path.health.lossClass < than.health.lossClass;
  const [a, b] = [path.quality.rttMs, than.quality.rttMs];
  return a > 0 && b > 0 && a < b * RTT_SHARE && a < b - RTT_MS;
}
