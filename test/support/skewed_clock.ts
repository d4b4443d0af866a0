/**
 * Preloaded into a daemon by `skewedBy`: its wall clock is wrong by $TEST_CLOCK_SKEW_MS. Its monotonic clock, and the
 * clocks of other processes, are what they are.
 */
import { fileURLToPath } from 'node:url';

const SKEW_VARIABLE = 'TEST_CLOCK_SKEW_MS';

const skewMs = Number(process.env[SKEW_VARIABLE] ?? 0);
if (skewMs !== 0) {
  const now = Date.now;
  Date.now = () => now() + skewMs;
}

/** The environment of a daemon whose wall clock is ahead by `ms` (negative: behind). */
export function skewedBy(ms: number): Record<string, string> {
  return { NODE_OPTIONS: `--import=${fileURLToPath(import.meta.url)}`, [SKEW_VARIABLE]: String(ms) };
}
