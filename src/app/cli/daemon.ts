/** Which daemon a command talks to: --socket says so, else --config leads to it, else there is only one. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Argv } from 'yargs';
import { TwinspanError } from '../../core/base/errors.js';
import { controlSocketPath } from '../../core/config/configuration.js';
import type { ControlMethod, ControlMethods } from '../observe/report.js';

export const RUN_DIRECTORY = '/run/twinspan';

/** Options of every command that asks the daemon. */
export interface DaemonOptions {
  socket?: string;
  config?: string;
  json?: boolean;
  timeout?: number;
}

/** Declares DaemonOptions. */
export function daemonOptions<T>(yargs: Argv<T>): Argv<T & DaemonOptions> {
  return yargs
    .option('socket', { type: 'string', requiresArg: true, describe: "The daemon's control socket" })
    .option('config', {
      type: 'string',
      requiresArg: true,
      describe: 'Its node.yaml, from which the socket is known',
    })
    .option('timeout', {
      type: 'number',
      requiresArg: true,
      default: 5,
      describe: 'Seconds to wait for an answer',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print the answer as JSON' })
    .conflicts('socket', 'config') as unknown as Argv<T & DaemonOptions>;
}

/** Path of the control socket that `options` mean. Throws TS_DAEMON_UNREACHABLE where there is none or no one. */
export async function findSocket(options: DaemonOptions, runDirectory = RUN_DIRECTORY): Promise<string> {
  if (options.socket !== undefined) return options.socket;
  if (options.config !== undefined) return socketOfConfig(options.config);
  let names: string[] = [];
  try {
    names = readdirSync(runDirectory).filter((name) => name.endsWith('.sock'));
  } catch {
    // The same as an empty directory: no daemon runs.
  }
  if (names.length === 1) return path.join(runDirectory, names[0]);
  if (names.length === 0) {
    const message = `No daemon runs here: ${runDirectory} has no socket.`;
    throw new TwinspanError('TS_DAEMON_UNREACHABLE', message, 'Start it: twinspan up --config node.yaml');
  }
  const list = names.sort().join(', ');
  const message = `Several daemons run here: ${list}.`;
  throw new TwinspanError(
    'TS_DAEMON_UNREACHABLE',
    message,
    `Say which: --socket ${runDirectory}/${names[0]}`,
  );
}

async function socketOfConfig(configFile: string): Promise<string> {
  const { readYaml } = await import('../../edge/file/yaml.js');
  const { formatProblem } = await import('../../core/config/problem.js');
  const read = readYaml(configFile);
  if (!read.ok) throw new TwinspanError('TS_CONFIG_UNREADABLE', formatProblem(read.problems[0]));
  const { node, runDir } = (read.source.value ?? {}) as { node?: unknown; runDir?: unknown };
  if (typeof node !== 'string')
    throw new TwinspanError('TS_CONFIG_INVALID', `${configFile} does not name its node.`);
  const directory = typeof runDir === 'string' ? read.source.resolve(runDir) : RUN_DIRECTORY;
  return controlSocketPath(directory, node);
}

/** Asks the daemon that `options` mean. */
export async function ask<M extends ControlMethod>(
  options: DaemonOptions,
  method: M,
  params: ControlMethods[M]['params'],
): Promise<ControlMethods[M]['result']> {
  const { callDaemon } = await import('../../edge/socket/client.js');
  const answer = await callDaemon(await findSocket(options), method, params, (options.timeout ?? 5) * 1000);
  return answer as ControlMethods[M]['result'];
}
