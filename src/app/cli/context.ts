/**
 * What a command works with: where it prints, what it reads, how it says that the answer is no. Commands return an
 * exit code or throw; nothing below runCli touches the process.
 */
import type { ErrorCode, TwinspanError } from '../../core/base/errors.js';

/** The answer is yes, or done. */
export const EXIT_OK = 0;
/** Refused, or the answer is no. */
export const EXIT_REFUSED = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** The daemon does not answer. */
export const EXIT_UNREACHABLE = 3;

/** node.yaml where nothing else is said. */
export const CONFIG_FILE = '/etc/twinspan/node.yaml';

export interface CliContext {
  /** Prints `text` and a newline to standard output. */
  out(text: string): void;
  /** The same to standard error. */
  err(text: string): void;
  /** All of standard input. */
  stdin(): Promise<string>;
  /** Runs the daemon, with offloads (NAME=SWITCH) in place of node.yaml's; resolves to its exit code. */
  up(configFile: string, offloads?: readonly string[]): Promise<number>;
}

const EXITS: Partial<Record<ErrorCode, number>> = { TS_DAEMON_UNREACHABLE: EXIT_UNREACHABLE };

/** Prints a coded error as one sentence with code and hint; returns the exit code it means. */
export function reportError(context: Pick<CliContext, 'err'>, error: TwinspanError): number {
  context.err(`${error.code}: ${error.message}${error.hint === undefined ? '' : ` ${error.hint}`}`);
  return EXITS[error.code] ?? EXIT_REFUSED;
}
