/** `twinspan ping NODE`: asks a node inside the tunnel, by each path, and says which of them answers, and how soon. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PingAnswer, PingReport, PingRequest } from '../../observe/path-reports.js';
import { command } from '../command.js';
import { EXIT_OK, EXIT_REFUSED, EXIT_USAGE } from '../context.js';
import { ask, daemonOptions } from '../daemon.js';
import { table } from '../table.js';
import { formatDuration, formatMs } from '../units.js';

const COUNT = 3;
const COUNT_MAX = 100_000;
/** From one round to the next, where answers do not take longer. */
const ROUND_MS = 1_000;

/** What came of all rounds for one path. */
export interface PingSummary {
  uplink: string;
  remote: string;
  inUse: boolean;
  sent: number;
  answered: number;
  lossPercent: number;
  /** Left out where no answer came. */
  rttMs?: { min: number; avg: number; max: number };
  /** Answers that came back by another path. */
  elsewhere: number;
}

export const pingCommand = command({
  usage: 'ping <node>',
  summary:
    'Ask a node inside the tunnel by each of its paths; print which answers, and how soon (exit 1 if none does)',
  options: (yargs) =>
    daemonOptions(
      yargs
        .positional('node', { type: 'string', demandOption: true, describe: 'Name of a node' })
        .option('path', {
          type: 'string',
          requiresArg: true,
          describe: 'Only by this path: REMOTE, or UPLINK/REMOTE, as `paths` prints them',
        })
        .option('uplink', { type: 'string', requiresArg: true, describe: 'Only by this uplink of ours' })
        .option('count', {
          type: 'number',
          requiresArg: true,
          default: COUNT,
          describe: 'Rounds, one a second',
        }),
    ),
  async run(options, context) {
    const { node, path, uplink, count, json } = options;
    if (!Number.isInteger(count) || count < 1 || count > COUNT_MAX) {
      context.err(`--count is a whole number from 1 to ${COUNT_MAX}.`);
      return EXIT_USAGE;
    }
    const request: PingRequest = { node, ...(path !== undefined && { path }), ...(uplink && { uplink }) };
    const rounds: PingReport[] = [];
    while (rounds.length < count) {
      const pause = rounds.length + 1 < count ? sleep(ROUND_MS) : undefined;
      const report = await ask(options, 'ping', request);
      rounds.push(report);
      if (!json) for (const answer of report.answers) context.out(formatAnswer(report.peer, answer));
      await pause;
    }
    const paths = summarize(rounds);
    const { node: own, peer } = rounds[rounds.length - 1];
    context.out(
      json ? JSON.stringify({ node: own, peer, rounds: count, paths }, null, 2) : formatSummary(peer, paths),
    );
    return paths.some(({ answered }) => answered > 0) ? EXIT_OK : EXIT_REFUSED;
  },
});

/** One answer, or its absence, as a sentence without a full stop. */
export function formatAnswer(peer: string, answer: PingAnswer): string {
  const { uplink, remote, peerUplink, inUse, state, why, sinceMs, rttMs, cameBy } = answer;
  const way = `${peer} by ${uplink} → ${remote}`;
  const theirs = peerUplink === undefined ? [] : [`its uplink ${peerUplink}`];
  const reason = why === '' ? '' : `: ${why}`;
  if (rttMs === undefined) {
    const known = `${state} for ${formatDuration(sinceMs)}${reason}`;
    return `no answer from ${way} (${[...(inUse ? ['in use'] : []), ...theirs, known].join(', ')})`;
  }
  const notes = [...(inUse ? ['in use'] : []), ...theirs, ...(state === 'up' ? [] : [`${state}${reason}`])];
  const known = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  if (cameBy === undefined) return `answer from ${way}${known}: ${formatMs(rttMs)}`;
  const back = cameBy.uplink === undefined ? cameBy.remote : `${cameBy.uplink} ← ${cameBy.remote}`;
  return `answer from ${way}${known}: ${formatMs(rttMs)}, but it came back by ${back}`;
}

/** What became of every path in `rounds`, in the order in which they came up; paths may come and go. */
export function summarize(rounds: readonly PingReport[]): PingSummary[] {
  const answers = rounds.flatMap((round) => round.answers);
  const keys = new Set(answers.map(({ uplink, remote }) => `${uplink} ${remote}`));
  return [...keys].map((key) => {
    const own = answers.filter(({ uplink, remote }) => `${uplink} ${remote}` === key);
    const rtts = own.flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs]));
    const { uplink, remote, inUse } = own[own.length - 1];
    const [sent, answered] = [own.length, rtts.length];
    const avg = Math.round((rtts.reduce((sum, rtt) => sum + rtt, 0) / answered) * 100) / 100;
    return {
      uplink,
      remote,
      inUse,
      sent,
      answered,
      lossPercent: Math.round(((sent - answered) / sent) * 1_000) / 10,
      ...(answered > 0 && { rttMs: { min: Math.min(...rtts), avg, max: Math.max(...rtts) } }),
      elsewhere: own.filter(({ cameBy }) => cameBy !== undefined).length,
    };
  });
}

/** The summary as text. `*` marks the path that traffic takes. */
export function formatSummary(peer: string, paths: readonly PingSummary[]): string {
  const headings = ['', 'UPLINK', 'REMOTE', '>SENT', '>ANSWERED', '>LOSS', '>MIN', '>AVG', '>MAX', ''];
  const rows = paths.map(({ uplink, remote, inUse, sent, answered, lossPercent, rttMs, elsewhere }) => [
    inUse ? '*' : '',
    uplink,
    remote,
    String(sent),
    String(answered),
    `${lossPercent} %`,
    formatMs(rttMs?.min),
    formatMs(rttMs?.avg),
    formatMs(rttMs?.max),
    elsewhere === 0 ? '' : `${elsewhere} came back by another path`,
  ]);
  return `\n${peer}\n${table(headings, rows, '  ')}`;
}
