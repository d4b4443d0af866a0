/** `twinspan netcheck`: which ISP is bad, and why: a verdict on each uplink, what its paths measure, how others see it. */
import type { NetcheckReport, NetcheckUplink, Range } from '../../observe/path-reports.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { formatMs } from '../units.js';

export const netcheckCommand = command({
  usage: 'netcheck',
  summary:
    'Print a verdict on each uplink: loss and round trip of its paths, NAT as others see it (exit 1 unless all are well)',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'netcheck', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatNetcheck(report));
    return report.uplinks.every(({ verdict }) => verdict.grade === 'well') ? EXIT_OK : EXIT_REFUSED;
  },
});

/** The check as text: verdicts first. */
export function formatNetcheck({ uplinks }: NetcheckReport): string {
  const verdicts = uplinks.map(({ name, isp, verdict }) => [name, isp ?? '-', verdict.grade, verdict.text]);
  const sections = [table(['UPLINK', 'ISP', 'VERDICT', 'WHY'], verdicts), formatMeasured(uplinks)];
  const seen = uplinks.flatMap(formatSeen);
  if (seen.length > 0) sections.push(`Seen from outside\n${table(['', '', '', ''], seen, '  ')}`);
  return sections.join('\n\n');
}

function formatMeasured(uplinks: readonly NetcheckUplink[]): string {
  const headings = [
    'UPLINK',
    'DEVICE',
    'ADDRESS',
    'GATEWAY',
    'STATE',
    '>PATHS UP',
    '>LOSS',
    '>RTT',
    '>JITTER',
    '>MTU',
    'NAT',
  ];
  const rows = uplinks.map((uplink) => [
    uplink.name,
    uplink.device ?? 'any',
    uplink.addresses.join(', ') || '-',
    uplink.gateways.join(', ') || '-',
    uplink.state,
    `${uplink.paths.usable} of ${uplink.paths.total}`,
    formatRange(uplink.lossPercent, (percent) => `${percent} %`),
    formatRange(uplink.rttMs, formatMs),
    formatRange(uplink.jitterMs, formatMs),
    formatRange(uplink.mtu, String),
    formatNat(uplink),
  ]);
  return `Measured, best to worst path\n${table(headings, rows, '  ')}`;
}

function formatRange(range: Range | undefined, format: (value: number) => string): string {
  if (range === undefined) return '-';
  const [best, worst] = [format(range.best), format(range.worst)];
  return best === worst ? best : `${best} to ${worst}`;
}

function formatNat({ nat, mapping }: NetcheckUplink): string {
  if (nat === 'unknown') return '-';
  if (nat === 'no') return 'none';
  if (mapping === 'unknown') return 'yes';
  return mapping === 'same' ? 'yes, the same to all' : 'yes, another to each';
}

/** One line for each address that others see, and who does. */
function formatSeen({ name, seen, mapping }: NetcheckUplink): string[][] {
  const views = [...new Set(seen.map((one) => one.as))];
  const note = mapping === 'differs' ? 'each sees another: who dials in must be dialled first' : '';
  return views.map((as, index) => {
    const peers = [...new Set(seen.filter((one) => one.as === as).map(({ peer }) => peer))];
    return [index === 0 ? name : '', as, `by ${peers.join(', ')}`, index === 0 ? note : ''];
  });
}
