/** The whole of `up`. Pure: a scenario in, stages out. */
import { enter, hostPath, type Layout } from '../layout.js';
import type { Scenario } from '../scenario.js';
import { planNetwork } from './network.js';
import { nodesOf, planNetworkFile, planNodeFiles } from './overlay.js';
import { connectArgv, type ProgramPlan } from './program.js';
import { planDaemon, planMariadbTemplate, planPrograms, planServices } from './programs.js';
import { planCloud, planFixedRoute } from './services.js';
import { quote, type Stage, type Step } from './step.js';

const TRAFFIC_MS = 30_000;

/**
 * The script that every process of a host goes through: it takes the host's name, lays the host's own files over
 * /etc and its own directory over /run (in the mount namespace that `ip netns exec` has made), and becomes the
 * command. So programs find what they expect at its usual place and the machine's own files stay as they are.
 */
function enterScript(layout: Layout): string {
  return `set -eu
host=$1
shift
hostname "$host"
own=${layout.dir}/hosts/$host
if [ -d "$own" ]; then
  mount -n --bind "$own/run" /run
  for file in $(cd "$own/etc" && find . -type f); do
    [ ! -e "/etc/$file" ] || mount -n --bind "$own/etc/$file" "/etc/$file"
  done
fi
export PATH=${layout.dir}/bin:$PATH:/usr/sbin:/sbin
cd /
exec "$@"
`;
}

function hostsFile(scenario: Scenario): string {
  const lines = scenario.hosts.map((host) => `${host.interfaces[0].address.split('/')[0]} ${host.name}`);
  return `127.0.0.1 localhost\n${lines.join('\n')}\n`;
}

function planCommonFiles(scenario: Scenario, layout: Layout): Step[] {
  const twinspan = `#!/bin/sh\nexec ${layout.twinspan.map(quote).join(' ')} "$@"\n`;
  return [
    { do: 'directory', path: `${layout.dir}/log` },
    { do: 'write', path: `${layout.dir}/enter`, text: enterScript(layout), mode: 0o644 },
    { do: 'write', path: `${layout.dir}/bin/twinspan`, text: twinspan, mode: 0o755 },
    ...scenario.hosts.flatMap((host): Step[] => [
      { do: 'directory', path: hostPath(layout, host.name, 'run') },
      {
        do: 'write',
        path: hostPath(layout, host.name, 'etc', 'hosts'),
        text: hostsFile(scenario),
        mode: 0o644,
      },
    ]),
  ];
}

function begin(plan: ProgramPlan): Step {
  return { do: 'start', process: plan.process };
}

function launch(plan: ProgramPlan): Step[] {
  return [begin(plan), plan.ready];
}

function planTraffic(scenario: Scenario, layout: Layout): Step[][] {
  return scenario.ready.map((one) => [
    {
      do: 'await',
      what: `${one.from} to reach ${one.service} at ${one.address}:${one.port}`,
      argv: enter(layout, one.from, connectArgv(one.address, one.port)),
      timeoutMs: TRAFFIC_MS,
    },
  ]);
}

/** Everything `up` does, in order. */
export function planUp(scenario: Scenario, layout: Layout): Stage[] {
  const programs = planPrograms(scenario, layout);
  const services = planServices(scenario, layout);
  const cloud = planCloud(scenario, layout);
  const daemons = nodesOf(scenario).map((host) => planDaemon(scenario, layout, host.name));
  return [
    { title: 'files', lanes: [planCommonFiles(scenario, layout)] },
    {
      title: `network of ${scenario.hosts.length} hosts, keys, databases`,
      lanes: [
        [...planNetwork(scenario, layout), ...planFixedRoute(scenario, layout)],
        planMariadbTemplate(scenario, layout),
        ...[...services, ...cloud, ...programs].map((plan) => plan.prepare),
        ...planNodeFiles(scenario, layout),
      ].filter((lane) => lane.length > 0),
    },
    {
      title: 'network.yaml and what the nodes lean on',
      // The EC2 API takes seconds to load; whoever needs it asks again.
      lanes: [
        [planNetworkFile(scenario, layout)],
        ...services.map(launch),
        ...cloud.map((plan) => [begin(plan)]),
      ],
    },
    {
      title: `${daemons.length} nodes and ${programs.length} programs`,
      lanes: [...[...daemons, ...programs].map(launch), ...cloud.map((plan) => [plan.ready])],
    },
    { title: 'traffic across the overlay', lanes: planTraffic(scenario, layout) },
  ];
}
