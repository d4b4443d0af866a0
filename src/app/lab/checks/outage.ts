/** Outages: the prober of the lab runs between two hosts while something is done to the network. */

import type { Report } from '../programs/meter.js';
import { openChild } from '../run/child.js';
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Measures 100 packets/s each way and one TCP connection while `act` runs. Throws TS_LAB if they do not start. */
export async function measureOutage(lab: Lab, between: Measured, act: () => Promise<void>): Promise<Report> {
  const prober = lab.layout.program('prober');
  const server = await openChild(lab.words(between.to, [...prober, 'serve', String(PORT)]), 'ready');
  try {
    const argv = [...prober, 'measure', between.address, String(PORT)];
    const client = await openChild(lab.words(between.from, argv), 'measuring');
    let output = '';
    try {
      await pause(LEAD_MS);
      await act();
      await pause(LEAD_MS);
    } finally {
      output = await client.end();
    }
    return JSON.parse(output.trim().split('\n').at(-1)!) as Report;
  } finally {
    await server.end('SIGTERM');
  }
}

/** The longest gap of all three kinds of traffic. */
export function longestGapMs(report: Report): number {
  return Math.max(report.there.longestGapMs, report.back.longestGapMs, report.tcp.longestGapMs);
}

/** A report as a finding against a budget; a connection that did not survive or a direction without report fails. */
export function judgeOutage(report: Report, budgetMs: number): Finding {
  const outageMs = longestGapMs(report);
  const measured = report.there.received > 0 && report.back.received > 0 && report.there.longestGapMs >= 0;
  const detail =
    `there ${report.there.longestGapMs} ms, back ${report.back.longestGapMs} ms, ` +
    `TCP ${report.tcp.longestGapMs} ms${report.tcp.alive ? '' : ' and lost'}`;
  const passed = measured && report.tcp.alive && outageMs <= budgetMs;
  return { verdict: passed ? 'pass' : 'fail', detail, outageMs, budgetMs };
}
