/** `twinspan nat`: the inside NAT table. */
import type { NatReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { formatCount } from '../units.js';

export const natCommand = command({
  usage: 'nat',
  summary: 'Print the inside NAT table',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'nat', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatNat(report));
    return EXIT_OK;
  },
});

/** The table as text. `*` marks the entries that this node translates. */
export function formatNat(report: NatReport): string {
  const headings = ['', 'LOCAL', 'NETWORK', 'CLUSTER', '>HITS', '>LINE', 'DESCRIPTION'];
  const rows = report.nats.map((nat) => [
    nat.here ? '*' : '',
    nat.local,
    nat.network,
    nat.cluster,
    nat.hits === undefined ? '-' : formatCount(nat.hits),
    String(nat.line),
    nat.description ?? '',
  ]);
  const unmatched = report.unmatched === 'drop' ? 'dropped' : 'left unchanged';
  const lines = rows.length === 0 ? 'There are no inside NATs.' : table(headings, rows);
  return `${lines}\nOther addresses of the site are ${unmatched}.`;
}
