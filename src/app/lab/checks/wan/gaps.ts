/** Gaps of a measurement in relation to something that happened meanwhile. Times are Unix times in ms. */
import type { Report } from '../../programs/meter.js';

/** A gap that begins so soon after a firewall's switch is the switch's. */
const SWITCH_MS = 300;
/** Shorter ones a busy machine has all the time. */
const TOLD_MS_MIN = 100;

type Tracks = Pick<Report, 'there' | 'back'>;

/** How long after the switch of a firewall packets came again, both ways; 0 where they never stopped. */
export function silentAfterSwitch({ there, back }: Tracks, switchedMs: number): number {
  const gaps = [...there.gaps, ...back.gaps].filter(({ fromMs }) => fromMs <= switchedMs + SWITCH_MS);
  return Math.max(0, ...gaps.map(({ untilMs }) => untilMs - switchedMs));
}

/** The gaps that say something, counted from `sinceMs`: `there 4–308, back 4–310`. */
export function describeGaps({ there, back }: Tracks, sinceMs: number): string {
  const words = (name: string, gaps: Report['there']['gaps']) =>
    gaps
      .filter(({ fromMs, untilMs }) => untilMs - fromMs >= TOLD_MS_MIN)
      .map(({ fromMs, untilMs }) => `${name} ${fromMs - sinceMs}–${untilMs - sinceMs}`);
  return [...words('there', there.gaps), ...words('back', back.gaps)].join(', ') || 'none';
}
