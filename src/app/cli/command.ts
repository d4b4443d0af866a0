/** The shape of a command. */
import type { Argv } from 'yargs';
import type { CliContext } from './context.js';

/** What `twinspan --help` says of a command, its arguments, and what it does. `run` returns the exit code. */
export interface Command<Options> {
  readonly usage: string;
  readonly summary: string;
  options(yargs: Argv): Argv<Options>;
  run(options: Options, context: CliContext): Promise<number>;
}

/** A command whose option types follow from its declaration. */
export function command<Options>(definition: Command<Options>): Command<Options> {
  return definition;
}
