/** The configuration of the network in the seed (four sites, eight nodes), as text, and ways to load variations of it. */

import { formatKey } from '../../src/core/base/key.js';
import type { Configuration } from '../../src/core/config/configuration.js';
import { type Loaded, loadConfiguration } from '../../src/core/config/load.js';
import { formatProblem } from '../../src/core/config/problem.js';
import { parseYaml } from '../../src/edge/file/yaml.js';

/** A public key for tests: any 32 bytes are one. */
export function testKey(seed: number): string {
  return formatKey(Uint8Array.from({ length: 32 }, (_, i) => (seed * 37 + i * 11) & 0xff));
}

export const SEED_NETWORK = `network: { name: acme, cidr: 10.100.0.0/16 }
clusters:
  AWSCluster:
    members: [aws-a, aws-b]            # the first is preferred
    failback: automatic
    site: 192.168.10.0/24
    takeover: { aws: { region: us-east-1, routeTables: [rtb-0a1b2c3d] } }
  EdgeCluster1:
    members: [edge1-a, edge1-b]
    site: 172.16.10.0/24
    takeover: { vip: 172.16.10.215/24 }
  EdgeCluster2:
    members: [edge2-a, edge2-b]
    site: 172.16.20.0/24
    takeover: { vip: 172.16.20.215/24 }
  EdgeCluster3:
    members: [edge3-a, edge3-b]
    site: 172.16.30.0/24
    takeover: { vip: 172.16.30.215/24 }
nodes:
  aws-a:   { publicKey: "${testKey(1)}", endpoints: ["aws-a.example.net:51820"] }
  aws-b:   { publicKey: "${testKey(2)}", endpoints: ["aws-b.example.net:51820"] }
  edge1-a: { publicKey: "${testKey(3)}", lanAddress: 172.16.10.200 }
  edge1-b: { publicKey: "${testKey(4)}", lanAddress: 172.16.10.201 }
  edge2-a: { publicKey: "${testKey(5)}", lanAddress: 172.16.20.200 }
  edge2-b: { publicKey: "${testKey(6)}", lanAddress: 172.16.20.201 }
  edge3-a: { publicKey: "${testKey(7)}", lanAddress: 172.16.30.200 }
  edge3-b: { publicKey: "${testKey(8)}", lanAddress: 172.16.30.201 }
routes:
  - { cidr: 10.100.100.0/24, to: AWSCluster }
  - { cidr: 10.100.10.0/24,  to: EdgeCluster1 }
  - { cidr: 10.100.20.0/24,  to: EdgeCluster2 }
  - { cidr: 10.100.30.0/24,  to: EdgeCluster3 }
insideNat:
  - { local: 192.168.10.15/32, network: 10.100.100.15/32, at: AWSCluster,   description: Application server }
  - { local: 172.16.10.15/32,  network: 10.100.10.15/32,  at: EdgeCluster1, description: MySQL server }
  - { local: 172.16.20.15/32,  network: 10.100.20.15/32,  at: EdgeCluster2, description: MySQL server }
  - { local: 172.16.20.20/32,  network: 10.100.20.20/32,  at: EdgeCluster2, description: SFTP server }
  - { local: 172.16.30.15/32,  network: 10.100.30.15/32,  at: EdgeCluster3, description: MySQL server }
`;

export const SEED_NODE = `node: edge1-a
network: ./network.yaml
privateKeyFile: /etc/twinspan/private.key      # refused if others can read it
lan: { device: eth1, tun: ts-lan }
wan: { tun: ts-wan }
uplinks: [ { name: isp1, device: eth0, cost: 10 } ]
redis: { url: "redis://172.16.10.250:6379" }
`;

/** Loads two texts as if they were /etc/twinspan/network.yaml and node.yaml. */
export function loadTexts(networkText: string, nodeText: string): Loaded {
  const node = parseYaml('/etc/twinspan/node.yaml', nodeText);
  const network = parseYaml('/etc/twinspan/network.yaml', networkText);
  const problems = [node, network].flatMap((file) => (file.ok ? [] : file.problems));
  if (!node.ok || !network.ok) return { ok: false, problems, warnings: [] };
  return loadConfiguration({ node: node.source, network: network.source });
}

/** The configuration that two texts mean; throws with its problems where they are refused. */
export function configurationOf(networkText = SEED_NETWORK, nodeText = SEED_NODE): Configuration {
  const loaded = loadTexts(networkText, nodeText);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.configuration;
}

/** `text` with one occurrence of `from` replaced; throws where it does not stand there exactly once. */
export function edit(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`'${from}' stands ${parts.length - 1} times in the text`);
  return parts.join(to);
}

/** The seed's network with an external peer `branch` at EdgeCluster1, and the node.yaml of a member that serves it. */
export const EXTERNAL_ROUTE = '  - { cidr: 10.100.77.0/24, to: branch }\n';
export const EXTERNAL_NETWORK = edit(
  edit(
    SEED_NETWORK,
    'members: [edge1-a, edge1-b]\n',
    `members: [edge1-a, edge1-b]\n    publicKey: "${testKey(20)}"\n`,
  ),
  'routes:\n',
  `externalPeers:
  branch: { at: EdgeCluster1, publicKey: "${testKey(21)}", endpoints: ["198.51.100.7:51820"], persistentKeepalive: 25 }
routes:
${EXTERNAL_ROUTE}`,
);
export const EXTERNAL_NODE = `${SEED_NODE}clusterKeyFile: cluster.key\npresharedKeys: { branch: psk, edge1-b: psk-b }\n`;
