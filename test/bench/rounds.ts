/**
 * The order of things: every measure on every lane, one right after the other, then the next measure; the next round
 * goes through the lanes backwards. Neighbours in time make honest ratios, and going back and forth cancels a drift.
 */
import type { Lane } from './lane.js';
import { busySeconds, foreignSeconds, namespaceInode } from './measure/proc.js';
import type { Measure } from './measure/traffic.js';
import { isDisturbed, type Sample } from './report.js';
import { significant } from './statistics.js';
import { HOSTS } from './topology.js';

/** The lanes in the order of round `round`. */
export function orderOf<T>(lanes: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...lanes] : [...lanes].reverse();
}

async function take(
  measure: Measure,
  lane: Lane,
  seconds: number,
  ours: ReadonlySet<number>,
): Promise<Sample> {
  lane.checkAlive();
  const [busyBefore, foreignBefore, startedAt] = [busySeconds(), foreignSeconds(ours), performance.now()];
  const value = await measure.run(lane, seconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  return {
    measure: measure.key,
    peer: lane.peer.name,
    value,
    busyCores: (busySeconds() - busyBefore) / elapsed,
    foreignCores: Math.max(0, foreignSeconds(ours) - foreignBefore) / elapsed,
  };
}

function describe(sample: Sample, unit: string): string {
  const figure = `${significant(sample.value, 3)} ${unit}`;
  const disturbed = isDisturbed(sample) ? `, ${sample.foreignCores.toFixed(2)} of them by others` : '';
  return (
    `${sample.measure.padEnd(8)} ${sample.peer.padEnd(13)} ${figure.padStart(12)}` +
    `   ${sample.busyCores.toFixed(2)} cores busy${disturbed}`
  );
}

/** Runs all rounds and returns the samples in the order in which they were taken. */
export async function runRounds(
  lanes: readonly Lane[],
  measures: readonly Measure[],
  repeats: number,
  seconds: number,
): Promise<Sample[]> {
  const ours = new Set(lanes.flatMap((lane) => HOSTS.map((host) => namespaceInode(lane.namespace(host)))));
  const samples: Sample[] = [];
  for (let round = 0; round < repeats; round++) {
    for (const measure of measures) {
      for (const lane of orderOf(lanes, round)) {
        const sample = await take(measure, lane, seconds, ours);
        samples.push(sample);
        console.log(`  ${round + 1}/${repeats}  ${describe(sample, measure.unit)}`);
      }
    }
  }
  return samples;
}
