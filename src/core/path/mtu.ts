/**
 * What size of packet a path carries: path MTU discovery by probes of our own (RFC 8899, DPLPMTUD), without any belief in
 * ICMP. Each side looks for what it can send; sizes are those of inner packets, as hosts and MSS know them.
 *
 * A probe is an echo packet padded to the size in question, and a small one right behind it. Both are answered by small
 * packets. Only where the small one came back and the large one did not, the size has failed once; where neither did, the
 * path is to blame and nothing was learned. A size is given up after three failures (RFC 8899 MAX_PROBES), after more
 * where the path loses packets of any size: so many that chance stays below one in two thousand.
 *
 *   off ── the path works ──▶ searching ── limits meet ──▶ found ─┬─ time to look for more ─▶ searching
 *                                 ▲                               └─ its own size fails ─┐
 *                                 └─────────────── at once to BASE, and from there ◀─────┘
 *
 * Searching asks for the full size first, which usually is the end of it, then for BASE, then halves the rest. Until the
 * full size has failed it is what counts: outer packets may be fragmented, so a path that has not been measured yet is
 * treated as every tunnel treats it, and no host is told a smaller MTU, which it would remember for ten minutes. In this
 * alone we leave RFC 8899, which begins with BASE.
 *
 * What was found is asked again every VERIFY_BUSY_MS while large packets are sent, seldom otherwise. More is looked for after 10 s,
 * 20 s, … 600 s (PMTU_RAISE_TIMER), and at once when the path has moved: a smaller MTU is often that of a detour.
 */
import type { Quality } from './quality.js';

/** RFC 8899 BASE_PLPMTU: what nearly every path carries. And the least that is ever assumed. */
export const MTU_BASE = 1_200;
export const MTU_MIN = 512;
/** Sealed packets are padded to this: no size between has a use. */
const STEP = 16;
/** Header and tag of a transport message with the UDP header; IPv4 or IPv6 stands before it. */
const SEAL_BYTES = 32 + 8;
const OUTER_4 = SEAL_BYTES + 20;
const OUTER_6 = SEAL_BYTES + 40;

const FAILURES_MIN = 3;
/** Of a size that was known to arrive. */
const FAILURES_KNOWN_MIN = 4;
const FAILURES_MAX = 12;
const CHANCE = 0.0005;
/** So long after the answer to the small packet that to the large one may still come; and after the usual round trip any. */
const GRACE_MS = 100;
/** Between attempts on the known size, so that a short burst of loss is over. */
const KNOWN_SPACING_MS = 200;
const QUIET_MS_MAX = 60_000;
const VERIFY_BUSY_MS = 1_000;
const VERIFY_MS = 60_000;
const RAISE_MS_FIRST = 10_000;
const RAISE_MS_MAX = 600_000;
/** Probes whose answers are believed; both of eight attempts. */
const REMEMBERED = 16;
const LOSS_WINDOW_MS = 10_000;

/** A packet to be sent: `bytes` in all, 0 = as small as can be. */
export interface MtuProbe {
  readonly sequence: number;
  readonly bytes: number;
}

