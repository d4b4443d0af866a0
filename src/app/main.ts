#!/usr/bin/env node
/**
 * The composition root: the command line above, everything that touches the machine below. Only here do they meet,
 * and the daemon is loaded only when it is asked for.
 */
import { runCli } from './cli/run.js';

// A reader that went away (`twinspan status | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  up: async (configFile) => (await import('./up.js')).up(configFile),
});
