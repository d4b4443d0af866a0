/** Measured figures in few words: percentiles of the repetitions. */
import type { Finding } from './check.js';

/** The value at or below which `fraction` of `values` lie (nearest rank). NaN for none. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
}

/** What a row has measured, in its unit. */
export interface Figures {
  readonly unit: 'ms' | '%';
  readonly values: readonly number[];
  readonly budget: number | undefined;
}

/** What a finding has measured; undefined where it is no figure. */
export function figuresIn(found: Finding): Figures | undefined {
  const { measuredMs, budgetMs, measuredPercent, budgetPercent } = found;
  if (measuredPercent !== undefined) return { unit: '%', values: measuredPercent, budget: budgetPercent };
  return measuredMs === undefined ? undefined : { unit: 'ms', values: measuredMs, budget: budgetMs };
}

/** A figure without its unit: whole ms, tenths of a per cent. */
export function figureText(value: number, unit: Figures['unit']): string {
  return unit === '%' ? value.toFixed(1) : String(Math.round(value));
}

/** `352 ms`, or `p50 340 p90 398 max 410 ms of 20`. */
export function describeFigures(values: readonly number[], unit: Figures['unit'] = 'ms'): string {
  if (values.length === 1) return `${figureText(values[0], unit)} ${unit}`;
  const at = (fraction: number) => figureText(percentile(values, fraction), unit);
  return `p50 ${at(0.5)} p90 ${at(0.9)} max ${at(1)} ${unit} of ${values.length}`;
}
