/**
 * Measures of traffic between `ha` and `hb` of a lane, by iperf3 and ping. To add one, add an entry to MEASURES; a
 * measure returns one figure in its unit.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lane } from '../lane.js';
import { collect, endProcess, isAlive, startProgram, until } from '../shell.js';

export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  run(lane: Lane, seconds: number): Promise<number>;
}

const IPERF_PORT = 5201;
const ATTEMPTS = 3;
const PINGS = 200;

/** Received Gb/s from iperf3's JSON. Throws with iperf3's own error. */
export function parseGigabits(json: string): number {
  return parse(json).end.sum_received.bits_per_second / 1e9;
}

/** Thousands of datagrams per second that arrived, from iperf3's JSON. */
export function parseDelivered(json: string): number {
  const { packets, lost_packets, seconds } = parse(json).end.sum;
  return (packets - lost_packets) / seconds / 1e3;
}

/** Mean round-trip time in ms from the last line of ping. */
export function parseRoundTrip(text: string): number {
  const average = /= [\d.]+\/([\d.]+)\//.exec(text)?.[1];
  if (average === undefined) throw new Error('ping got no answer');
  return Number(average);
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is iperf3's
function parse(json: string): any {
  if (json.trim() === '') throw new Error('iperf3 did not end in time');
  const result = JSON.parse(json);
  if (typeof result.error === 'string') throw new Error(`iperf3: ${result.error}`);
  return result;
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

async function iperfOnce(lane: Lane, seconds: number, options: readonly string[]): Promise<string> {
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

/** iperf3 loses a run now and then, when its own control connection does; such a run is repeated. */
async function iperf(
  lane: Lane,
  seconds: number,
  options: readonly string[],
  figure: (json: string) => number,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const json = await iperfOnce(lane, seconds, options);
    try {
      return figure(json);
    } catch (error) {
      lane.checkAlive();
      if (attempt === ATTEMPTS) throw error;
      await sleep(500);
    }
  }
}

const datagrams = (bytes: number): string[] => ['-u', '-b', '0', '-l', String(bytes)];

export const MEASURES: readonly Measure[] = [
  {
    key: 'tcp1',
    title: 'TCP, 1 stream',
    unit: 'Gb/s',
    better: 'higher',
    run: (lane, seconds) => iperf(lane, seconds, [], parseGigabits),
  },
  {
    key: 'tcp4',
    title: 'TCP, 4 streams',
    unit: 'Gb/s',
    better: 'higher',
    run: (lane, seconds) => iperf(lane, seconds, ['-P', '4'], parseGigabits),
  },
  {
    key: 'reverse',
    title: 'TCP, 1 stream, reverse',
    unit: 'Gb/s',
    better: 'higher',
    run: (lane, seconds) => iperf(lane, seconds, ['-R'], parseGigabits),
  },
  {
    key: 'udp64',
    title: 'UDP, 64 B, delivered',
    unit: 'kpps',
    better: 'higher',
    run: (lane, seconds) => iperf(lane, seconds, datagrams(64), parseDelivered),
  },
  {
    key: 'udp1372',
    title: 'UDP, 1372 B, delivered',
    unit: 'kpps',
    better: 'higher',
    run: (lane, seconds) => iperf(lane, seconds, datagrams(1372), parseDelivered),
  },
  {
    key: 'ping',
    title: 'ping, idle',
    unit: 'ms',
    better: 'lower',
    async run(lane) {
      const argv = lane.on(
        'ha',
        'ping',
        '-q',
        '-c',
        String(PINGS),
        '-i',
        '0.005',
        '-W',
        '1',
        lane.peer.target,
      );
      return parseRoundTrip(await collect(argv, 30_000, lane.signal));
    },
  },
];
