/** TCP between `ha` and `hb` of a lane, by iperf3. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../lane.js';
import { collect, endProcess, isAlive, startProgram, until } from '../shell.js';

const IPERF_PORT = 5201;
const ATTEMPTS = 3;

/** What one run of iperf3 brought across. */
export interface Transfer {
  readonly gigabitsPerSecond: number;
  readonly gigabits: number;
}

/** What was received, from iperf3's JSON. Throws with iperf3's own error. */
export function parseTransfer(json: string): Transfer {
  if (json.trim() === '') throw new Error('iperf3 did not end in time');
  const result = JSON.parse(json);
  if (typeof result.error === 'string') throw new Error(`iperf3: ${result.error}`);
  const { bits_per_second, bytes } = result.end.sum_received;
  return { gigabitsPerSecond: bits_per_second / 1e9, gigabits: (bytes * 8) / 1e9 };
}

/** Whether `pid` sees a TCP socket listening on `port` in its own network namespace. */
function listens(pid: number, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].some((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .some((fields) => fields[1]?.endsWith(suffix) && fields[3] === '0A'),
  );
}

async function once(lane: Lane, seconds: number, options: readonly string[]): Promise<string> {
  const server = startProgram(
    lane.on('hb', 'iperf3', '-s', '-1', '-p', String(IPERF_PORT)),
    join(lane.folder, 'iperf3.log'),
    {},
  );
  try {
    const ready = (): boolean => isAlive(server.pid) && listens(server.pid, IPERF_PORT);
    await until(ready, 3000, 'the iperf3 server does not start', lane.signal);
    const client = ['iperf3', '-c', lane.peer.target, '-p', String(IPERF_PORT), '-t', String(seconds), '-J'];
    client.push('--connect-timeout', '3000', ...options);
    return await collect(lane.on('ha', ...client), (seconds + 15) * 1000, lane.signal);
  } finally {
    endProcess(server.pid);
  }
}

/** One run of `seconds`. iperf3 loses one now and then, when its own control connection does; it is repeated. */
export async function runIperf(lane: Lane, seconds: number, options: readonly string[]): Promise<Transfer> {
  for (let attempt = 1; ; attempt++) {
    const json = await once(lane, seconds, options);
    try {
      return parseTransfer(json);
    } catch (error) {
      lane.checkAlive();
      if (attempt === ATTEMPTS) throw error;
      await sleep(500);
    }
  }
}
