/** `twinspan undrain`: brings this member back into service. */
import type { RoleReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';

export const undrainCommand = command({
  usage: 'undrain',
  summary: 'Bring this member back into service; it takes the role again when the rules say so',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'undrain', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatUndrain(report));
    return EXIT_OK;
  },
});

/** What has become of a member that was drained, as text. */
export function formatUndrain({ active, cluster, epoch, node }: RoleReport): string {
  const serves = active === undefined ? `nobody serves ${cluster} yet` : `${active} serves ${cluster}`;
  return `${node} is in service; ${serves}, epoch ${epoch}.`;
}
