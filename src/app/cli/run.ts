/**
 * The command line. One file for each command under commands/; this one joins them and turns every outcome into an
 * exit code: 0 done or yes, 1 refused or no, 2 wrong usage, 3 the daemon does not answer.
 */
import yargs from 'yargs';
import { TwinspanError } from '../../core/base/errors.js';
import type { Command } from './command.js';
import { clusterCommand } from './commands/cluster.js';
import { drainCommand } from './commands/drain.js';
import { explainCommand } from './commands/explain.js';
import { failoverCommand } from './commands/failover.js';
import { initCommand } from './commands/init.js';
import { keygenCommand } from './commands/keygen.js';
import { metricsCommand } from './commands/metrics.js';
import { natCommand } from './commands/nat.js';
import { netcheckCommand } from './commands/netcheck.js';
import { pathsCommand } from './commands/paths.js';
import { pingCommand } from './commands/ping.js';
import { pubkeyCommand } from './commands/pubkey.js';
import { reloadCommand } from './commands/reload.js';
import { routesCommand } from './commands/routes.js';
import { schemaCommand } from './commands/schema.js';
import { statusCommand } from './commands/status.js';
import { undrainCommand } from './commands/undrain.js';
import { upCommand } from './commands/up.js';
import { uplinksCommand } from './commands/uplinks.js';
import { validateCommand } from './commands/validate.js';
import { type CliContext, EXIT_OK, EXIT_USAGE, reportError } from './context.js';
import { VERSION } from './version.js';

const COMMANDS = [
  initCommand,
  keygenCommand,
  pubkeyCommand,
  validateCommand,
  upCommand,
  statusCommand,
  metricsCommand,
  routesCommand,
  natCommand,
  explainCommand,
  reloadCommand,
  clusterCommand,
  failoverCommand,
  drainCommand,
  undrainCommand,
  uplinksCommand,
  pathsCommand,
  netcheckCommand,
  pingCommand,
  schemaCommand,
] as readonly Command<unknown>[];

const EPILOGUE = 'Exit codes: 0 done or yes · 1 refused or no · 2 wrong usage · 3 the daemon does not answer';

/** Runs one command line (without node and script); returns the exit code. Never throws and never exits. */
export async function runCli(
  args: readonly string[],
  machine: Pick<CliContext, 'up'> & Partial<CliContext>,
): Promise<number> {
  const context: CliContext = { out: printOut, err: printErr, stdin: readStdin, ...machine };
  let exit: number = EXIT_OK;
  let refused = false;
  const parser = yargs()
    .scriptName('twinspan')
    .usage('$0 COMMAND\n\nA userspace virtual router for Linux edge nodes.')
    .version(VERSION)
    .strict()
    .demandCommand(1, 1, 'Which command?', 'One command at a time.')
    .recommendCommands()
    .wrap(110)
    .exitProcess(false)
    .epilogue(EPILOGUE)
    .fail((message, error) => {
      if (error !== undefined && error !== null) throw error;
      refused = true;
      throw new UsageError(message);
    });
  for (const { usage, summary, options, run } of COMMANDS) {
    parser.command(usage, summary, options, async (parsed) => {
      exit = await run(parsed, context);
    });
  }
  try {
    await parser.parseAsync([...args], {}, (_error, _parsed, output) => {
      if (output !== '' && !refused) context.out(output);
    });
    return exit;
  } catch (error) {
    if (error instanceof TwinspanError) return reportError(context, error);
    if (error instanceof UsageError || (error as Error).name === 'YError') {
      context.err(`${sentence((error as Error).message)} Try: twinspan --help`);
      return EXIT_USAGE;
    }
    throw error;
  }
}

/** A message of the parser, which may be several lines without an end, as one sentence. */
function sentence(message: string): string {
  const line = message.trim().replace(/\s+/g, ' ');
  return /[.?!]$/.test(line) ? line : `${line}.`;
}

class UsageError extends Error {}

function printOut(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printErr(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function readStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text;
}
