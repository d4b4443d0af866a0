/**
 * UDP between `ha` and `hb` of a lane, by udp-meter.c beside this file, which is compiled into the run's own folder the
 * first time that it is needed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lane } from '../lane.js';
import { collect, endProcess, isAlive, run, startProgram, until } from '../shell.js';
import { searchRate, type Trial } from './search.js';

const SOURCE = fileURLToPath(new URL('../../../../test/bench/measure/udp-meter.c', import.meta.url));
const PORT = 5301;
const TRIAL_MS = 500;
const TRIAL_MS_QUICK = 250;
const TRIALS_MAX = 9;
const TRIALS_MAX_QUICK = 5;

function compiled(folder: string): string {
  const program = join(folder, 'udp-meter');
  if (!existsSync(program)) run([process.env['CC'] ?? 'cc', '-O2', '-o', program, SOURCE]);
  return program;
}

/** One trial from what the sender printed. */
export function parseTrial(text: string): Trial {
  if (text.trim() === '') throw new Error('no datagram came through: the receiver does not answer');
  return JSON.parse(text);
}

/** The highest loss-free rate for datagrams with `bytes` of payload, in thousands a second. */
export async function measureDatagrams(lane: Lane, bytes: number, seconds: number): Promise<number> {
  const program = compiled(dirname(lane.folder));
  const log = join(lane.folder, `udp-meter-${performance.now().toFixed(0)}.log`);
  const receiver = startProgram(lane.on('hb', program, 'receive', String(PORT)), log, {});
  const quick = seconds <= 1;
  const ms = quick ? TRIAL_MS_QUICK : TRIAL_MS;
  const attempt = async (rate: number): Promise<Trial> => {
    const argv = ['send', lane.peer.target, String(PORT), String(bytes), rate.toFixed(0), String(ms)];
    const text = await collect(lane.on('ha', program, ...argv), 10_000, lane.signal);
    lane.checkAlive();
    return parseTrial(text);
  };
  try {
    const ready = (): boolean => isAlive(receiver.pid) && readFileSync(log, 'utf8').includes('ready');
    await until(ready, 3000, 'the receiver of datagrams does not start', lane.signal);
    return (await searchRate(attempt, quick ? TRIALS_MAX_QUICK : TRIALS_MAX)) / 1000;
  } finally {
    endProcess(receiver.pid);
  }
}
