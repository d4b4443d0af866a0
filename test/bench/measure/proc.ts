/** What the kernel says about time and memory: /proc, read and parsed. All CPU times are seconds. */
import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds that the whole machine has been busy, from the text of /proc/stat. Idle, waiting and stolen do not count. */
export function parseBusySeconds(stat: string): number {
  const [user, nice, system, , , irq, softirq] = stat.split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** CPU seconds of all threads of a process, from the text of /proc/PID/stat. */
export function parseProcessSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** A field in kB of /proc/PID/status, in MB (10^6 bytes). */
export function parseMegabytes(status: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return (Number(kibibytes ?? Number.NaN) * 1024) / 1e6;
}

export function busySeconds(): number {
  return parseBusySeconds(readFileSync('/proc/stat', 'utf8'));
}

export function processSeconds(pid: number): number {
  return parseProcessSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Memory that a process has in RAM now, and the most it ever had. */
export function residentMegabytes(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return { now: parseMegabytes(status, 'VmRSS'), peak: parseMegabytes(status, 'VmHWM') };
}
