/**
 * Runs programs of the host: an argument vector, never a shell, with bounded time and output. A program that cannot
 * be run answers with the status a shell would give (124 timed out, 126 not permitted, 127 not found), so callers
 * have one shape to look at. Nothing here throws.
 */
import { execFile } from 'node:child_process';

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
  run(argv, options = {}) {
    const { input = '', timeoutMs = COMMAND_TIMEOUT_MS } = options;
    const environment = { ...process.env, LC_ALL: 'C', PATH: PROGRAM_PATH };
    return new Promise((resolve) => {
      const child = execFile(
        argv[0] ?? '',
        argv.slice(1),
        {
          env: environment,
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
          maxBuffer: OUTPUT_BYTES_MAX,
          encoding: 'utf8',
        },
        (error, stdout, stderr) => resolve(resultOf(error, stdout, stderr, timeoutMs)),
      );
      // A program that ends without reading its input breaks the pipe; its status says all there is to say.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  },
};

function resultOf(
  error: (Error & { code?: number | string | null; killed?: boolean; signal?: string | null }) | null,
  stdout: string,
  stderr: string,
  timeoutMs: number,
): CommandResult {
  if (error === null) return { status: 0, stdout, stderr };
  const { code } = error;
  if (typeof code === 'number') return { status: code, stdout, stderr };
  if (code === 'ENOENT') return { status: STATUS_NOT_FOUND, stdout: '', stderr: 'command not found' };
  if (code === 'EACCES' || code === 'EPERM') {
    return { status: STATUS_NOT_PERMITTED, stdout: '', stderr: 'Operation not permitted' };
  }
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    return { status: STATUS_TOO_LONG, stdout: '', stderr: `more than ${OUTPUT_BYTES_MAX} bytes of output` };
  }
  if (error.killed === true) {
    return { status: STATUS_TIMED_OUT, stdout: '', stderr: `no answer within ${timeoutMs} ms` };
  }
  return { status: STATUS_NOT_PERMITTED, stdout, stderr: stderr || error.message };
}
