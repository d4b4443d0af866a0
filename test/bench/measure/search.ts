/**
 * The highest rate at which nothing is lost, by halving an interval (RFC 2544, 26.1, with short trials). It begins with
 * as much as the sender can offer; what then arrives is a good first guess. A trial that loses datagrams is repeated
 * once: on a machine with two cores any program that wakes up in between costs a few.
 */

/** What one trial offered and what came of it. */
export interface Trial {
  readonly sent: number;
  readonly received: number;
  readonly seconds: number;
}

/** At most one datagram in ten thousand may be missing for a rate to count as free of loss. */
export const LOSS_MAX = 1e-4;
/** The interval is small enough when its ends are this near to each other. */
const PRECISION = 1.04;
/** Datagrams a second: more than any sender here can offer. */
const EVERYTHING = 10_000_000;

export function isLossFree({ sent, received }: Trial): boolean {
  return sent > 0 && sent - received <= sent * LOSS_MAX;
}

/**
 * The highest loss-free rate in datagrams a second, of at most `trialsMax` rates that `attempt` is asked to try; 0 where
 * even the lowest of them lost some.
 */
export async function searchRate(
  attempt: (rate: number) => Promise<Trial>,
  trialsMax: number,
): Promise<number> {
  const flood = await attempt(EVERYTHING);
  const offered = flood.sent / flood.seconds;
  if (isLossFree(flood)) return offered;
  let [good, bad] = [0, offered];
  let next = flood.received / flood.seconds;
  for (let trials = 1; trials < trialsMax && bad > good * PRECISION; trials++) {
    let trial = await attempt(next);
    if (!isLossFree(trial)) trial = await attempt(next);
    // A sender that was not scheduled offers less than it was asked to: what it did offer is what was tried.
    const tried = trial.sent / trial.seconds;
    if (!isLossFree(trial)) bad = Math.min(bad, tried, next);
    else if (tried < next / PRECISION) return Math.max(good, tried);
    else good = Math.max(good, tried);
    next = good === 0 ? bad * 0.7 : (good + bad) / 2;
  }
  return good;
}
