/** `twinspan failover`: a planned hand-over of the role, make before break. */
import type { RoleReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';

export const failoverCommand = command({
  usage: 'failover',
  summary: 'Hand the role over to the partner, without losing a packet (on any member)',
  options: (yargs) =>
    daemonOptions(
      yargs.option('to', {
        type: 'string',
        requiresArg: true,
        describe: 'The member that shall be active; left out: another than now',
      }),
    ),
  async run(options, context) {
    const { to } = options;
    const report = await ask(options, 'failover', to === undefined ? {} : { to });
    context.out(options.json ? JSON.stringify(report, null, 2) : formatFailover(report));
    return EXIT_OK;
  },
});

/** A hand-over's outcome as text. */
export function formatFailover(report: RoleReport): string {
  const { active, cluster, epoch, held, moved, tookMs } = report;
  const taken = moved
    ? `${active} took the role of ${cluster} in ${tookMs} ms`
    : `${active} is active already`;
  const note = held ? ' There is no automatic failback until the role moves again.' : '';
  return `${taken}, epoch ${epoch}.${note}`;
}
