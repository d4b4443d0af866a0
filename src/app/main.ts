#!/usr/bin/env node
/**
 * The composition root: the command line above, everything that touches the machine below. Only here do they meet,
 * and the daemon is loaded only when it is asked for.
 */
import { readConfigurationAside } from '../edge/file/read-aside.js';
import { plainUp, runUp } from './cli/plain-up.js';

// A reader that went away (`twinspan status | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const args = process.argv.slice(2);
const configFile = plainUp(args);
// While this thread loads the daemon another one reads the configuration.
const early = configFile === undefined ? undefined : readConfigurationAside(configFile);
early?.catch(() => {});
const up = async (file: string, offloads?: readonly string[]): Promise<number> =>
  (await import('./up.js')).up(file, offloads, early);
if (configFile === undefined) process.exitCode = await (await import('./cli/run.js')).runCli(args, { up });
else process.exitCode = await runUp(configFile, { up, err: (text) => process.stderr.write(`${text}\n`) });
