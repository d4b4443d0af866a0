/** Measured figures in few words: percentiles of the repetitions. */

/** The value at or below which `fraction` of `values` lie (nearest rank). NaN for none. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
}

/** `352 ms`, or `p50 340 p90 398 max 410 ms of 20`. */
export function describeFigures(values: readonly number[]): string {
  if (values.length === 1) return `${Math.round(values[0])} ms`;
  const at = (fraction: number) => Math.round(percentile(values, fraction));
  return `p50 ${at(0.5)} p90 ${at(0.9)} max ${at(1)} ms of ${values.length}`;
}
