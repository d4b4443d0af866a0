/** `twinspan up`: the one place where the command line meets the daemon. Loaded only when a daemon is wanted. */

import { VERSION } from './cli/version.js';
import { runDaemon } from './control/daemon.js';

/** Runs the daemon of `configFile` until it is told to stop; resolves to its exit code. `offloads`: NAME=SWITCH. */
export async function up(configFile: string, offloads: readonly string[] = []): Promise<number> {
  return await runDaemon(configFile, VERSION, offloads);
}
