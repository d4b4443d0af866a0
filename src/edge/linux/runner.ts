/**
 * Runs programs of the host: an argument vector, never a shell, with bounded time and output. A program that cannot
 * be run answers with the status a shell would give (124 timed out, 126 not permitted, 127 not found), so callers
 * have one shape to look at. Nothing here throws.
 */
import { getSystemErrorName } from 'node:util';
import { native } from '../native.js';

export const STATUS_TIMED_OUT = 124;
export const STATUS_TOO_LONG = 125;
export const STATUS_NOT_PERMITTED = 126;
export const STATUS_NOT_FOUND = 127;

/**
 * Where host programs are looked for. Not the caller's PATH: `npm run` puts its packages' programs first, and one of
 * them is called nft; and what root runs should not depend on who started it.
 */
export const PROGRAM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A command that takes longer is killed. `ip` and `nft` need milliseconds; a busy machine may need far more. */
export const COMMAND_TIMEOUT_MS = 5_000;
/** Most that is kept of each output stream; enough for some ten thousand routes of our own. */
export const OUTPUT_BYTES_MAX = 8 << 20;

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Standard input; absent = empty. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface CommandRunner {
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

/** Runs real programs with messages in English. */
export const processRunner: CommandRunner = {
  async run(argv, options = {}) {
    const { input = '', timeoutMs = COMMAND_TIMEOUT_MS } = options;
    const variables = Object.entries({ ...process.env, LC_ALL: 'C', PATH: PROGRAM_PATH });
    const environment = variables.map(([name, value]) => `${name}=${value}`);
    const result = await native().commandRun(
      argv,
      environment,
      PROGRAM_PATH,
      input,
      timeoutMs,
      OUTPUT_BYTES_MAX,
    );
    return result.status < 0 ? refusalOf(getSystemErrorName(result.status), timeoutMs) : result;
  },
};

function refusalOf(reason: string, timeoutMs: number): CommandResult {
  const refuse = (status: number, stderr: string): CommandResult => ({ status, stdout: '', stderr });
  switch (reason) {
    case 'ENOENT':
      return refuse(STATUS_NOT_FOUND, 'command not found');
    case 'ETIMEDOUT':
      return refuse(STATUS_TIMED_OUT, `no answer within ${timeoutMs} ms`);
    case 'EMSGSIZE':
      return refuse(STATUS_TOO_LONG, `more than ${OUTPUT_BYTES_MAX} bytes of output`);
    case 'EACCES':
    case 'EPERM':
      return refuse(STATUS_NOT_PERMITTED, 'Operation not permitted');
    default:
      return refuse(STATUS_NOT_PERMITTED, `cannot be started (${reason})`);
  }
}
