/** A process that runs for the length of a check and ends with it: a capture, a meter. */
import { spawn } from 'node:child_process';
import { TwinspanError } from '../../../core/base/errors.js';
import { killGroup } from './command.js';

const START_MS = 10_000;
const END_MS = 10_000;
const FINISH_MS = 60_000;

export interface Child {
  /** Ends its stdin and/or sends `signal`, waits, returns all it wrote to stdout. Killed after ten seconds. */
  end(signal?: NodeJS.Signals): Promise<string>;
  /** Waits until it has ended by itself and returns all it wrote to stdout. Killed after a minute. */
  finished(): Promise<string>;
}

/** Starts a process and waits until its output (stdout or stderr) contains `ready`. Throws TS_LAB when it does not. */
export async function openChild(argv: readonly string[], ready: string): Promise<Child> {
  const child = spawn(argv[0], argv.slice(1), { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  // It leads a process group of its own: what it has started in turn must not outlive it.
  const kill = () => killGroup(child);
  const text = { stdout: '', stderr: '' };
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', () => resolve());
  });
  child.stdin.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    const refuse = () => {
      kill();
      reject(
        new TwinspanError('TS_LAB', `This did not start: ${argv.join(' ')}`, text.stderr.trim() || undefined),
      );
    };
    const timer = setTimeout(refuse, START_MS);
    void ended.then(refuse);
    const look = () => {
      if (!text.stdout.includes(ready) && !text.stderr.includes(ready)) return;
      clearTimeout(timer);
      resolve();
    };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        text[name] += chunk;
        look();
      });
    }
    look();
  });
  const outcome = async (withinMs: number): Promise<string> => {
    const timer = setTimeout(kill, withinMs);
    await ended;
    clearTimeout(timer);
    return text.stdout;
  };
  return {
    end(signal) {
      child.stdin.end();
      if (signal !== undefined) child.kill(signal);
      return outcome(END_MS);
    },
    finished: () => outcome(FINISH_MS),
  };
}
