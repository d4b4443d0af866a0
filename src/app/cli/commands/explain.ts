/** `twinspan explain`: what the router would do with a packet, step by step, told by the data path's own code. */
import { parseAddress } from '../../../core/config/address.js';
import type { ExplainReport, ExplainRequest } from '../../observe/report.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED, EXIT_USAGE } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';

const PROTOCOL = /^(tcp|udp|icmp)(?:\/([1-9][0-9]{0,4}))?$/;

export const explainCommand = command({
  usage: 'explain <src> <dst> [protocol]',
  summary: 'Print what would become of a packet from SRC to DST (exit 1 if it is dropped)',
  options: (yargs) =>
    daemonOptions(
      yargs
        .positional('src', { type: 'string', demandOption: true, describe: 'Source address' })
        .positional('dst', { type: 'string', demandOption: true, describe: 'Destination address' })
        .positional('protocol', { type: 'string', default: 'icmp', describe: 'icmp, tcp/PORT or udp/PORT' }),
    ),
  async run(options, context) {
    const request = parseRequest(options.src, options.dst, options.protocol);
    if (typeof request === 'string') {
      context.err(request);
      return EXIT_USAGE;
    }
    const report = await ask(options, 'explain', request);
    context.out(options.json ? JSON.stringify(report, null, 2) : formatExplain(report));
    return report.verdict === 'dropped' ? EXIT_REFUSED : EXIT_OK;
  },
});

/** The request that the words mean, or a sentence that says what is wrong with them. */
export function parseRequest(src: string, dst: string, protocol: string): ExplainRequest | string {
  const from = parseAddress(src);
  const to = parseAddress(dst);
  if (from === undefined) return `'${src}' is not an IPv4 or IPv6 address.`;
  if (to === undefined) return `'${dst}' is not an IPv4 or IPv6 address.`;
  if (from.length !== to.length) return `${src} and ${dst} are of different address families.`;
  const match = PROTOCOL.exec(protocol);
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (match === null || (port ?? 0) > 65_535 || (match[1] === 'icmp' && port !== undefined)) {
    return `'${protocol}' is not icmp, tcp/PORT or udp/PORT.`;
  }
  const request = { src, dst, protocol: match[1] as ExplainRequest['protocol'] };
  return port === undefined ? request : { ...request, port };
}

/** An explanation as text. */
export function formatExplain(report: ExplainReport): string {
  const { src, dst, protocol, port } = report.request;
  const rows = report.steps.map(({ stage, text, evidence }, index) => [
    `${index + 1}`,
    stage,
    evidence === undefined ? text : `${text} (${evidence})`,
  ]);
  const icmp = report.icmp === undefined ? '' : `; the sender gets ${report.icmp}`;
  const reason = report.reason === undefined ? '' : `: ${report.reason}`;
  const head = `${src} → ${dst} ${protocol}${port === undefined ? '' : `/${port}`}`;
  const steps = rows.length === 0 ? '' : `\n${table(['>', '', ''], rows, '  ')}`;
  return `${head}${steps}\n${report.verdict}${reason}${icmp}`;
}