export interface MtuChange {
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export class PathMtu {
  /** The largest inner packet that is sent whole. */
  bytes: number;
  readonly #fullBytes: () => number;
  readonly #quality: Quality;
  #full: number;
  #phase: 'off' | 'searching' | 'found' = 'off';
  /** What is asked for first; the largest size that arrived (0 = none), the smallest that did not. */
  #top = 0;
  #low = 0;
  #high = Number.POSITIVE_INFINITY;
  /** The attempt under way: its size, its two sequence numbers, when it left, when the small one was back (NaN = not yet). */
  #underWay = false;
  #size = 0;
  #small = 0;
  #sentAtMs = 0;
  #smallAtMs = Number.NaN;
  #failures = 0;
  #quiet = 0;
  #nextAtMs = 0;
  #verifiedAtMs = 0;
  #raiseMs = RAISE_MS_FIRST;
  #raiseAtMs = Number.POSITIVE_INFINITY;
  #busy = false;
  #sequence = 0;
  #outerBytes = OUTER_4;
  /** Sizes of the last probes by sequence number. BOUNDED by REMEMBERED. */
  #sizes: Map<number, number> | undefined;
  readonly #probes: MtuProbe[] = [];
  readonly #changes: MtuChange[] = [];
  /** What has been said last. */
  #told: number;

  /** `fullBytes`: the size of the tunnel, which is never exceeded; 0 = nothing is looked for. */
  constructor(fullBytes: () => number, quality: Quality) {
    this.#fullBytes = fullBytes;
    this.#quality = quality;
    this.#full = fullBytes();
    this.bytes = this.#full;
    this.#told = this.#full;
  }

  /** Whether it is known, or being found: the path works, and its peer answers probes. */
  get isMeasured(): boolean {
    return this.#phase !== 'off';
  }

  /** An answer is waited for, or more is about to be asked: somebody should look when `nextDeadline` says so. */
  get isAsking(): boolean {
    return this.#underWay || this.#phase === 'searching' || this.#failures > 0;
  }

  get isSearching(): boolean {
    return this.#phase === 'searching';
  }

  /** Whether the path carries less than the tunnel. */
  get isLess(): boolean {
    return this.bytes < this.#full;
  }

  /** The path works from now on, or is another one: over IPv6 (`family` 6) or IPv4. What was known counts until it fails. */
  start(family: number, now: number): void {
    this.#outerBytes = family === 6 ? OUTER_6 : OUTER_4;
    this.stop();
    this.#adoptFull();
    if (this.#full === 0) return;
    this.#raiseMs = RAISE_MS_FIRST;
    this.#search(0, this.#full, now);
  }

  /** The path does not work, or its peer answers no probes. */
  stop(): void {
    this.#phase = 'off';
    this.#underWay = false;
    this.#failures = 0;
    this.#quiet = 0;
    this.#probes.length = 0;
    this.#sizes = undefined;
  }

  /** Whether large packets are being sent by the path. */
  setBusy(busy: boolean): void {
    this.#busy = busy;
  }

  /** The answer to a probe. Returns whether it is one that was waited for. */
  handleAnswer(sequence: number, now: number): boolean {
    const size = this.#sizes?.get(sequence);
    if (size === undefined) return false;
    this.#sizes?.delete(sequence);
    this.#quiet = 0;
    if (size > 0) this.#arrived(size, now);
    else if (this.#underWay && sequence === this.#small) this.#smallAtMs = now;
    return true;
  }

  handleTimeout(now: number): void {
    if (this.#phase === 'off') return;
    if (this.#fullBytes() !== this.#full) this.#resize(now);
    if (now < this.nextDeadline()) return;
    if (this.#underWay) this.#judge(now);
    if (this.#underWay || now < this.nextDeadline()) return;
    if (this.#phase === 'searching' || this.#failures > 0) this.#attempt(this.#size, now);
    else if (now >= this.#verifyAtMs) this.#attempt(this.bytes, now);
    else this.#search(this.bytes, this.#full, now);
  }

  nextDeadline(): number {
    if (this.#phase === 'off') return Number.POSITIVE_INFINITY;
    if (this.#underWay) {
      const { answerMsMax, rttVariationMs } = this.#quality;
      if (Number.isNaN(this.#smallAtMs)) return this.#sentAtMs + answerMsMax + GRACE_MS;
      return this.#smallAtMs + GRACE_MS + 4 * rttVariationMs;
    }
    if (this.#phase === 'searching' || this.#failures > 0) return this.#nextAtMs;
    return Math.max(this.#nextAtMs, Math.min(this.#verifyAtMs, this.#raiseAtMs));
  }

  /** Takes a probe that is to be sent now. */
  pollProbe(): MtuProbe | undefined {
    return this.#probes.shift();
  }

  /** Takes news. */
  pollChange(): MtuChange | undefined {
    return this.#changes.shift();
  }

  get #verifyAtMs(): number {
    if (this.bytes <= MTU_MIN) return Number.POSITIVE_INFINITY;
    return this.#verifiedAtMs + (this.#busy ? VERIFY_BUSY_MS : VERIFY_MS);
  }

  /** A reload has changed the size of the tunnel. */
  #resize(now: number): void {
    this.#adoptFull();
    this.#search(0, this.#full, now);
  }

  #adoptFull(): void {
    const full = this.#fullBytes();
    if (full === this.#full) return;
    if (this.bytes === this.#full || this.bytes > full) this.bytes = full;
    this.#told = this.bytes;
    this.#full = full;
  }

  #search(low: number, top: number, now: number): void {
    this.#phase = 'searching';
    this.#low = low;
    this.#high = Number.POSITIVE_INFINITY;
    this.#top = top;
    this.#next(now);
  }

  /** Asks for the next size, or ends the search. */
  #next(now: number): void {
    this.#underWay = false;
    this.#failures = 0;
    const size = this.#candidate();
    if (size > 0) this.#attempt(size, now);
    else this.#finish(now);
  }

  #finish(now: number): void {
    this.#phase = 'found';
    this.#nextAtMs = now;
    if (this.#low >= this.bytes) this.#verifiedAtMs = now;
    this.#raiseAtMs = Number.POSITIVE_INFINITY;
    if (this.bytes < this.#full) {
      this.#raiseAtMs = now + this.#raiseMs;
      this.#raiseMs = Math.min(RAISE_MS_MAX, this.#raiseMs * 2);
    }
    const limit = this.#high < Number.POSITIVE_INFINITY ? `, of ${this.#wire(this.#high)} bytes do not` : '';
    this.#tell(`packets of ${this.#wire(this.bytes)} bytes arrive${limit}`);
  }

  /** 0 = there is none left. */
  #candidate(): number {
    if (this.#low >= this.#top) return 0;
    if (this.#high > this.#top) return this.#top;
    if (this.#low === 0 && this.#high > MTU_BASE) return MTU_BASE;
    const least = Math.max(this.#low, MTU_MIN);
    const middle = (least + this.#high) / 2;
    const size = middle - (middle % STEP);
    if (size > least) return size;
    const next = least - (least % STEP) + STEP;
    return next < this.#high ? next : 0;
  }

  #attempt(size: number, now: number): void {
    this.#size = size;
    this.#underWay = true;
    this.#sentAtMs = now;
    this.#smallAtMs = Number.NaN;
    this.#probes.length = 0;
    this.#send(size);
    this.#small = this.#send(0);
  }

  #send(bytes: number): number {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    this.#sizes ??= new Map();
    this.#sizes.set(sequence, bytes);
    this.#sizes.delete((sequence - REMEMBERED) >>> 0);
    this.#probes.push({ sequence, bytes });
    return sequence;
  }

  /** The time of the attempt is over. */
  #judge(now: number): void {
    this.#underWay = false;
    if (Number.isNaN(this.#smallAtMs)) {
      this.#quiet += 1;
      const waitMs = this.#quiet < FAILURES_MAX ? 0 : 2 ** (this.#quiet - FAILURES_MAX) * 1_000;
      this.#nextAtMs = now + Math.min(QUIET_MS_MAX, waitMs);
      return;
    }
    this.#failures += 1;
    this.#nextAtMs = now + (this.#phase === 'found' ? KNOWN_SPACING_MS : 0);
    if (this.#failures >= this.#failuresNeeded(now)) this.#lost(now);
  }

  /**
   * Where packets of any size are lost at rate p, small and large alike, an attempt fails with p(1 − p) and succeeds with
   * 1 − p: failures alone in n attempts that tell anything are chance with (p ∕ (1 + p))^n.
   */
  #failuresNeeded(now: number): number {
    const least = this.#phase === 'found' ? FAILURES_KNOWN_MIN : FAILURES_MIN;
    const loss = this.#quality.loss(LOSS_WINDOW_MS, now);
    if (loss === 0) return least;
    const needed = Math.ceil(Math.log(CHANCE) / Math.log(loss / (1 + loss)));
    return Math.min(FAILURES_MAX, Math.max(least, needed));
  }

  #arrived(size: number, now: number): void {
    if (size >= this.#high) this.#high = Number.POSITIVE_INFINITY;
    if (size >= this.bytes) this.#verifiedAtMs = now;
    this.#low = Math.max(this.#low, size);
    this.bytes = Math.max(this.bytes, size);
    if (size < this.#size) return;
    this.#failures = 0;
    if (this.#phase === 'searching') this.#next(now);
    else {
      this.#underWay = false;
      this.#tell(`packets of ${this.#wire(size)} bytes arrive`);
    }
  }

  /** The size of the attempt does not arrive. */
  #lost(now: number): void {
    const size = this.#size;
    if (this.#phase === 'found') {
      this.#fall(size, 'no longer arrive');
      this.#raiseMs = RAISE_MS_FIRST;
      this.#search(0, size, now);
      return;
    }
    this.#high = size;
    if (size <= this.bytes) this.#fall(size, 'do not arrive');
    this.#next(now);
  }

  #fall(size: number, what: string): void {
    this.bytes = this.#low > 0 && this.#low < size ? this.#low : size > MTU_BASE ? MTU_BASE : MTU_MIN;
    this.#tell(`packets of ${this.#wire(size)} bytes ${what}, small ones do`);
  }

  #tell(why: string): void {
    if (this.bytes === this.#told) return;
    this.#changes.push({ from: this.#told, to: this.bytes, why });
    this.#told = this.bytes;
  }

  /** The length of the outer IP packet. */
  #wire(bytes: number): number {
    return Math.ceil(bytes / STEP) * STEP + this.#outerBytes;
  }
}
