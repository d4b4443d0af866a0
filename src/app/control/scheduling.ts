/**
 * Who runs first on a machine that others want as well. A thread that has work and no processor is a pause like any
 * other; where `scheduling: realtime` is asked for, the kernel runs our threads before all usual ones (SCHED_RR, sched(7)).
 *
 * Workers come before the control thread: a batch takes a millisecond or two, a turn of the control thread up to twenty.
 * V8's helpers have the control thread's priority, since it waits for them while it collects garbage. Programs that it
 * waits for inherit it; those that it does not wait for (hooks, reading files) are run as usual.
 *
 * A worker under a flood never sleeps. It may keep one processor from the control thread, but not the last one.
 */
import { availableParallelism } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { Scheduling } from '../../core/config/configuration.js';
import { ownThreads } from '../../edge/linux/threads.js';
import type { Native } from '../../edge/native.js';

const CONTROL_PRIORITY = 1;
const WORKER_PRIORITY = 2;

export interface Schedule {
  /** Of workers; 0: as usual. */
  readonly workerPriority: number;
  /** Why it is not as the configuration has it; '' where it is. */
  readonly refusal: string;
}

/** Schedules this process as `wanted`, before it starts its `workers`. */
export function beginScheduling(
  native: Pick<Native, 'threadPriority'>,
  wanted: Scheduling,
  workers: number,
  processors = availableParallelism(),
): Schedule {
  const usual = (refusal: string): Schedule => ({ workerPriority: 0, refusal });
  if (wanted === 'normal') return usual('');
  if (workers >= processors) {
    return usual(`realtime needs more processors than workers: ${processors} for ${workers}`);
  }
  for (const thread of ownThreads()) {
    const result = native.threadPriority(thread, CONTROL_PRIORITY);
    if (result === 0 || isGone(result)) continue;
    for (const raised of ownThreads()) native.threadPriority(raised, 0);
    return usual(`the kernel refuses realtime priorities (${getSystemErrorName(result)})`);
  }
  return { workerPriority: WORKER_PRIORITY, refusal: '' };
}

/** A thread that has ended since it was listed. */
function isGone(result: number): boolean {
  return getSystemErrorName(result) === 'ESRCH';
}
