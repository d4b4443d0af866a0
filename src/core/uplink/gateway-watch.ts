/**
 * Whether a gateway answers: it is asked every second (ARP or neighbour solicitation, which the caller sends), and silent
 * when nothing has come for three. A gateway that was not asked yet is not silent. Sans-IO.
 */
export const GATEWAY_PROBE_MS = 1_000;
export const GATEWAY_SILENT_MS = 3_000;

const NEVER = Number.POSITIVE_INFINITY;

export class GatewayWatch {
  #probeAtMs = NEVER;
  #heardAtMs = NEVER;
  #wanted = false;
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  /** Begins anew: there is a gateway to ask, or none. */
  reset(ask: boolean, now: number): void {
    this.#probeAtMs = ask ? now : NEVER;
    this.#heardAtMs = ask ? now : NEVER;
    this.#wanted = false;
    this.#answeredAtMs = Number.NEGATIVE_INFINITY;
  }

  handleAnswer(now: number): void {
    if (this.#heardAtMs === NEVER) return;
    this.#heardAtMs = now;
    this.#answeredAtMs = now;
  }

  handleTimeout(now: number): void {
    if (now < this.#probeAtMs) return;
    this.#probeAtMs = now + GATEWAY_PROBE_MS;
    this.#wanted = true;
  }

  /** Whether the gateway is to be asked now; true once for each probe. */
  pollProbe(): boolean {
    const wanted = this.#wanted;
    this.#wanted = false;
    return wanted;
  }

  /** Asks now: there is a reason to doubt. */
  hurry(now: number): void {
    if (this.#probeAtMs !== NEVER) this.#probeAtMs = now;
  }

  /** Whether the gateway has answered at or after `sinceMs`, and lives. */
  answersSince(sinceMs: number, now: number): boolean {
    return this.#answeredAtMs >= sinceMs && !this.silent(now);
  }

  /** Whether the gateway has been silent for too long. */
  silent(now: number): boolean {
    return now - this.#heardAtMs >= GATEWAY_SILENT_MS;
  }

  /** The next probe, or the moment when silence counts. */
  nextDeadline(now: number): number {
    const silentAtMs = this.#heardAtMs + GATEWAY_SILENT_MS;
    return silentAtMs > now ? Math.min(this.#probeAtMs, silentAtMs) : this.#probeAtMs;
  }
}
