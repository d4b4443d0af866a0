/**
 * From verdicts that change by the moment to a state that people and routes can rely on. Certain faults count at once;
 * others must last a little, so that a peer's death, which its paths show one after the other, is not taken for an
 * uplink's. Recovery must last longer, and twice as long each time it did not last: an uplink that comes and goes is
 * down until it has behaved for a while (RFC 2439 gave routes the same treatment). Sans-IO.
 */
import type { UplinkState } from './evidence.js';

export interface SettlingTimes {
  /** A fault that is not certain counts after this long: down, degraded. */
  readonly downMs: number;
  readonly degradedMs: number;
  /** Recovery counts after this long, doubled for each relapse up to the maximum. */
  readonly recoverMs: number;
  readonly recoverMsMax: number;
  /** A fall this soon after a recovery is a relapse; a state this old forgets them. */
  readonly relapseMs: number;
}

export const SETTLING_TIMES: SettlingTimes = {
  downMs: 100,
  degradedMs: 1_000,
  recoverMs: 1_000,
  recoverMsMax: 60_000,
  relapseMs: 60_000,
};

const STATES: readonly UplinkState[] = ['up', 'degraded', 'down'];
const DOWN = 2;
const NEVER = Number.POSITIVE_INFINITY;

export class Settling {
  readonly #times: SettlingTimes;
  #state = DOWN;
  #begun = false;
  #sinceMs: number;
  #relapses = 0;
  #recovered = false;
  #hard = true;
  /** Since when the verdict has been at least (at most) as bad as each state; NEVER: it is not. */
  readonly #atLeast = [NEVER, NEVER, NEVER];
  readonly #atMost = [NEVER, NEVER, NEVER];

  constructor(now: number, times: SettlingTimes = SETTLING_TIMES) {
    this.#times = times;
    this.#sinceMs = now;
  }

  get state(): UplinkState {
    return STATES[this.#state];
  }

  /** When the state was entered. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The verdict of this moment. The first one of all is the state. */
  handleVerdict(state: UplinkState, hard: boolean, now: number): void {
    const verdict = STATES.indexOf(state);
    this.#note(verdict, now);
    this.#hard = hard;
    if (!this.#begun) {
      this.#begun = true;
      this.#state = verdict;
      this.#sinceMs = now;
    }
    this.handleTimeout(now);
  }

  handleTimeout(now: number): void {
    const { relapseMs } = this.#times;
    for (let next = DOWN; next > this.#state; next--) {
      if (now < this.#worseAtMs(next)) continue;
      if (this.#recovered) this.#relapses = now - this.#sinceMs < relapseMs ? this.#relapses + 1 : 0;
      this.#enter(next, now);
      this.#recovered = false;
      return;
    }
    for (let next = 0; next < this.#state; next++) {
      if (now < this.#betterAtMs(next)) continue;
      this.#enter(next, now);
      this.#recovered = true;
      return;
    }
  }

  /** When the state changes if the verdict stays. */
  nextDeadline(): number {
    let deadline = NEVER;
    for (let next = 0; next <= DOWN; next++) {
      if (next > this.#state) deadline = Math.min(deadline, this.#worseAtMs(next));
      if (next < this.#state) deadline = Math.min(deadline, this.#betterAtMs(next));
    }
    return deadline;
  }

  #enter(state: number, now: number): void {
    this.#state = state;
    this.#sinceMs = now;
  }

  #worseAtMs(state: number): number {
    const { downMs, degradedMs } = this.#times;
    const wait = state !== DOWN ? degradedMs : this.#hard ? 0 : downMs;
    return this.#atLeast[state] + wait;
  }

  #betterAtMs(state: number): number {
    const { recoverMs, recoverMsMax } = this.#times;
    return this.#atMost[state] + Math.min(recoverMs * 2 ** this.#relapses, recoverMsMax);
  }

  #note(raw: number, now: number): void {
    for (let state = 0; state <= DOWN; state++) {
      this.#atLeast[state] = raw < state ? NEVER : Math.min(this.#atLeast[state], now);
      this.#atMost[state] = raw > state ? NEVER : Math.min(this.#atMost[state], now);
    }
  }
}
