/**
 * Whether the LAN is usable: its carrier, and, if its hosts answer probes at all, that one has answered recently. A LAN
 * that has answered and falls silent with the carrier up is a real fault that the carrier cannot show. Hosts may also
 * have been switched off; so the silence is forgotten after a while, unless a partner proves that hosts do answer.
 */
import type { ClusterSettings } from './settings.js';
import type { Waits } from './waits.js';

/** How long an answer shows that hosts of this LAN answer at all. */
export const LAN_MEMORY_MS = 60_000;

export class LanHealth {
  readonly #settings: ClusterSettings;
  #answeredAtMs: number | undefined;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #carrier = true;
  #carrierLostAtMs: number | undefined;
  /** As judged at the last evaluation. */
  usable = true;
  proven = false;

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
  }

  get carrierLostAtMs(): number | undefined {
    return this.#carrierLostAtMs;
  }

  handleCarrier(carrier: boolean, now: number): void {
    if (carrier === this.#carrier) return;
    this.#carrier = carrier;
    this.#carrierLostAtMs = carrier ? undefined : now;
  }

  handleAnswer(now: number): void {
    this.#answeredAtMs = now;
  }

  /** Judges anew. `alert`: a partner is silent. `partnerProven`: a partner that is heard has proof of a live LAN. */
  judge(waits: Waits, alert: boolean, partnerProven: boolean): void {
    const window = alert ? this.#settings.lanDeadAlertMs : this.#settings.lanDeadMs;
    const silent = this.#answeredAtMs === undefined || waits.passed(this.#answeredAtMs, window);
    this.proven = this.#carrier && !silent;
    const forgotten = this.#answeredAtMs === undefined || waits.passed(this.#answeredAtMs, LAN_MEMORY_MS);
    // Where the partner hears hosts, silence is a fault here, even for a process that has never heard one.
    this.usable = this.#carrier && (!silent || (forgotten && !partnerProven));
  }

  /** Whether, if hosts answered within the last minute, one has answered since `sinceMs`. */
  answeredSince(sinceMs: number, waits: Waits): boolean {
    if (this.#answeredAtMs === undefined) return true;
    return this.#answeredAtMs >= sinceMs || waits.passed(this.#answeredAtMs, LAN_MEMORY_MS);
  }

  /** Whether a probe is to be sent now. */
  takeProbe(waits: Waits, alert: boolean): boolean {
    const interval = alert ? this.#settings.lanProbeAlertMs : this.#settings.lanProbeMs;
    if (!waits.passed(this.#probedAtMs, interval)) return false;
    this.#probedAtMs = waits.now;
    waits.at(waits.now + interval);
    return true;
  }
}
