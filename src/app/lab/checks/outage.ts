/** Outages: the prober of the lab runs between pairs of hosts while something is done to the network. */
import type { Report } from '../programs/meter.js';
import { type Child, openChild } from '../run/child.js';
import type { Finding, Lab } from './check.js';

const PORT = 7777;
/** Traffic flows this long before anything is broken, and this long after the last act. */
const LEAD_MS = 1000;

export interface Measured {
  readonly from: string;
  readonly to: string;
  /** Address of `to` as `from` reaches it. */
  readonly address: string;
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Starts them all, or none. */
async function openAll(argvs: readonly (readonly string[])[], ready: string): Promise<Child[]> {
  const opened = await Promise.allSettled(argvs.map((argv) => openChild(argv, ready)));
  const children = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = opened.find((one) => one.status === 'rejected');
  if (failed === undefined) return children;
  await Promise.all(children.map((child) => child.end('SIGTERM')));
  throw failed.reason;
}

/**
 * Measures 100 packets/s each way and one TCP connection for each pair while `act` runs; reports in the order of the
 * pairs. Throws TS_LAB if they do not start.
 */
export async function measureOutages(
  lab: Lab,
  pairs: readonly Measured[],
  act: () => Promise<void>,
): Promise<Report[]> {
  const prober = lab.layout.program('prober');
  const hosts = [...new Set(pairs.map((pair) => pair.to))];
  const sources = [...new Set(pairs.map((pair) => pair.from))];
  const serving = hosts.map((host) => lab.words(host, [...prober, 'serve', String(PORT)]));
  const servers = await openAll(serving, 'ready');
  try {
    const of = (source: string) => pairs.filter((pair) => pair.from === source);
    const argvs = sources.map((source) =>
      lab.words(source, [...prober, 'measure', String(PORT), ...of(source).map((pair) => pair.address)]),
    );
    const clients = await openAll(argvs, 'measuring');
    let outputs: string[] = [];
    try {
      await pause(LEAD_MS);
      await act();
      await pause(LEAD_MS);
    } finally {
      outputs = await Promise.all(clients.map((client) => client.end()));
    }
    const reports = new Map<Measured, Report>();
    sources.forEach((source, index) => {
      const told = JSON.parse(outputs[index].trim().split('\n').at(-1)!) as Report[];
      of(source).forEach((pair, place) => void reports.set(pair, told[place]));
    });
    return pairs.map((pair) => reports.get(pair)!);
  } finally {
    await Promise.all(servers.map((server) => server.end('SIGTERM')));
  }
}

/** As measureOutages for one pair. */
export async function measureOutage(lab: Lab, between: Measured, act: () => Promise<void>): Promise<Report> {
  return (await measureOutages(lab, [between], act))[0];
}

/**
 * The outage: the longest gap of the packets in either direction. A TCP connection that lost packets waits for its own
 * retransmission timer, which doubles from 200 ms; its gap is told apart as a stall.
 */
export function outageMs(report: Report): number {
  return Math.max(report.there.longestGapMs, report.back.longestGapMs);
}

/** The longest outage and stall of several reports, as part of a finding. */
export function figuresOf(reports: readonly Report[]): Pick<Finding, 'measuredMs' | 'stallMs'> {
  return {
    measuredMs: reports.map(outageMs),
    stallMs: Math.max(...reports.map((report) => report.tcp.longestGapMs)),
  };
}

/** The report with the longest outage, in a few words. */
export function describeWorst(reports: readonly Report[]): string {
  return describeReport(reports.toSorted((a, b) => outageMs(b) - outageMs(a))[0]);
}

/** Numbered packets that never came, both ways. */
export function lostPackets(report: Report): number {
  return report.there.lost + report.back.lost;
}

/** Whether all three kinds of traffic were really measured, and the connection lives. */
export function isWhole(report: Report): boolean {
  return (
    report.there.received > 0 &&
    report.back.received > 0 &&
    report.there.longestGapMs >= 0 &&
    report.tcp.alive
  );
}

/** A report in a few words. */
export function describeReport({ there, back, tcp }: Report): string {
  const connection = `TCP ${tcp.longestGapMs} ms${tcp.alive ? '' : ' and lost'}`;
  return `there ${there.longestGapMs} ms, back ${back.longestGapMs} ms, ${connection}`;
}

/** A report as a finding against a limit; a connection that did not survive or a direction without report fails. */
export function judgeOutage(report: Report, limitMs: number): Finding {
  const passed = isWhole(report) && outageMs(report) <= limitMs;
  return {
    verdict: passed ? 'pass' : 'fail',
    detail: describeReport(report),
    ...figuresOf([report]),
    budgetMs: limitMs,
  };
}
