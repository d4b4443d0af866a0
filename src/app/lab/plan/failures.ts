/**
 * What can fail in a scenario and how: each failure is a pair of step lists, one that breaks and one that mends.
 *
 *   node:NAME              kill -9 the daemon; mended by starting it again
 *   node:NAME:stop         SIGSTOP, the daemon hangs; mended by SIGCONT
 *   node:NAME:graceful     SIGTERM; mended by starting it again
 *   link:NODE/lan|wan      the far end of the cable goes down: carrier loss
 *   isp:NAME               the ISP goes dark: carrier loss on all its links
 *   isp:NAME:silent        the ISP forwards nothing and says nothing
 *   NAME                   kill -9 the program on host NAME; mended by starting it again
 */
import { TwinspanError } from '../../../core/base/errors.js';
import { type Layout, namespaceOf } from '../layout.js';
import type { Host, Scenario } from '../scenario.js';
import { attachments, planInterfaces, portOf } from './network.js';
import { nodesOf } from './overlay.js';
import { processesOf } from './programs.js';
import type { Step, StopStep } from './step.js';

export interface Failure {
  readonly what: string;
  readonly fail: readonly Step[];
  readonly heal: readonly Step[];
}

function processFailure(
  scenario: Scenario,
  layout: Layout,
  what: string,
  name: string,
  mode: string,
): Failure {
  const plan = processesOf(scenario, layout).get(name)!;
  const stop = (signal: StopStep['signal'], gone: boolean): Step => ({
    do: 'stop',
    process: name,
    signal,
    gone,
  });
  if (mode === 'stop') return { what, fail: [stop('SIGSTOP', false)], heal: [stop('SIGCONT', false)] };
  const signal = mode === 'graceful' ? 'SIGTERM' : 'SIGKILL';
  return { what, fail: [stop(signal, true)], heal: [{ do: 'start', process: plan.process }, plan.ready] };
}

function down(layout: Layout, where: string, device: string): Step {
  return { do: 'ip', namespace: namespaceOf(layout, where), args: `link set ${device} down` };
}

function linkFailure(scenario: Scenario, layout: Layout, what: string, host: Host, device: string): Failure {
  const mine = host.interfaces.find((one) => one.name === device)!;
  const segment = scenario.segments.find((one) => one.name === mine.segment)!;
  if (segment.kind === 'switch') {
    const port = portOf({ host, interface: mine });
    const up: Step = { do: 'ip', namespace: namespaceOf(layout, segment.name), args: `link set ${port} up` };
    return { what, fail: [down(layout, segment.name, port)], heal: [up] };
  }
  const far = attachments(scenario, segment).find((one) => one.host !== host)!;
  return {
    what,
    fail: [down(layout, far.host.name, far.interface.name)],
    heal: planInterfaces(layout, far.host, far.interface.name),
  };
}

function ispFailure(layout: Layout, what: string, host: Host): Failure {
  return {
    what,
    fail: host.interfaces.map((one) => down(layout, host.name, one.name)),
    heal: planInterfaces(layout, host),
  };
}

function silentFailure(layout: Layout, what: string, host: Host): Failure {
  const nft = (command: string): Step => ({
    do: 'run',
    argv: ['ip', 'netns', 'exec', namespaceOf(layout, host.name), 'nft', command],
  });
  const hook = (name: string) =>
    nft(`add chain ip silence ${name} { type filter hook ${name} priority raw; policy drop; }`);
  return {
    what,
    fail: [nft('add table ip silence'), hook('prerouting'), hook('output')],
    heal: [nft('delete table ip silence')],
  };
}

/** Every failure the scenario offers, by the word that names it. */
export function failuresOf(scenario: Scenario, layout: Layout): Map<string, Failure> {
  const all: Failure[] = [];
  for (const host of nodesOf(scenario)) {
    for (const mode of ['', ':stop', ':graceful']) {
      const what = `node:${host.name}${mode}`;
      all.push(processFailure(scenario, layout, what, host.name, mode.slice(1)));
    }
    all.push(linkFailure(scenario, layout, `link:${host.name}/lan`, host, host.node!.lan));
    const [first, ...others] = host.node!.uplinks;
    all.push(linkFailure(scenario, layout, `link:${host.name}/wan`, host, first.device));
    for (const uplink of others) {
      all.push(linkFailure(scenario, layout, `link:${host.name}/${uplink.name}`, host, uplink.device));
    }
  }
  for (const host of scenario.hosts.filter((one) => one.kind === 'isp')) {
    all.push(
      ispFailure(layout, `isp:${host.name}`, host),
      silentFailure(layout, `isp:${host.name}:silent`, host),
    );
  }
  for (const host of scenario.hosts.filter((one) => one.programs.length > 0)) {
    all.push(processFailure(scenario, layout, host.name, host.name, 'kill'));
  }
  return new Map(all.map((failure) => [failure.what, failure]));
}

/** The failure called `what`. Throws TS_LAB with what there is. */
export function failureNamed(scenario: Scenario, layout: Layout, what: string): Failure {
  const all = failuresOf(scenario, layout);
  const found = all.get(what);
  if (found !== undefined) return found;
  const patterns = [...all.keys()].filter((name) =>
    name.split(/[:/]/).some((word) => word === what.split(/[:/]/)[1]),
  );
  const offer =
    patterns.length > 0 ? patterns : [...new Set([...all.keys()].map((name) => name.replace(/:.*/, ':…')))];
  throw new TwinspanError(
    'TS_LAB',
    `Nothing called '${what}' can fail here.`,
    `There are: ${offer.join(' ')}`,
  );
}
