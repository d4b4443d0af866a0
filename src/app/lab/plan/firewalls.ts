/** Firewalls: the program of one that has a choice of ISPs, and how one dies. */
import { enter, hostPath, type Layout, namespaceOf } from '../layout.js';
import type { Host, Scenario } from '../scenario.js';
import type { Failure } from './failures.js';
import { ispFailure } from './link-failures.js';
import { logFile, type ProgramPlan, READY_MS } from './program.js';
import type { Step } from './step.js';

/** Hosts that are firewalls. */
export function firewallsOf(scenario: Scenario): Host[] {
  return scenario.hosts.filter((host) => host.kind === 'firewall');
}

/** The programs of firewalls that choose. */
export function planFirewalls(scenario: Scenario, layout: Layout): ProgramPlan[] {
  return firewallsOf(scenario).flatMap(({ name, firewall }) => {
    if (firewall === undefined) return [];
    const file = hostPath(layout, name, 'firewall.json');
    const text = `${JSON.stringify(firewall, undefined, 2)}\n`;
    return [
      {
        prepare: [{ do: 'write' as const, path: file, text, mode: 0o644 }],
        process: {
          name,
          host: name,
          argv: enter(layout, name, [...layout.program('firewall'), file]),
          log: logFile(layout, name),
        },
        ready: {
          do: 'await' as const,
          what: `firewall ${name} to lead somewhere`,
          argv: ['ip', '-n', namespaceOf(layout, name), 'route', 'get', firewall.probe],
          timeoutMs: READY_MS,
          process: name,
        },
      },
    ];
  });
}

/** A firewall without power: all its links go down, and it knows no connection when it is back. */
export function firewallFailure(scenario: Scenario, layout: Layout, host: Host): Failure {
  const { what, fail, heal } = ispFailure(layout, `firewall:${host.name}`, host);
  const program = planFirewalls(scenario, layout).find(({ process }) => process.host === host.name);
  const forget: Step = {
    do: 'run',
    argv: ['ip', 'netns', 'exec', namespaceOf(layout, host.name), 'conntrack', '-F'],
  };
  if (program === undefined) return { what, fail: [...fail, forget], heal };
  const kill: Step = { do: 'stop', process: host.name, signal: 'SIGKILL', gone: true };
  return {
    what,
    fail: [...fail, kill, forget],
    heal: [...heal, { do: 'start', process: program.process }, program.ready],
  };
}
