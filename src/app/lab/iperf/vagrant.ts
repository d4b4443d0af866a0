/** The hosts of vagrant/ as a place for iperf3: `vagrant ssh`, which finds its machines by the Vagrantfile's directory. */
import { setTimeout as pause } from 'node:timers/promises';
import { TwinspanError } from '../../../core/base/errors.js';
import { type Machine, machinesOf } from '../machines/machines.js';
import { machineScenario, type Profile } from '../machines/scenario.js';
import { quote } from '../plan/step.js';
import { command } from '../run/command.js';
import { hostNamed, type Scenario } from '../scenario.js';
import type { Place } from './measure.js';

/** A member that comes back waits ten seconds before it takes its role again. */
const SETTLE_MS = 15_000;
const COMMAND_MS = 60_000;

/** The words that run `argv` as root as a host of the scenario. */
export function vagrantWords(
  directory: string,
  profile: Profile,
  host: string,
  argv: readonly string[],
): string[] {
  const machine = machineOf(machinesOf(machineScenario(profile)), host);
  // ISPs are namespaces of the machine that is the internet.
  const inside = machine.name === 'internet' ? ['ip', 'netns', 'exec', host] : [];
  const line = ['sudo', ...inside, ...argv].map(quote).join(' ');
  const environment = ['env', `VAGRANT_CWD=${directory}`, `TWINSPAN_PROFILE=${profile}`];
  return [...environment, 'vagrant', 'ssh', machine.name, '--no-tty', '--command', line];
}

function machineOf(machines: readonly Machine[], host: string): Machine {
  return machines.find((one) => one.hosts.includes(host))!;
}

/** The shell scripts that break and mend `what`, and as which host. Throws TS_LAB for what cannot fail there. */
export function vagrantFailure(
  scenario: Scenario,
  what: string,
): { readonly host: string; readonly fail: string; readonly heal: string } {
  const [, kind, name] = /^(node|isp):([\w-]+)$/.exec(what) ?? [];
  const host = hostNamed(scenario, name ?? '');
  if (host === undefined || host.kind !== kind) {
    const names = scenario.hosts
      .filter((one) => one.kind === 'node' || one.kind === 'isp')
      .map((one) => `${one.kind}:${one.name}`);
    throw new TwinspanError(
      'TS_LAB',
      `'${what}' cannot fail in the virtual machines.`,
      `There are: ${names.join(' ')}`,
    );
  }
  if (host.kind === 'node') {
    // Masked, it is not started again by the service manager.
    return {
      host: host.name,
      fail: 'systemctl mask --runtime --quiet twinspan; systemctl kill --signal KILL twinspan',
      heal: 'systemctl unmask --runtime --quiet twinspan; systemctl start twinspan',
    };
  }
  const links = (state: string) =>
    host.interfaces.map((one) => `ip link set ${one.name} ${state}`).join('; ');
  return { host: host.name, fail: links('down'), heal: links('up') };
}

/** The virtual machines of a profile, whose Vagrantfile is in `directory`. */
export function vagrantPlace(directory: string, profile: Profile): Place {
  const scenario = machineScenario(profile);
  const run = async (host: string, script: string): Promise<void> => {
    await command(vagrantWords(directory, profile, host, ['sh', '-ec', script]), { timeoutMs: COMMAND_MS });
  };
  return {
    words: (host, argv) => vagrantWords(directory, profile, host, argv),
    settle: () => pause(SETTLE_MS),
    async fail(what) {
      const { host, fail } = vagrantFailure(scenario, what);
      await run(host, fail);
    },
    async heal(what) {
      const { host, heal } = vagrantFailure(scenario, what);
      await run(host, heal);
    },
  };
}
