/**
 * The lab's command line. Networks of namespaces with real programs on one Linux machine:
 * scenario (data) → plan (pure) → run (the machine). Exit codes: 0 done, 1 failed or refused, 2 not understood,
 * `exec` passes on the code of its command.
 */
import { TwinspanError } from '../../core/base/errors.js';
import { exec } from './commands/exec.js';
import { failOrHeal } from './commands/failing.js';
import { iperf } from './commands/iperf.js';
import { machines } from './commands/machines.js';
import { list, status } from './commands/status.js';
import { test } from './commands/test.js';
import { down, up } from './commands/up.js';

const USAGE = `Usage: npm run lab -- COMMAND
  list                        scenarios
  up SCENARIO                 build it, start everything, wait until traffic flows   (--plan: only print the steps,
                              --keep: leave a failed one standing)
  exec HOST -- CMD …          run CMD as a host
  fail WHAT | heal WHAT       node:edge1-a[:freeze|:stop]  link:edge1-a/lan|wan[:silent]  isp:isp1[:silent|:loss]
                              firewall:fw1  switch:dmz1  partner:site1  redis:site1[:freeze|:empty|/edge1-a]
                              ec2[:slow|:throttle|:deny]  mysql1
  status [--json]             what is up, and what may fail
  test SCENARIO | test all    break it in every way and check what it promises; a table of outages against budgets
                              (--repeat N: of what is cheap; --short; --only TEXT; --strict: over budget fails;
                              --json FILE; --readme: the table goes into README.md)
  iperf FROM TO               throughput through the tunnel and without it (scripts/iperf --help)
  machines [small|full]       prepare what vagrant/ gives its virtual machines; alone: their topology as JSON
  down                        remove everything`;

const REPEAT_MAX = 1_000;

interface Words {
  readonly positional: readonly string[];
  readonly flags: ReadonlySet<string>;
}

/** Splits the words after the command into plain ones and --flags; refuses flags that the command does not have. */
function split(words: readonly string[], known: readonly string[]): Words {
  const flags = words.filter((word) => word.startsWith('--'));
  const unknown = flags.find((flag) => !known.includes(flag));
  if (unknown !== undefined) throw new TwinspanError('TS_LAB', `There is no option ${unknown} here.`, USAGE);
  return { positional: words.filter((word) => !word.startsWith('--')), flags: new Set(flags) };
}

/** Takes `--name VALUE` out of the words. */
function takeValue(words: string[], name: string): string | undefined {
  const at = words.indexOf(name);
  if (at < 0) return undefined;
  const [, value] = words.splice(at, 2);
  if (value === undefined) throw new TwinspanError('TS_LAB', `${name} wants a value.`, USAGE);
  return value;
}

function runTest(rest: readonly string[]): Promise<number> {
  const words = [...rest];
  const [jsonFile, only, count] = ['--json', '--only', '--repeat'].map((name) => takeValue(words, name));
  const repeat = count === undefined ? 1 : Number(count);
  if (!Number.isInteger(repeat) || repeat < 1 || repeat > REPEAT_MAX) {
    throw new TwinspanError('TS_LAB', `--repeat wants a number from 1 to ${REPEAT_MAX}.`);
  }
  const { positional, flags } = split(words, ['--short', '--strict', '--readme']);
  const [short, strict, readme] = ['--short', '--strict', '--readme'].map((name) => flags.has(name));
  return test(positional[0], { repeat, strict, short, only, jsonFile, readme });
}

/** npm puts its packages' programs before the system's, and one of them is called nft. */
function useSystemPrograms(): void {
  const path = (process.env['PATH'] ?? '').split(':').filter((part) => !part.includes('/node_modules/'));
  process.env['PATH'] = [...path, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(':');
}

async function run(words: readonly string[]): Promise<number> {
  useSystemPrograms();
  const [verb, ...rest] = words;
  switch (verb) {
    case 'list':
      return list();
    case 'up': {
      const { positional, flags } = split(rest, ['--plan', '--keep']);
      return up(positional[0], { plan: flags.has('--plan'), keep: flags.has('--keep') });
    }
    case 'exec':
      return exec(rest[0], rest[1] === '--' ? rest.slice(2) : rest.slice(1));
    case 'fail':
    case 'heal':
      return failOrHeal(verb, rest[0]);
    case 'status':
      return status(split(rest, ['--json']).flags.has('--json'));
    case 'test':
      return runTest(rest);
    case 'iperf':
      return iperf(rest);
    case 'machines':
      return machines(rest);
    case 'down':
      return down();
    case undefined:
    case 'help':
    case '--help':
      process.stdout.write(`${USAGE}\n`);
      return 0;
    default:
      process.stderr.write(`lab: there is no command '${verb}'\n${USAGE}\n`);
      return 2;
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof TwinspanError)) throw error;
  process.stderr.write(`lab: ${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}\n`);
  process.exitCode = 1;
}
