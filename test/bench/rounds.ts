/**
 * The order of things: every measure on every lane, one right after the other, then the next measure; the next round
 * goes through the lanes backwards. Neighbours in time make honest ratios, and going back and forth cancels a drift.
 */
import type { Lane } from './lane.js';
import { type Figure, figuresOf, type Measure } from './measure/measures.js';
import { busySeconds, foreignSeconds, namespaceInode } from './measure/proc.js';
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
): Promise<Sample[]> {
  lane.checkAlive();
  const [busyBefore, foreignBefore, startedAt] = [busySeconds(), foreignSeconds(ours), performance.now()];
  const { values, gigabits = Number.NaN } = await measure.run(lane, seconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  const busy = busySeconds() - busyBefore;
  const foreign = Math.max(0, foreignSeconds(ours) - foreignBefore);
  return figuresOf([measure]).map(({ key }, index) => ({
    measure: key,
    peer: lane.peer.name,
    value: values[index] ?? (busy - foreign) / gigabits,
    busyCores: busy / elapsed,
    foreignCores: foreign / elapsed,
  }));
}

function describe(sample: Sample, { unit }: Figure): string {
  const figure = `${significant(sample.value, 3)} ${unit}`;
  const disturbed = isDisturbed(sample) ? `, ${sample.foreignCores.toFixed(2)} of them by others` : '';
  return (
    `${sample.measure.padEnd(16)} ${sample.peer.padEnd(13)} ${figure.padStart(12)}` +
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
        const taken = await take(measure, lane, seconds, ours);
        samples.push(...taken);
        figuresOf([measure]).forEach((figure, index) => {
          console.log(`  ${round + 1}/${repeats}  ${describe(taken[index], figure)}`);
        });
      }
    }
  }
  return samples;
}
