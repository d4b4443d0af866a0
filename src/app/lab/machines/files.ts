/**
 * What a virtual machine is given to become itself, as files for vagrant/provision.sh: its network, its programs, and, on a
 * node, the configuration that a person would write and the key that `twinspan keygen` made.
 */
import { type Layout, layoutFor } from '../layout.js';
import { networkYaml, nodesOf, nodeYaml } from '../plan/overlay.js';
import { ec2Of } from '../plan/services.js';
import { quote } from '../plan/step.js';
import { EC2_ENVIRONMENT } from '../programs/ec2.js';
import { addressOf, type Host, type Scenario } from '../scenario.js';
import type { Machine } from './machines.js';
import { networkScript } from './network-script.js';

export interface MachineFile {
  /** Relative to the machine's directory. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

export interface Key {
  readonly privateKey: string;
  readonly publicKey: string;
}

const INSTALLED = '/opt/twinspan/current';
const NODE = `${INSTALLED}/node/bin/node`;

function program(name: string): string[] {
  return [NODE, `${INSTALLED}/dist/src/app/lab/programs/${name}.js`];
}

/** Where things are on a machine on which the package is installed. */
const LAYOUT: Layout = layoutFor('', ['twinspan'], program, (spec) => [
  `${INSTALLED}/build/moto/bin/python`,
  `${INSTALLED}/src/app/lab/programs/moto-server.py`,
  JSON.stringify(spec),
]);

/** network.yaml with the public keys in it. */
export function machineNetworkYaml(scenario: Scenario, keys: ReadonlyMap<string, Key>): string {
  return networkYaml(scenario, LAYOUT).replace(
    /\{\{[^}]*\/hosts\/([^/]+)\/public\.key\}\}/g,
    (_, node: string) => {
      return keys.get(node)!.publicKey;
    },
  );
}

function unit(name: string, about: string, argv: readonly string[]): MachineFile {
  const text = `[Unit]
Description=${about}
After=twinspan-lab-network.service

[Service]
ExecStart=${argv.map(quote).join(' ')}
StateDirectory=twinspan-lab/hosts/vpc
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
`;
  return { path: `units/twinspan-lab-${name}.service`, text, mode: 0o644 };
}

function unitsOf(scenario: Scenario, host: Host): MachineFile[] {
  if (host.kind === 'router') {
    const ec2 = ec2Of(scenario, LAYOUT);
    if (ec2 === undefined) return [];
    const url = `http://${ec2.spec.host}:${ec2.spec.port}`;
    return [
      unit('ec2', 'EC2 API of the lab (moto)', ec2.argv),
      unit('vpc-router', 'VPC router of the lab', [...program('vpc-router'), url, scenario.overlay.cidr]),
    ];
  }
  if (!host.programs.includes('app-server')) return [];
  const databases = scenario.ready.filter((one) => one.from === host.name && one.port === 3306);
  const argv = [...program('app-server'), '80', ...databases.map((one) => one.address)];
  return [unit('app', 'application server of the lab', argv)];
}

function nodeFiles(scenario: Scenario, host: Host, keys: ReadonlyMap<string, Key>): MachineFile[] {
  const moves = scenario.cloud?.interfaces.some((one) => one.node === host.name);
  const environment = Object.entries(EC2_ENVIRONMENT).map(([name, value]) => `${name}=${value}\n`);
  return [
    {
      path: 'node/node.yaml',
      text: nodeYaml(scenario, host, { network: 'network.yaml', privateKey: 'private.key' }),
      mode: 0o644,
    },
    { path: 'node/network.yaml', text: machineNetworkYaml(scenario, keys), mode: 0o644 },
    { path: 'node/private.key', text: `${keys.get(host.name)!.privateKey}\n`, mode: 0o600 },
    ...(moves ? [{ path: 'node/environment', text: environment.join(''), mode: 0o600 }] : []),
  ];
}

/** The files of one machine; `keys` by node. */
export function machineFiles(
  scenario: Scenario,
  machine: Machine,
  keys: ReadonlyMap<string, Key>,
): MachineFile[] {
  const hosts = scenario.hosts.filter((host) => machine.hosts.includes(host.name));
  const programs = new Set<string>(hosts.flatMap((host) => host.programs));
  if (hosts.some((host) => host.kind === 'router')) programs.add('moto');
  const settings = [
    `NAME=${machine.name}`,
    `PROGRAMS="${[...programs].join(' ')}"`,
    `PACKAGE=${machine.package ? 'yes' : 'no'}`,
  ];
  const names = scenario.hosts.map((host) => `${addressOf(host)} ${host.name}`);
  return [
    { path: 'machine', text: `${settings.join('\n')}\n`, mode: 0o644 },
    { path: 'network', text: networkScript(scenario, machine), mode: 0o755 },
    { path: 'hosts', text: `${names.join('\n')}\n`, mode: 0o644 },
    ...hosts.flatMap((host) => unitsOf(scenario, host)),
    ...nodesOf({ ...scenario, hosts }).flatMap((host) => nodeFiles(scenario, host, keys)),
  ];
}
