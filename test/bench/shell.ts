/**
 * Other programs: short ones are run to their end, long ones are started and stopped by process id. What was made is
 * undone in reverse order by a Cleanup whose steps are all synchronous, so that they also run while the process exits.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs a short command and returns what it printed. Throws with the command's own words when it fails. */
export function run(argv: readonly string[], input = ''): string {
  const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
  return execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', input, stdio, timeout: 30_000 });
}

/** Like `run`, for commands whose failure does not matter. */
export function attempt(argv: readonly string[]): string {
  try {
    return run(argv);
  } catch {
    return '';
  }
}

/** Runs a command that takes a while, bounded by `timeoutMs`; resolves to its output whatever its exit code. */
export function collect(argv: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: timeoutMs,
      signal,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

/** Whether process `pid` runs (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Asks a process to end, waits up to 2 s, then ends it. Blocks: clean-up also happens while we exit. */
export function endProcess(pid: number): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; isAlive(pid); waitedMs += 20) {
    try {
      if (waitedMs === 0) process.kill(pid, 'SIGTERM');
      if (waitedMs >= 2000) process.kill(pid, 'SIGKILL');
    } catch {
      return;
    }
    if (waitedMs > 3000) return;
    Atomics.wait(clock, 0, 0, 20);
  }
}

/** Starts a program that stays; everything it prints goes to `logFile`. */
export function startProgram(
  argv: readonly string[],
  logFile: string,
  env: Record<string, string>,
): ChildProcess & { pid: number } {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(argv[0], argv.slice(1), {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`${argv[0]} cannot be started`);
  child.on('error', () => {});
  return child as ChildProcess & { pid: number };
}

/** Waits until `condition` holds, looking every 2 ms. Throws `complaint` after `timeoutMs`. */
export async function until(
  condition: () => boolean,
  timeoutMs: number,
  complaint: string,
  signal: AbortSignal,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!condition()) {
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) throw new Error(complaint);
    await sleep(2);
  }
}

export class Cleanup {
  readonly #steps: (() => void)[] = [];

  add(step: () => void): void {
    this.#steps.push(step);
  }

  /** Undoes everything, last first. Safe to call twice; a step that fails does not stop the others. */
  run(): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step();
      } catch (error) {
        console.error(`clean-up: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}
