/** `twinspan up`: the one place where the command line meets the daemon. Loaded only when a daemon is wanted. */

import type { ConfigurationResult } from '../edge/file/configuration.js';
import { VERSION } from './cli/version.js';
import { runDaemon } from './control/daemon.js';

/**
 * Runs the daemon of `configFile` until it is told to stop; resolves to its exit code. `offloads`: NAME=SWITCH. `early`: the
 * configuration, where it is being read already.
 */
export async function up(
  configFile: string,
  offloads: readonly string[] = [],
  early?: Promise<ConfigurationResult>,
): Promise<number> {
  return await runDaemon(configFile, VERSION, offloads, early);
}
