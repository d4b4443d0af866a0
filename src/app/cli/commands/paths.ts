/** `twinspan paths [PEER]`: how each of our own nodes is reached, and how good every way is. */
import type { PathReport, PathsReport } from '../../observe/path-reports.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { formatDuration, formatMs } from '../units.js';

export const pathsCommand = command({
  usage: 'paths [peer]',
  summary:
    'Print the paths to each node: uplink, endpoint, state and why, round trip, loss (exit 1 if PEER has none that works)',
  options: (yargs) => daemonOptions(yargs.positional('peer', { type: 'string', describe: 'Name of a node' })),
  async run(options, context) {
    const { peer } = options;
    const report = await ask(options, 'paths', peer === undefined ? {} : { peer });
    context.out(options.json ? JSON.stringify(report, null, 2) : formatPaths(report));
    const works = report.peers.every(({ paths }) => paths.some(({ inUse }) => inUse));
    return peer === undefined || works ? EXIT_OK : EXIT_REFUSED;
  },
});

/** Paths as text. `*` marks the one that traffic takes. */
export function formatPaths(report: PathsReport): string {
  if (report.peers.length === 0) return 'There are no other nodes.';
  const headings = [
    '',
    'PEER',
    'UPLINK',
    'REMOTE',
    'STATE',
    'SINCE',
    '>RTT',
    '>JITTER',
    '>LOSS 1 S',
    '>10 S',
    '>60 S',
    '>MTU',
    '>COST',
  ];
  const rows = report.peers.flatMap(({ name, paths }) =>
    paths.map((path) => [
      path.inUse ? '*' : '',
      name,
      path.uplink,
      remoteOf(path),
      path.state,
      formatDuration(path.sinceMs),
      formatMs(path.rttMs),
      formatMs(path.jitterMs),
      formatLoss(path.lossPercent.s1),
      formatLoss(path.lossPercent.s10),
      formatLoss(path.lossPercent.s60),
      formatMtu(path),
      String(path.cost),
    ]),
  );
  const sections = [rows.length === 0 ? 'There are no paths.' : table(headings, rows)];
  const faults = report.peers.flatMap(({ name, paths }) =>
    paths.filter(({ why }) => why !== '').map((path) => [name, wayOf(path), path.why]),
  );
  if (faults.length > 0) sections.push(`Now\n${table(['', '', ''], faults, '  ')}`);
  const names = report.peers.flatMap(({ name, unresolved = [] }) => unresolved.map((text) => [name, text]));
  if (names.length > 0) sections.push(`Names that do not resolve\n${table(['', ''], names, '  ')}`);
  const choices = report.peers.flatMap(({ name, why }) => (why === undefined ? [] : [[name, why]]));
  if (choices.length > 0) sections.push(`Last choice\n${table(['', ''], choices, '  ')}`);
  const plain = report.peers.filter(({ bfd }) => !bfd).map(({ name }) => name);
  if (plain.length > 0) sections.push(`Never heard by BFD: ${plain.join(', ')}.`);
  return sections.join('\n\n');
}

/** Where the path leads, and by which uplink of the peer. */
function remoteOf({ remote, learned, peerUplink }: PathReport): string {
  const notes = [...(learned ? ['learned'] : []), ...(peerUplink === undefined ? [] : [peerUplink])];
  return notes.length === 0 ? remote : `${remote} (${notes.join(', ')})`;
}

function wayOf({ uplink, remote }: PathReport): string {
  return `${uplink} → ${remote}`;
}

function formatMtu({ mtu, mtuSearching }: PathReport): string {
  if (mtu === undefined) return '-';
  return mtuSearching ? `${mtu}, searching` : String(mtu);
}

function formatLoss(percent: number | null): string {
  return percent === null ? '-' : `${percent} %`;
}
