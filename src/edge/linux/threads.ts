/** The threads of this process, as the kernel knows them. */
import { readdirSync } from 'node:fs';

/** Thread ids, the main thread's included. */
export function ownThreads(): number[] {
  return readdirSync('/proc/self/task').map(Number);
}
