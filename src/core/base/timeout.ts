/**
 * The delay (whole ms, ≥ 1) to give to setTimeout at `now` so that it fires at `deadlineMs` or just after. Node cuts
 * fractions off and counts from the start of the loop's turn, and so fires up to 2 ms early: what is not due yet would
 * then be set again, and every timer would wake the process twice.
 */
export function timeoutMs(deadlineMs: number, now: number): number {
  return Math.max(1, Math.ceil(deadlineMs - now) + 1);
}
