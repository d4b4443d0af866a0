/** What the kernel says about time and memory: /proc, read and parsed. All CPU times are seconds. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds that the whole machine has been busy, from the text of /proc/stat. Idle, waiting and stolen do not count. */
export function parseBusySeconds(stat: string): number {
  const [user, nice, system, , , irq, softirq] = stat.split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Fields of /proc/PID/stat from the third (state) on; the second may hold spaces and brackets. */
function fieldsOf(stat: string): number[] {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
}

/** CPU seconds of all threads of a process, from the text of /proc/PID/stat. */
export function parseProcessSeconds(stat: string): number {
  const fields = fieldsOf(stat);
  return (fields[11] + fields[12]) / TICKS_PER_SECOND;
}

/** The same with all children that have ended; 0 for a kernel thread. */
export function parseFamilySeconds(stat: string): number {
  const fields = fieldsOf(stat);
  const isKernelThread = fields[1] === 2 || fields[1] === 0;
  return isKernelThread ? 0 : (fields[11] + fields[12] + fields[13] + fields[14]) / TICKS_PER_SECOND;
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

/** Inode of a named network namespace, by which processes tell where they are. */
export function namespaceInode(name: string): number {
  return statSync(`/run/netns/${name}`).ino;
}

/**
 * CPU seconds that everybody else has used: all processes but ourselves, those in the network namespaces `ours`, and
 * kernel threads (they work for us). What an ended process has used stands with its parent, so the sum does not fall.
 */
export function foreignSeconds(ours: ReadonlySet<number>): number {
  let seconds = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const isChild = fieldsOf(stat)[1] === process.pid;
      // a zombie has no namespace any more, but its time counts until its parent takes it over
      const namespace = statSync(`/proc/${pid}/ns/net`, { throwIfNoEntry: false })?.ino ?? 0;
      if (!isChild && !ours.has(namespace)) seconds += parseFamilySeconds(stat);
    } catch {
      // it has ended meanwhile
    }
  }
  return seconds;
}

/** Seconds that the threads of a process have run, and have been ready to run while others did (schedstat). */
export function schedulingSeconds(pid: number): { ran: number; waited: number } {
  let [ran, waited] = [0, 0];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const fields = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
    ran += fields[0] / 1e9;
    waited += fields[1] / 1e9;
  }
  return { ran, waited };
}
