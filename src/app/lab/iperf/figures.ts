/** What iperf3 has measured, read from its JSON, and the table of it. */

/** One run, as its receiver saw it. */
export interface Figures {
  readonly mbps: number;
  /** TCP segments sent again; undefined for UDP. */
  readonly retransmits: number | undefined;
  /** UDP datagrams that did not arrive; undefined for TCP. */
  readonly lost: number | undefined;
  /** Longest time in which nothing arrived, to INTERVAL_S. */
  readonly gapMs: number;
}

export interface Row {
  readonly name: string;
  /** Where a run gave no figures, why. */
  readonly tunnel: Figures | string;
  /** Undefined where that was not wanted. */
  readonly direct: Figures | string | undefined;
}

/** How finely iperf3 tells what arrives: as finely as it can. */
export const INTERVAL_S = 0.1;
const INTERVAL_MS = INTERVAL_S * 1000;

interface Interval {
  readonly sum: { readonly seconds: number; readonly bytes: number; readonly lost_packets?: number };
}

interface Report {
  readonly error?: string;
  readonly intervals?: readonly Interval[];
  readonly end?: { readonly sum_sent?: { readonly retransmits?: number } };
}

/** The JSON in what iperf3 printed; an object with `error` where there is none. */
export function readReport(text: string): Report {
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as Report;
  } catch {
    return { error: 'iperf3 said nothing that can be read' };
  }
}

/**
 * Figures of one run of `seconds` from the reports of both ends; a sentence where there are none. Only the receiver knows
 * what arrived; only the sender knows what it has sent again, and the client is told in the end.
 */
export function figuresFrom(
  client: Report,
  receiver: Report,
  udp: boolean,
  seconds: number,
): Figures | string {
  const failed = client.error ?? receiver.error;
  if (failed !== undefined) return failed.replace(/^error - /, '');
  const within: Interval['sum'][] = [];
  let elapsed = 0;
  for (const { sum } of receiver.intervals ?? []) {
    // The receiver goes on for a moment after the sender has ended.
    if (elapsed + sum.seconds / 2 > seconds) break;
    elapsed += sum.seconds;
    within.push(sum);
  }
  if (elapsed === 0) return 'nothing was measured';
  const bytes = within.reduce((total, { bytes }) => total + bytes, 0);
  let [gapMs, still] = [0, 0];
  for (const { bytes, seconds } of within) {
    still = bytes > 0 ? 0 : still + seconds * 1000;
    gapMs = Math.max(gapMs, still);
  }
  return {
    mbps: (bytes * 8) / elapsed / 1e6,
    retransmits: udp ? undefined : (client.end?.sum_sent?.retransmits ?? 0),
    lost: udp ? within.reduce((total, sum) => total + Math.max(0, sum.lost_packets ?? 0), 0) : undefined,
    gapMs: Math.round(gapMs / INTERVAL_MS) * INTERVAL_MS,
  };
}

function cells(figures: Figures | string): string[] {
  if (typeof figures === 'string') return ['-', '-', '-', '-'];
  const { mbps, retransmits, lost, gapMs } = figures;
  return [
    mbps >= 100 ? mbps.toFixed(0) : mbps.toPrecision(3),
    retransmits === undefined ? '' : String(retransmits),
    lost === undefined ? '' : String(lost),
    gapMs === 0 ? `< ${INTERVAL_MS}` : String(gapMs),
  ];
}

const HEADS = ['Mb/s', 'retransmits', 'lost', 'gap, ms'];

/** The rows as a table, and a line for each run that gave no figures. */
export function formatRows(rows: readonly Row[]): string {
  const both = rows.some(({ direct }) => direct !== undefined);
  const body = rows.map(({ name, tunnel, direct }) => {
    return [name, ...cells(tunnel), ...(both ? cells(direct ?? '') : [])];
  });
  const grid = [['', ...HEADS, ...(both ? HEADS : [])], ...body];
  const widths = grid[0].map((_, column) => Math.max(...grid.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const text = column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
        return column === HEADS.length + 1 ? `   │   ${text}` : text;
      })
      .join('  ');
  const half = widths.slice(1, HEADS.length + 1).reduce((total, width) => total + width + 2, 0);
  const left = `${' '.repeat(widths[0])}  ${'through the tunnel'.padEnd(half)}`;
  const failures = rows.flatMap(({ name, tunnel, direct }) => [
    ...(typeof tunnel === 'string' ? [`${name}, through the tunnel: ${tunnel}`] : []),
    ...(typeof direct === 'string' ? [`${name}, without it: ${direct}`] : []),
  ]);
  const title = both ? `${left}   │   without it` : left;
  return [title, ...grid.map(line), ...failures].map((text) => text.trimEnd()).join('\n');
}
