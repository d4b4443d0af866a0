/** How threads of a process are scheduled, from proc_pid_stat(5). */
import { readdirSync, readFileSync } from 'node:fs';

export const SCHED_OTHER = 0;
export const SCHED_RR = 2;

export interface ScheduledThread {
  readonly name: string;
  readonly tid: number;
  /** 0 where the policy has none. */
  readonly priority: number;
  readonly policy: number;
}

/** All threads of `pid`; those that end meanwhile are left out. */
export function scheduledThreads(pid: number | 'self'): ScheduledThread[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((tid) => {
    try {
      return [parse(readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8'))];
    } catch {
      return [];
    }
  });
}

function parse(stat: string): ScheduledThread {
  const [before, after] = [stat.slice(0, stat.lastIndexOf(')')), stat.slice(stat.lastIndexOf(')') + 2)];
  const fields = after.split(' ');
  // Fields are numbered from 1; what follows the name begins with the third.
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    name: before.slice(before.indexOf('(') + 1),
    tid: Number.parseInt(before, 10),
    priority: field(40),
    policy: field(41),
  };
}
