/** The command line in this process, and a daemon that gives fixed answers. */
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { CliContext } from '../../../src/app/cli/context.js';
import { runCli } from '../../../src/app/cli/run.js';
import { type ControlHandler, openControlServer } from '../../../src/edge/socket/control.js';
import { tempDir } from '../../support/temp_dir.js';

interface Outcome {
  exit: number;
  out: string;
  err: string;
}

/** Runs one command line; what it printed, line by line. */
export async function cli(
  args: string[],
  stdin = '',
  up: CliContext['up'] = async () => 0,
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const exit = await runCli(args, {
    up,
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    stdin: async () => stdin,
  });
  return { exit, out: out.join('\n'), err: err.join('\n') };
}

/** A daemon that answers every method with its fixed report and remembers what it was asked. */
export async function fakeDaemon(
  t: ExecutionContext,
  answers: Record<string, unknown>,
): Promise<{ socket: string; asked: unknown[] }> {
  const socket = path.join(tempDir(t), 'edge1-a.sock');
  const asked: unknown[] = [];
  const handler: ControlHandler = async (method, params) => {
    asked.push([method, params]);
    return answers[method];
  };
  const server = await openControlServer(socket, handler);
  t.teardown(() => server.close());
  return { socket, asked };
}
