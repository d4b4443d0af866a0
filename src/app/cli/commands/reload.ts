/** `twinspan reload`: makes the daemon read its configuration again; it keeps the old one if the new one is wrong. */
import type { ReloadReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';

export const reloadCommand = command({
  usage: 'reload',
  summary: 'Read the configuration again (exit 1 if it is refused; the old one stays)',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'reload', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatReload(report));
    return report.applied ? EXIT_OK : EXIT_REFUSED;
  },
});

/** A reload's outcome as text. */
export function formatReload(report: ReloadReport): string {
  const lines = [...report.problems];
  if (!report.applied) lines.push('Refused: the old configuration stays.');
  else if (report.changes.length === 0) lines.push('Nothing has changed.');
  else lines.push('Applied:', ...report.changes.map((change) => `  ${change}`));
  if (report.restartNeeded.length > 0) lines.push(`Restart needed for: ${report.restartNeeded.join(', ')}.`);
  return lines.join('\n');
}
