/**
 * The configuration of the nodes, written the way a person would write it: one network.yaml for all, one node.yaml
 * and one key pair each. Keys are made by `twinspan keygen` when the lab is built; `{{…}}` stands for them until then.
 */
import { hostPath, type Layout } from '../layout.js';
import { addressOf, type Cluster, type Host, type Scenario } from '../scenario.js';
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

function clusterText(cluster: Cluster): string {
  return [
    `  ${cluster.name}:`,
    `    members: [${cluster.members.join(', ')}]`,
    '    failback: automatic',
    `    site: ${cluster.site}`,
    ...(cluster.vip === undefined ? [] : [`    takeover: { vip: ${cluster.vip} }`]),
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
${overlay.clusters.map(clusterText).join('\n')}
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

/** node.yaml of one node. */
export function nodeYaml(layout: Layout, host: Host): string {
  const role = host.node!;
  const uplinks = role.uplinks.map(
    (one) => `{ name: ${one.name}, device: ${one.device}, cost: ${one.cost} }`,
  );
  return `node: ${host.name}
network: ${networkFile(layout)}
privateKeyFile: ${hostPath(layout, host.name, 'private.key')}
lan: { device: ${role.lan}, tun: ts-lan }
wan: { tun: ts-wan }
uplinks: [${uplinks.join(', ')}]
listenPort: 51820
stateDir: ${hostPath(layout, host.name, 'state')}
runDir: ${hostPath(layout, host.name, 'run', 'twinspan')}
uapi: { name: ${host.name} }
`;
}

/** A lane for each node that makes its keys and writes its node.yaml. */
export function planNodeFiles(scenario: Scenario, layout: Layout): Step[][] {
  const twinspan = layout.twinspan.map(quote).join(' ');
  return nodesOf(scenario).map((host) => {
    const secret = quote(hostPath(layout, host.name, 'private.key'));
    const open = quote(hostPath(layout, host.name, 'public.key'));
    return [
      { do: 'directory', path: hostPath(layout, host.name, 'state') },
      { do: 'write', path: nodeFile(layout, host.name), text: nodeYaml(layout, host), mode: 0o644 },
      { do: 'run', argv: ['sh', '-euc', `${twinspan} keygen --out ${secret} > ${open}`] },
    ];
  });
}

/** network.yaml, to be written when all keys exist. */
export function planNetworkFile(scenario: Scenario, layout: Layout): Step {
  return { do: 'write', path: networkFile(layout), text: networkYaml(scenario, layout), mode: 0o644 };
}
