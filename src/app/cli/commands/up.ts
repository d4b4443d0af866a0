/** `twinspan up`: runs the daemon in the foreground. */
import { command } from '../command.js';

export const upCommand = command({
  usage: 'up',
  summary: 'Run the daemon of this node in the foreground',
  options: (yargs) =>
    yargs.option('config', {
      type: 'string',
      requiresArg: true,
      default: '/etc/twinspan/node.yaml',
      describe: 'node.yaml of this machine',
    }),
  run: ({ config }, context) => context.up(config),
});
