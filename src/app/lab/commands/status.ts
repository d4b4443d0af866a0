/** `list` and `status [--json]`. */
import { failurePatterns } from '../plan/failures.js';
import { conditionOf } from '../run/process.js';
import { readState } from '../run/state.js';
import { SCENARIOS } from '../scenarios/index.js';
import { currentLayout, say } from './environment.js';
import { wantedScenario } from './up.js';

/** Names of scenarios with a line about each. */
export function list(): number {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  for (const { name, title } of SCENARIOS) process.stdout.write(`${name.padEnd(width)}  ${title}\n`);
  return 0;
}

/** What is up: hosts, their processes, failures in force. Exit code 3 where no lab is up. */
export function status(json: boolean): number {
  const layout = currentLayout();
  const state = readState(layout);
  if (state === undefined) {
    if (json) process.stdout.write(`${JSON.stringify({ up: false })}\n`);
    else say('No lab is up.');
    return 3;
  }
  const scenario = wantedScenario(state.scenario);
  const hosts = scenario.hosts.map((host) => {
    const processes = state.processes
      .filter((one) => one.host === host.name)
      .map((one) => ({ name: one.name, pid: one.pid, condition: conditionOf(one) }));
    return {
      name: host.name,
      addresses: host.interfaces.map((one) => one.address),
      processes,
      about: host.about,
    };
  });
  const { complete, startedAt, failures } = state;
  if (json) {
    const report = { up: complete, scenario: scenario.name, startedAt, failures, hosts };
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    return 0;
  }
  const cells = hosts.map((host) => {
    const running = host.processes.map((one) => `${one.condition} ${one.pid}`).join(', ') || '-';
    return [host.name, host.addresses.join(' '), running, host.about];
  });
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(
    `${scenario.name} ${complete ? `up since ${startedAt}` : 'half built'}\n${lines.join('\n')}\n`,
  );
  process.stdout.write(failures.length === 0 ? 'no failures in force\n' : `failed: ${failures.join(' ')}\n`);
  process.stdout.write(`may fail: ${failurePatterns(scenario, layout).join(' ')}\n`);
  return 0;
}
