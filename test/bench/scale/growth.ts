/**
 * How costs grow with the size of a network. A series is one cost at sizes that are about ten times apart; what counts
 * is the factor by which it grows with each tenfold: 1 = it does not grow, 10 = it grows with the size.
 */
import { markdown } from '../markdown.js';
import { significant } from '../statistics.js';

export interface Point {
  readonly size: number;
  readonly value: number;
}

export interface Growth {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  /** What there are `size` of. */
  readonly of: string;
  readonly points: readonly Point[];
}

/** Factor for each tenfold between the first and the last point; NaN where there is but one size. */
export function perTenfold(points: readonly Point[]): number {
  const known = points.filter(({ value }) => Number.isFinite(value) && value > 0);
  const [first, last] = [known[0], known[known.length - 1]];
  if (first === undefined || first.size === last.size) return Number.NaN;
  return (last.value / first.value) ** (1 / Math.log10(last.size / first.size));
}

/** The value at the largest size. */
export function atLargest({ points }: Growth): number {
  return points.reduce<Point>((a, b) => (b.size > a.size ? b : a), { size: 0, value: Number.NaN }).value;
}

function tableOf(of: string, series: readonly Growth[]): string {
  const sizes = [...new Set(series.flatMap(({ points }) => points.map(({ size }) => size)))].sort(
    (a, b) => a - b,
  );
  const header = [of, ...sizes.map((size) => size.toLocaleString('en')), 'per tenfold'];
  const rows = series.map(({ title, unit, points }) => [
    `${title} (${unit})`,
    ...sizes.map((size) => significant(points.find((point) => point.size === size)?.value ?? Number.NaN, 3)),
    `× ${significant(perTenfold(points), 2)}`,
  ]);
  return markdown(header, rows);
}

/** One table for each thing that there are more and more of. */
export function renderGrowth(series: readonly Growth[]): string {
  const things = [...new Set(series.map(({ of }) => of))];
  return things
    .map((of) =>
      tableOf(
        of,
        series.filter((one) => one.of === of),
      ),
    )
    .join('\n\n');
}
