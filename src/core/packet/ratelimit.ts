/**
 * A token bucket (RFC 1812 4.3.2.8 and RFC 4443 2.4(f) ask for one before ICMP errors): `burst` at once, then `rate`
 * a second. Its state is two floats in a typed array, so that taking a token allocates nothing.
 */
export class RateLimit {
  private readonly ratePerMs: number;
  private readonly burst: number;
  /** Tokens left, and the time (ms) of the last look. */
  private readonly state = new Float64Array(2);

  /** `ratePerSecond` > 0 tokens a second in the long run, `burst` ≥ 1 at once. The bucket starts full. */
  constructor(ratePerSecond: number, burst: number) {
    this.ratePerMs = ratePerSecond / 1000;
    this.burst = burst;
    this.state[0] = burst;
    this.state[1] = Number.NEGATIVE_INFINITY;
  }

  /** Takes a token at time `now` (ms) if there is one. A clock that steps back fills nothing and breaks nothing. */
  take(now: number): boolean {
    const state = this.state;
    if (now > state[1]) {
      state[0] = Math.min(this.burst, state[0] + (now - state[1]) * this.ratePerMs);
    }
    state[1] = now;
    if (state[0] < 1) return false;
    state[0] -= 1;
    return true;
  }
}
