/** `exec HOST -- CMD …`: a command as that host; its output, exit code and signals pass through. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { TwinspanError } from '../../../core/base/errors.js';
import { enter } from '../layout.js';
import { stateOfRunningLab } from '../run/state.js';
import { hostNamed } from '../scenario.js';
import { currentLayout, needRoot } from './environment.js';
import { wantedScenario } from './up.js';

/** Runs CMD as HOST and returns its exit code (128 + signal number where a signal ended it). */
export async function exec(host: string | undefined, argv: readonly string[]): Promise<number> {
  if (host === undefined || argv.length === 0) {
    throw new TwinspanError(
      'TS_LAB',
      'exec wants a host and a command.',
      'npm run lab -- exec app -- ip addr',
    );
  }
  needRoot(`exec ${host} -- …`);
  const layout = currentLayout();
  const state = stateOfRunningLab(layout);
  const scenario = wantedScenario(state.scenario);
  const isSwitch = scenario.segments.some((one) => one.kind === 'switch' && one.name === host);
  if (hostNamed(scenario, host) === undefined && !isSwitch) {
    const names = scenario.hosts.map((one) => one.name).join(' ');
    throw new TwinspanError(
      'TS_LAB',
      `There is no host '${host}' in ${scenario.name}.`,
      `There are: ${names}`,
    );
  }
  const words = enter(layout, host, argv);
  const child = spawn(words[0], words.slice(1), { stdio: 'inherit' });
  // The terminal sends Ctrl-C to the child too; the other signals reach only us.
  process.on('SIGINT', () => {});
  for (const name of ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new TwinspanError('TS_LAB', error.message)));
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
}
