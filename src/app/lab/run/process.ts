/**
 * Processes the lab has started. One is known by its id and the moment it started (field 22 of /proc/PID/stat), so
 * that a process which merely got the same id later is never touched.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TwinspanError } from '../../../core/base/errors.js';
import type { ProcessSpec, StopStep } from '../plan/step.js';

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks from boot to its start. */
  readonly started: number;
}

const GONE_MS = 10_000;

/** State letter and start time of a process, or undefined where there is none. */
function statOf(pid: number): { state: string; started: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces; the fields after it do not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** Identity of a running process. */
export function identify(pid: number): ProcessId | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : { pid, started: stat.started };
}

/** What a recorded process does: running, stopped by a signal, or gone (a zombie is gone). */
export function conditionOf(id: ProcessId): 'running' | 'stopped' | 'gone' {
  const stat = statOf(id.pid);
  if (stat === undefined || stat.started !== id.started || stat.state === 'Z' || stat.state === 'X')
    return 'gone';
  return stat.state === 'T' || stat.state === 't' ? 'stopped' : 'running';
}

/** Starts a process that outlives us, in a session of its own; its output is appended to its log. */
export function startProcess(spec: ProcessSpec): ProcessId {
  mkdirSync(dirname(spec.log), { recursive: true });
  const log = openSync(spec.log, 'a');
  try {
    const child = spawn(spec.argv[0], spec.argv.slice(1), {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
    });
    child.on('error', () => {});
    child.unref();
    const id = child.pid === undefined ? undefined : identify(child.pid);
    if (id === undefined)
      throw new TwinspanError('TS_LAB', `${spec.name} could not be started.`, spec.argv.join(' '));
    return id;
  } finally {
    closeSync(log);
  }
}

/** Sends a signal to a recorded process if it still is that process; says whether it was there. */
export function signalProcess(id: ProcessId, signal: StopStep['signal']): boolean {
  if (conditionOf(id) === 'gone') return false;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Waits until the processes are gone; those that are not after `withinMs` are killed. */
export async function waitGone(ids: readonly ProcessId[], withinMs = GONE_MS): Promise<void> {
  const end = performance.now() + withinMs;
  while (ids.some((id) => conditionOf(id) !== 'gone') && performance.now() < end) await sleep(20);
  const left = ids.filter((id) => conditionOf(id) !== 'gone');
  for (const id of left) signalProcess(id, 'SIGKILL');
  const killed = performance.now() + 2000;
  while (left.some((id) => conditionOf(id) !== 'gone') && performance.now() < killed) await sleep(20);
}
