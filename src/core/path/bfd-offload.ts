/**
 * What the data plane's worker does for a settled BFD session, in which packet follows packet and none says anything
 * new: it repeats `template` at the given pace, and absorbs received packets that equal `expected`, of which it keeps
 * nothing but the time. Read it anew after every input to the session.
 */
import { BFD_BYTES, FLAG_POLL } from './bfd-packet.js';

/** RFC 5880 6.8.7: each interval is shortened at random by 0–25 %, by 10–25 % where one lost packet is fatal. */
const JITTER_MIN = 0.75;
const JITTER_MAX = 1;
const JITTER_MAX_SINGLE = 0.9;

export class BfdOffload {
  /** The 24 bytes to repeat. */
  readonly template = new Uint8Array(BFD_BYTES);
  /** Moves when `template` changes. */
  version = 0;
  /** Before jitter; +Infinity = send nothing. Each wait is intervalMs × (jitterMin + random × (jitterMax − jitterMin)). */
  intervalMs = Number.POSITIVE_INFINITY;
  readonly jitterMin = JITTER_MIN;
  jitterMax = JITTER_MAX;
  /** When the next repetition is due, as decided when `rescheduled` last moved; later ones the worker draws itself. */
  nextTransmitAtMs = Number.POSITIVE_INFINITY;
  rescheduled = 0;
  /** Whether received bytes that equal `expected` say nothing new. All other packets go to the session. */
  absorbs = false;
  readonly expected = new Uint8Array(BFD_BYTES);
  /** After this long without any packet the session must be asked (handleTimeout); +Infinity while nobody is known. */
  detectionMs = Number.POSITIVE_INFINITY;

  /** Takes over the jitter that goes with a detect multiplier. */
  setMultiplier(multiplier: number): void {
    this.jitterMax = multiplier === 1 ? JITTER_MAX_SINGLE : JITTER_MAX;
  }

  /** Takes over a template; returns whether it says something new, the Poll bit aside. */
  replaceTemplate(bytes: Uint8Array): boolean {
    let content = 0;
    let any = 0;
    for (let i = 0; i < BFD_BYTES; i++) {
      const difference = this.template[i] ^ bytes[i];
      any |= difference;
      content |= i === 1 ? difference & ~FLAG_POLL : difference;
      this.template[i] = bytes[i];
    }
    if (any !== 0) this.version++;
    return content !== 0;
  }

  /** Sets the next transmission one interval after `fromMs`; `random` gives a number from 0 up to but not including 1. */
  scheduleFrom(fromMs: number, random: () => number): void {
    this.rescheduled++;
    if (this.intervalMs === Number.POSITIVE_INFINITY) {
      this.nextTransmitAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    const part = this.jitterMin + random() * (this.jitterMax - this.jitterMin);
    this.nextTransmitAtMs = fromMs + this.intervalMs * part;
  }
}
