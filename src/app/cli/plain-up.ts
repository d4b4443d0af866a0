/**
 * The daemon's own way in. `twinspan up`, as a service manager writes it, needs no argument parser, and a daemon should
 * not carry one for its whole life (15 MB). Any other spelling goes the long way (run.ts), with the same outcome.
 */
import { TwinspanError } from '../../core/base/errors.js';
import { type CliContext, CONFIG_FILE, reportError } from './context.js';

/** The configuration file of a plain `up`, or undefined where the command line is anything else. */
export function plainUp(args: readonly string[]): string | undefined {
  if (args[0] !== 'up') return undefined;
  if (args.length === 1) return CONFIG_FILE;
  const [, option, file] = args;
  if (args.length === 3 && option === '--config' && !file.startsWith('-')) return file;
  return args.length === 2 && option.startsWith('--config=') ? option.slice('--config='.length) : undefined;
}

/** Runs the daemon of `configFile`; coded errors are printed. Resolves to the exit code. */
export async function runUp(configFile: string, context: Pick<CliContext, 'up' | 'err'>): Promise<number> {
  try {
    return await context.up(configFile);
  } catch (error) {
    if (error instanceof TwinspanError) return reportError(context, error);
    throw error;
  }
}
