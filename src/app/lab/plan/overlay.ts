/**
 * The configuration of the nodes, written the way a person would write it: one network.yaml for all, one node.yaml
 * and one key pair each. Keys are made by `twinspan keygen` when the lab is built; `{{…}}` stands for them until then.
 */
import { hostPath, type Layout } from '../layout.js';
import {
  addressOf,
  type Cluster,
  type Host,
  hostNamed,
  type NodeUplink,
  type Scenario,
} from '../scenario.js';
import { ec2Of, REDIS_PORT } from './services.js';
import { quote, type Step } from './step.js';

/** Where the configuration that all nodes share is. */
export function networkFile(layout: Layout): string {
  return `${layout.dir}/network.yaml`;
}

/** The configuration of one node. */
export function nodeFile(layout: Layout, node: string): string {
  return hostPath(layout, node, 'node.yaml');
}

/** Hosts that run a Twinspan node. */
export function nodesOf(scenario: Scenario): Host[] {
  return scenario.hosts.filter((host) => host.kind === 'node');
}

/** The cluster that a node is a member of. */
export function clusterOf(scenario: Scenario, node: string): Cluster {
  return scenario.overlay.clusters.find((cluster) => cluster.members.includes(node))!;
}

function takeoverText(scenario: Scenario, layout: Layout, cluster: Cluster): string[] {
  const { vip, name } = cluster;
  const parts = vip === undefined ? [] : [`vip: ${vip}`];
  const ec2 = ec2Of(scenario, layout);
  if (ec2 !== undefined && scenario.cloud?.cluster === name) {
    const { region, host, port, tables } = ec2.spec;
    parts.push(
      `aws: { region: ${region}, routeTables: [${tables.join(', ')}], endpoint: "http://${host}:${port}" }`,
    );
  }
  return parts.length === 0 ? [] : [`    takeover: { ${parts.join(', ')} }`];
}

function clusterText(scenario: Scenario, layout: Layout, cluster: Cluster): string {
  return [
    `  ${cluster.name}:`,
    `    members: [${cluster.members.join(', ')}]`,
    '    failback: automatic',
    `    site: ${cluster.site}`,
    ...takeoverText(scenario, layout, cluster),
  ].join('\n');
}

function nodeText(layout: Layout, host: Host): string {
  const role = host.node!;
  return [
    `  ${host.name}:`,
    `    publicKey: "{{${hostPath(layout, host.name, 'public.key')}}}"`,
    ...(role.endpoints.length === 0
      ? []
      : [`    endpoints: [${role.endpoints.map((one) => `"${one}"`).join(', ')}]`]),
    `    lanAddress: ${addressOf(host, role.lan)}`,
  ].join('\n');
}

/** network.yaml with the nodes' public keys still to be filled in. */
export function networkYaml(scenario: Scenario, layout: Layout): string {
  const { overlay } = scenario;
  return `# The network of the lab scenario ${scenario.name}; the same on every node.
network: { name: ${overlay.name}, cidr: ${overlay.cidr} }
clusters:
${overlay.clusters.map((cluster) => clusterText(scenario, layout, cluster)).join('\n')}
nodes:
${nodesOf(scenario)
  .map((host) => nodeText(layout, host))
  .join('\n')}
routes:
${overlay.routes.map((route) => `  - { cidr: ${route.cidr}, to: ${route.to} }`).join('\n')}
insideNat:
${overlay.insideNat
  .map(
    (nat) =>
      `  - { local: ${nat.local}, network: ${nat.network}, at: ${nat.at}, description: ${nat.description} }`,
  )
  .join('\n')}
`;
}

function uplinkText({ name, device, cost, isp, gateway, ping }: NodeUplink): string {
  const parts = [`name: ${name}`, `device: ${device}`, `cost: ${cost}`];
  if (isp !== undefined) parts.push(`isp: ${isp}`);
  if (gateway !== undefined) parts.push(`gateway: ${gateway}`);
  if (ping !== undefined) parts.push(`probes: [{ ping: ${ping} }]`);
  return `{ ${parts.join(', ')} }`;
}

/** Where the files of a node are, as its node.yaml says it; what is left out is where the daemon looks by itself. */
export interface NodePlaces {
  readonly network: string;
  readonly privateKey: string;
  readonly stateDir?: string;
  readonly runDir?: string;
  /** Name for `wg show`. */
  readonly uapi?: string;
}

/** The files of a node of the namespace lab. */
function labPlaces(layout: Layout, node: string): NodePlaces {
  return {
    network: networkFile(layout),
    privateKey: hostPath(layout, node, 'private.key'),
    stateDir: hostPath(layout, node, 'state'),
    runDir: hostPath(layout, node, 'run', 'twinspan'),
    uapi: node,
  };
}

/** node.yaml of one node. */
export function nodeYaml(scenario: Scenario, host: Host, places: NodePlaces): string {
  const role = host.node!;
  const redis = hostNamed(scenario, clusterOf(scenario, host.name).redis ?? '');
  const { network, privateKey, stateDir, runDir, uapi } = places;
  const lines = [
    `node: ${host.name}`,
    `network: ${network}`,
    `privateKeyFile: ${privateKey}`,
    `lan: { device: ${role.lan}, tun: ts-lan }`,
    'wan: { tun: ts-wan }',
    `uplinks: [${role.uplinks.map(uplinkText).join(', ')}]`,
    'listenPort: 51820',
    ...(redis === undefined ? [] : [`redis: { url: "redis://${addressOf(redis)}:${REDIS_PORT}" }`]),
    ...(stateDir === undefined ? [] : [`stateDir: ${stateDir}`]),
    ...(runDir === undefined ? [] : [`runDir: ${runDir}`]),
    ...(uapi === undefined ? [] : [`uapi: { name: ${uapi} }`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A lane for each node that makes its keys and writes its node.yaml. */
export function planNodeFiles(scenario: Scenario, layout: Layout): Step[][] {
  const twinspan = layout.twinspan.map(quote).join(' ');
  return nodesOf(scenario).map((host) => {
    const secret = quote(hostPath(layout, host.name, 'private.key'));
    const open = quote(hostPath(layout, host.name, 'public.key'));
    return [
      { do: 'directory', path: hostPath(layout, host.name, 'state') },
      {
        do: 'write',
        path: nodeFile(layout, host.name),
        text: nodeYaml(scenario, host, labPlaces(layout, host.name)),
        mode: 0o644,
      },
      { do: 'run', argv: ['sh', '-euc', `${twinspan} keygen --out ${secret} > ${open}`] },
    ];
  });
}

/** network.yaml, to be written when all keys exist. */
export function planNetworkFile(scenario: Scenario, layout: Layout): Step {
  return { do: 'write', path: networkFile(layout), text: networkYaml(scenario, layout), mode: 0o644 };
}
