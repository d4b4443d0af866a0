/** Running one command to its end: bounded in time, stoppable, with what it said when it fails. */
import { type ChildProcess, spawn } from 'node:child_process';
import { TwinspanError } from '../../../core/base/errors.js';
import { quote } from '../plan/step.js';

/** Output beyond this is cut: nothing the lab runs says more in earnest. */
const OUTPUT_MAX = 1 << 20;
const COMMAND_MS = 20_000;

export interface Outcome {
  /** Exit code; 128 + signal number where a signal ended it, 127 where it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Kills a child that leads a process group, and the group with it. */
export function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}

/** Runs a command and reports how it ended; never throws. After `timeoutMs` (default 20 s) it is killed. */
export function tryCommand(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    // It leads a process group of its own: what it has started in turn must not outlive it either.
    const kill = () => killGroup(child);
    const text = { stdout: '', stderr: '' };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, options.timeoutMs ?? COMMAND_MS);
    options.signal?.addEventListener('abort', kill, { once: true });
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (chunk: string) => {
        if (text[name].length < OUTPUT_MAX) text[name] += chunk;
      });
    }
    const done = (code: number) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', kill);
      resolve({ code, ...text, timedOut });
    };
    child.on('error', (error) => {
      text.stderr += error.message;
      done(127);
    });
    child.on('close', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 137)));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a command that must succeed and returns its output. Throws TS_LAB with the last line it said. */
export async function command(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const outcome = await tryCommand(argv, options);
  if (outcome.code === 0) return outcome.stdout;
  options.signal?.throwIfAborted();
  const said = (outcome.stderr.trim() || outcome.stdout.trim()).split('\n').slice(-3).join(' / ');
  const how = outcome.timedOut ? 'took too long' : `failed with ${outcome.code}`;
  throw new TwinspanError('TS_LAB', `This command ${how}: ${argv.map(quote).join(' ')}`, said || undefined);
}
