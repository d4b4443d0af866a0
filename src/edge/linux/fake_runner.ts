/**
 * A CommandRunner whose programs are functions. It keeps every call and passes the same contract suite as the real one.
 */
import type { CommandOptions, CommandResult, CommandRunner } from './runner.js';
import {
  COMMAND_TIMEOUT_MS,
  OUTPUT_BYTES_MAX,
  STATUS_NOT_FOUND,
  STATUS_TIMED_OUT,
  STATUS_TOO_LONG,
} from './runner.js';

/** A program: its arguments without the name, and its input; undefined = it never ends. */
export type FakeProgram = (args: readonly string[], input: string) => Partial<CommandResult> | undefined;

export interface FakeRunner extends CommandRunner {
  /** Every call so far. UNBOUNDED: for tests. */
  readonly calls: { readonly argv: readonly string[]; readonly input: string }[];
}

/** A runner whose programs are functions; what no function answers is a missing program. */
export function fakeRunner(programs: Readonly<Record<string, FakeProgram>>): FakeRunner {
  const calls: { argv: readonly string[]; input: string }[] = [];
  return {
    calls,
    async run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
      const { input = '', timeoutMs = COMMAND_TIMEOUT_MS } = options;
      calls.push({ argv: [...argv], input });
      const program = programs[argv[0] ?? ''];
      if (program === undefined) return { status: STATUS_NOT_FOUND, stdout: '', stderr: 'command not found' };
      const result = program(argv.slice(1), input);
      if (result === undefined) {
        return { status: STATUS_TIMED_OUT, stdout: '', stderr: `no answer within ${timeoutMs} ms` };
      }
      const { status = 0, stdout = '', stderr = '' } = result;
      if (stdout.length > OUTPUT_BYTES_MAX) {
        return {
          status: STATUS_TOO_LONG,
          stdout: '',
          stderr: `more than ${OUTPUT_BYTES_MAX} bytes of output`,
        };
      }
      return { status, stdout, stderr };
    },
  };
}
