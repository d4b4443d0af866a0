/** `twinspan validate`: whether the configuration is accepted, and what it would make this node do. */
import { formatProblem, type Problem } from '../../../core/config/problem.js';
import { command } from '../command.js';
import { type CliContext, CONFIG_FILE, EXIT_OK, EXIT_REFUSED } from '../context.js';
import { countOf } from '../units.js';

export const validateCommand = command({
  usage: 'validate',
  summary: 'Check the configuration and print what it would do',
  options: (yargs) =>
    yargs
      .option('config', {
        type: 'string',
        requiresArg: true,
        default: CONFIG_FILE,
        describe: 'node.yaml of this machine',
      })
      .option('keys', { type: 'boolean', default: true, describe: 'Check the key files (--no-keys: do not)' })
      .option('json', { type: 'boolean', default: false, describe: 'Print problems and warnings as JSON' }),
  async run({ config, keys, json }, context) {
    const { readConfiguration, readConfigurationFiles } = await import('../../../edge/file/configuration.js');
    const result = keys ? readConfiguration(config) : readConfigurationFiles(config);
    const problems = result.ok ? [] : result.problems;
    if (json) context.out(JSON.stringify({ ok: result.ok, problems, warnings: result.warnings }, null, 2));
    else print(result.warnings, problems, context);
    if (!result.ok) return EXIT_REFUSED;
    if (!json) {
      const { describePlan } = await import('../describe-plan.js');
      context.out(
        `Valid${result.warnings.length > 0 ? `, with ${countOf(result.warnings.length, 'warning')}` : ''}.\n`,
      );
      context.out(describePlan(result.configuration));
    }
    return EXIT_OK;
  },
});

function print(warnings: readonly Problem[], problems: readonly Problem[], context: CliContext): void {
  for (const warning of warnings) context.err(`warning: ${formatProblem(warning)}`);
  for (const problem of problems) context.err(`error: ${formatProblem(problem)}`);
  if (problems.length > 0) context.err(`Refused: ${countOf(problems.length, 'error')}.`);
}
