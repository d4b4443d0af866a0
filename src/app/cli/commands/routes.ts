/** `twinspan routes [ADDRESS]`: the route table, or the routes that cover one address, best first. */
import { parseAddress } from '../../../core/config/address.js';
import type { RoutesReport } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED, EXIT_USAGE } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';

export const routesCommand = command({
  usage: 'routes [address]',
  summary: 'Print the route table, or the routes that cover ADDRESS (exit 1 if none is usable)',
  options: (yargs) =>
    daemonOptions(
      yargs.positional('address', { type: 'string', describe: 'Destination, an overlay address' }),
    ),
  async run(options, context) {
    const { address } = options;
    if (address !== undefined && parseAddress(address) === undefined) {
      context.err(`'${address}' is not an IPv4 or IPv6 address.`);
      return EXIT_USAGE;
    }
    const report = await ask(options, 'routes', address === undefined ? {} : { address });
    context.out(options.json ? JSON.stringify(report, null, 2) : formatRoutes(report));
    return address === undefined || report.routes.some((route) => route.selected) ? EXIT_OK : EXIT_REFUSED;
  },
});

/** Routes as text. `*` marks those that packets take. */
export function formatRoutes(report: RoutesReport): string {
  if (report.routes.length === 0) {
    return report.address === undefined ? 'There are no routes.' : `No route covers ${report.address}.`;
  }
  const headings = ['', 'CIDR', 'TARGET', '>METRIC', 'STATE', 'PEER', '>LINE', 'DESCRIPTION'];
  const rows = report.routes.map((route) => [
    route.selected ? '*' : '',
    route.cidr,
    route.target,
    String(route.metric),
    route.available ? 'available' : 'unavailable',
    route.peer ?? '-',
    String(route.line),
    route.description ?? '',
  ]);
  return table(headings, rows);
}
