/**
 * A log-linear histogram of durations, as in HdrHistogram (Tene): OCTAVE_BUCKETS buckets to a doubling, so a value is
 * known to within 1/16, over the whole range and in constant memory. It stands in shared memory: one thread writes with
 * plain stores, any may read, and a reader may see the last duration in part. Nothing is allocated by `add`.
 *
 *   [ count, sum, greatest, BUCKETS × count ]   Float64, durations in µs
 *
 * `native/histogram.h` writes the same.
 */
const OCTAVE_BITS = 4;
const OCTAVE_BUCKETS = 1 << OCTAVE_BITS;
/** 2^26 µs are 67 s; what is longer is counted in the last bucket. */
const OCTAVES = 26;
const BUCKETS = (OCTAVES - OCTAVE_BITS + 1) * OCTAVE_BUCKETS;
const COUNT = 0;
const SUM = 1;
const GREATEST = 2;
const HEAD = 3;
const MICROS_MAX = 2 ** OCTAVES - 1;

/** Words of a histogram. */
export const HISTOGRAM_WORDS = HEAD + BUCKETS;

/** The number of the bucket in which a duration (µs, whole) is counted. */
function bucketOf(micros: number): number {
  if (micros < OCTAVE_BUCKETS) return micros;
  const shift = 31 - Math.clz32(micros) - OCTAVE_BITS;
  return (shift + 1) * OCTAVE_BUCKETS + (micros >>> shift) - OCTAVE_BUCKETS;
}

/** The greatest whole duration (µs) of a bucket. */
function bucketEnd(bucket: number): number {
  if (bucket < OCTAVE_BUCKETS) return bucket;
  const shift = Math.floor(bucket / OCTAVE_BUCKETS) - 1;
  return ((bucket % OCTAVE_BUCKETS) + OCTAVE_BUCKETS + 1) * 2 ** shift - 1;
}

export class Histogram {
  readonly words: Float64Array;

  /** Over the words of another thread's histogram, or of its own. */
  constructor(words: Float64Array = new Float64Array(new SharedArrayBuffer(HISTOGRAM_WORDS * 8))) {
    this.words = words;
  }

  /** Counts a duration, ms. */
  add(ms: number): void {
    const { words } = this;
    const micros = ms > 0 ? Math.min(Math.round(ms * 1000), MICROS_MAX) : 0;
    words[HEAD + bucketOf(micros)] += 1;
    words[SUM] += micros;
    words[COUNT] += 1;
    if (micros > words[GREATEST]) words[GREATEST] = micros;
  }

  get count(): number {
    return this.words[COUNT];
  }

  get sumMs(): number {
    return this.words[SUM] / 1000;
  }

  get maxMs(): number {
    return this.words[GREATEST] / 1000;
  }

  /** The buckets in which something was counted: greatest duration in ms, and how many. */
  buckets(): [number, number][] {
    const found: [number, number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.words[HEAD + bucket];
      if (count > 0) found.push([bucketEnd(bucket) / 1000, count]);
    }
    return found;
  }

  /** The duration (ms) that a share `quantile` (0 … 1) of all do not exceed; 0 where nothing was counted. */
  quantileMs(quantile: number): number {
    let left = Math.ceil(this.count * quantile);
    for (const [ms, count] of this.buckets()) {
      left -= count;
      if (left <= 0) return Math.min(ms, this.maxMs);
    }
    return this.maxMs;
  }

  /** How many were longer than `ms`; those in the bucket around `ms` are not counted. */
  over(ms: number): number {
    let count = 0;
    for (let bucket = BUCKETS - 1; bucket > 0 && bucketEnd(bucket - 1) >= ms * 1000; bucket--) {
      count += this.words[HEAD + bucket];
    }
    return count;
  }
}
