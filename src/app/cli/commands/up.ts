/** `twinspan up`: runs the daemon in the foreground. */
import { command } from '../command.js';
import { CONFIG_FILE } from '../context.js';

export const upCommand = command({
  usage: 'up',
  summary: 'Run the daemon of this node in the foreground',
  options: (yargs) =>
    yargs
      .option('config', {
        type: 'string',
        requiresArg: true,
        default: CONFIG_FILE,
        describe: 'node.yaml of this machine',
      })
      .option('offload', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: 'NAME=auto|on|off in place of node.yaml; may be repeated',
      }),
  run: ({ config, offload }, context) => context.up(config, offload),
});
