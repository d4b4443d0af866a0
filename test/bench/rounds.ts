/**
 * The order of things: every measure on every lane, one right after the other, then the next measure; the next round
 * goes through the lanes backwards. Neighbours in time make honest ratios, and going back and forth cancels a drift.
 */
import type { Lane } from './lane.js';
import { busySeconds } from './measure/proc.js';
import type { Measure } from './measure/traffic.js';
import type { Sample } from './report.js';
import { significant } from './statistics.js';

/** The lanes in the order of round `round`. */
export function orderOf<T>(lanes: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...lanes] : [...lanes].reverse();
}

async function take(measure: Measure, lane: Lane, seconds: number): Promise<Sample> {
  lane.checkAlive();
  const busyBefore = busySeconds();
  const startedAt = performance.now();
  const value = await measure.run(lane, seconds);
  const busyCores = (busySeconds() - busyBefore) / ((performance.now() - startedAt) / 1000);
  return { measure: measure.key, peer: lane.peer.name, value, busyCores };
}

/** Runs all rounds and returns the samples in the order in which they were taken. */
export async function runRounds(
  lanes: readonly Lane[],
  measures: readonly Measure[],
  repeats: number,
  seconds: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < repeats; round++) {
    for (const measure of measures) {
      for (const lane of orderOf(lanes, round)) {
        const sample = await take(measure, lane, seconds);
        samples.push(sample);
        const figure = `${significant(sample.value, 3)} ${measure.unit}`;
        console.log(
          `  ${round + 1}/${repeats}  ${measure.key.padEnd(8)} ${lane.peer.name.padEnd(13)} ${figure.padStart(12)}` +
            `   ${sample.busyCores.toFixed(2)} cores busy`,
        );
      }
    }
  }
  return samples;
}
