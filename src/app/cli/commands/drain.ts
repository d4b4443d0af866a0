/** `twinspan drain`: takes this member out of service, for maintenance. */
import type { RoleReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';

export const drainCommand = command({
  usage: 'drain',
  summary:
    'Take this member out of service until undrain or a restart; it hands the role over (exit 1 while nobody can take it)',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'drain', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatDrain(report));
    return report.stillServes ? EXIT_REFUSED : EXIT_OK;
  },
});

/** What has become of a drained member, as text. */
export function formatDrain(report: RoleReport): string {
  const { active, cluster, epoch, moved, node, stillServes, tookMs } = report;
  const until = "It takes no role until 'twinspan undrain' or a restart of its daemon.";
  if (stillServes) return `${node} is drained and still serves ${cluster}: no partner can take the role yet.`;
  if (active === undefined) return `${node} is drained. Nobody serves ${cluster}. ${until}`;
  if (!moved) return `${node} is drained; ${active} serves ${cluster}, epoch ${epoch}. ${until}`;
  return `${node} is drained; ${active} took the role of ${cluster} in ${tookMs} ms, epoch ${epoch}. ${until}`;
}
