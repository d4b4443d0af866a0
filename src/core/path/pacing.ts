/**
 * How often paths are probed. A probe costs both ends a sealed packet, so the total is bounded: up to PROBES_A_SECOND
 * all paths together go at the configured pace (75 paths at 75 ms), beyond it all slow down in
 * steps, up to SLOWEST_MS. Steps are far apart and come back only well below their limit, because every change
 * of pace is negotiated with every peer (a Poll Sequence).
 *
 * A peer that nobody has talked with for a while, in a network where nobody could take over from anybody, is probed
 * eight times slower: its failure moves nothing.
 */

/** Intervals of a session and how many may be missed. */
export interface Pace {
  readonly desiredMinTxMs: number;
  readonly requiredMinRxMs: number;
  /** 1–255. */
  readonly multiplier: number;
}

/** 75 ms and four of them: detection after 300 ms. */
export const PACE_DEFAULT: Pace = { desiredMinTxMs: 75, requiredMinRxMs: 75, multiplier: 4 };

/** Control packets that all paths of this node may send in a second. */
const PROBES_A_SECOND = 1_000;
/** Echo packets likewise; each comes back, so it costs twice. */
const ECHOES_A_SECOND = 300;
const SLOWEST_MS = 2_400;
const LEISURE_FACTOR = 8;
/** Without payload for this long a peer counts as idle. */
export const IDLE_AFTER_MS = 30_000;
const ECHO_MS_MIN = 200;
const ECHO_MS_MAX = 10_000;
/** A faster step is taken only when it would use no more than this share of the bound. */
const RETURN_SHARE = 0.75;

export interface PaceInputs {
  /** Paths of all peers of this node. */
  readonly paths: number;
  /** Whether somebody could take over: clusters with more than one member, or peers with more than one path. */
  readonly urgent: boolean;
  /** How long the peer has neither sent nor received payload. */
  readonly idleMs: number;
}

/** The factor (a power of two) by which probing must be slower than `fastMs`, where `before` is the present one. */
export function planSlowdown(paths: number, fastMs: number, before: number): number {
  const at = (factor: number): number => (paths * 1_000) / (fastMs * factor) / PROBES_A_SECOND;
  let factor = before;
  while (factor * fastMs < SLOWEST_MS && at(factor) > 1) factor *= 2;
  while (factor > 1 && at(factor / 2) <= RETURN_SHARE) factor /= 2;
  return factor;
}

/** The pace of one peer's paths. `slowdown` is what `planSlowdown` gave for the node. */
export function planPace(configured: Pace, slowdown: number, { urgent, idleMs }: PaceInputs): Pace {
  const leisure = !urgent && idleMs >= IDLE_AFTER_MS ? LEISURE_FACTOR : 1;
  const factor = Math.max(slowdown, leisure);
  if (factor === 1) return configured;
  return {
    desiredMinTxMs: slower(configured.desiredMinTxMs, factor),
    requiredMinRxMs: slower(configured.requiredMinRxMs, factor),
    multiplier: configured.multiplier,
  };
}

/** The interval of echo packets on one path, when `paths` paths of this node are measured. */
export function planEchoMs(paths: number): number {
  return Math.min(ECHO_MS_MAX, Math.max(ECHO_MS_MIN, Math.ceil((paths * 1_000) / ECHOES_A_SECOND)));
}

/** Slower by `factor`, but not slower than everybody's slowest, nor faster than configured. */
function slower(ms: number, factor: number): number {
  return Math.max(ms, Math.min(SLOWEST_MS, ms * factor));
}
