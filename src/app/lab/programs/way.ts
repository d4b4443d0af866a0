/**
 * How the lab's firewall judges a way to the internet: bad as soon as its carrier is lost, or when its ping has gone
 * unanswered for SILENCE_MS; good again once it has been answered for BACK_MS. Pure.
 */

/** Pings go out five times a second; so long without an answer, and a way is bad. */
export const SILENCE_MS = 1_000;
/** A way that was bad must work for so long before it is used again. */
export const BACK_MS = 5_000;

export class Way {
  good = true;
  why = '';
  #carrier = true;
  #answeredAtMs: number;
  /** Since when it has worked without a break. */
  #soundSinceMs: number;

  /** A new way has the benefit of the doubt. */
  constructor(now: number) {
    this.#answeredAtMs = now;
    this.#soundSinceMs = now;
  }

  handleCarrier(carrier: boolean): void {
    this.#carrier = carrier;
  }

  /** Its ping was answered. */
  handleAnswer(now: number): void {
    this.#answeredAtMs = now;
  }

  /** Judges it anew; whether `good` has changed. */
  judge(now: number): boolean {
    const fault = this.#fault(now);
    if (fault !== '') this.#soundSinceMs = Number.POSITIVE_INFINITY;
    else this.#soundSinceMs = Math.min(this.#soundSinceMs, now);
    const good = fault === '' && (this.good || now - this.#soundSinceMs >= BACK_MS);
    if (good === this.good) return false;
    this.good = good;
    this.why = good ? `works again for ${BACK_MS} ms` : fault;
    return true;
  }

  #fault(now: number): string {
    if (!this.#carrier) return 'no carrier';
    return now - this.#answeredAtMs > SILENCE_MS ? `no answer for ${SILENCE_MS} ms` : '';
  }
}

/** The way to take: the wanted one while it is good, else the first that is; none good: the wanted one. */
export function chooseWay(ways: readonly Pick<Way, 'good'>[], wanted: number): number {
  if (ways[wanted].good) return wanted;
  const first = ways.findIndex(({ good }) => good);
  return first < 0 ? wanted : first;
}
