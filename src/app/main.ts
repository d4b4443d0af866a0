#!/usr/bin/env node
/**
 * The composition root: the command line above, everything that touches the machine below. Only here do they meet,
 * and the daemon is loaded only when it is asked for.
 */
import { plainUp, runUp } from './cli/plain-up.js';

// A reader that went away (`twinspan status | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const up = async (configFile: string, offloads?: readonly string[]): Promise<number> =>
  (await import('./up.js')).up(configFile, offloads);
const args = process.argv.slice(2);
const configFile = plainUp(args);
if (configFile === undefined) process.exitCode = await (await import('./cli/run.js')).runCli(args, { up });
else process.exitCode = await runUp(configFile, { up, err: (text) => process.stderr.write(`${text}\n`) });
