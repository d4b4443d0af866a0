/** `twinspan uplinks`: the ways out of this node, which of them work, and by which local breakout leaves. */
import type { UplinkReport, UplinksReport } from '../../observe/path-reports.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { formatDuration } from '../units.js';

export const uplinksCommand = command({
  usage: 'uplinks',
  summary: 'Print the uplinks: address, gateway, state and why (exit 1 if none is usable)',
  options: (yargs) => daemonOptions(yargs),
  async run(options, context) {
    const report = await ask(options, 'uplinks', {});
    context.out(options.json ? JSON.stringify(report, null, 2) : formatUplinks(report));
    return report.uplinks.some(({ state }) => state !== 'down') ? EXIT_OK : EXIT_REFUSED;
  },
});

const MORE = 'What each of them loses, and whose fault that seems to be: twinspan netcheck';

/** Uplinks as text. `*` marks the one by which local breakout leaves. */
export function formatUplinks(report: UplinksReport): string {
  const headings = [
    '',
    'UPLINK',
    'ISP',
    'DEVICE',
    'ADDRESS',
    'GATEWAY',
    '>COST',
    '>PATHS UP',
    'STATE',
    'SINCE',
  ];
  const rows = report.uplinks.map((uplink) => [
    uplink.breakout ? '*' : '',
    uplink.name,
    uplink.isp ?? '-',
    uplink.device ?? 'any',
    uplink.addresses.join(', ') || '-',
    uplink.gateways.join(', ') || '-',
    String(uplink.cost),
    `${uplink.paths.usable} of ${uplink.paths.total}`,
    uplink.state,
    formatDuration(uplink.sinceMs),
  ]);
  const sections = [table(headings, rows)];
  const reasons = report.uplinks.flatMap(({ name, reasons: all }) => all.map(({ text }) => [name, text]));
  if (reasons.length > 0) sections.push(`Now\n${table(['', ''], reasons, '  ')}`);
  const changes = report.uplinks.flatMap(describeChange);
  if (changes.length > 0) sections.push(`Last changes\n${table(['', '', '', ''], changes, '  ')}`);
  if (report.uplinks.some(({ state }) => state !== 'up')) sections.push(MORE);
  return sections.join('\n\n');
}

function describeChange({ name, lastChange }: UplinkReport): string[][] {
  if (lastChange === undefined) return [];
  const { agoMs, from, to, why } = lastChange;
  return [[name, `${formatDuration(agoMs)} ago`, `${from} → ${to}`, why]];
}
