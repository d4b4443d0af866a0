/**
 * How many threads help a worker to open what one peer sends (native/lanes.h). They are for processors that no worker needs:
 * where all are busy a helper only takes time from another worker, and waits for it.
 */
export function laneCount(workers: number, processors: number): number {
  return Math.max(0, Math.min(workers - 1, processors - workers));
}
