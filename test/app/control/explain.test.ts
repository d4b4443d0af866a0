/**
 * What explain says of the seed's network, as a golden text: each line of the seed's stories, and every way in which a
 * packet does not get through. The node is real up to its machine: configuration, directory, snapshot, tables, router.
 */
import test from 'ava';
import { formatExplain, parseRequest } from '../../../src/app/cli/commands/explain.js';
import { Directory } from '../../../src/app/control/directory.js';
import { explain } from '../../../src/app/control/explain.js';
import type { Node } from '../../../src/app/control/node.js';
import { rosterOf } from '../../../src/app/control/roster.js';
import { compileSnapshot } from '../../../src/app/control/snapshot.js';
import { createSharedTables, PathSlots } from '../../../src/app/control/tables.js';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { Directory as KnownNodes } from '../../../src/core/cluster/roster.js';
import { chooseServing } from '../../../src/core/cluster/serving.js';
import { LiveRoutes } from '../../../src/core/route/live.js';
import { AVAILABLE_HERE } from '../../../src/core/router/memory.js';
import { SnapshotView } from '../../../src/core/router/snapshot.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { golden } from '../../support/golden.js';
import { configurationOf, edit, SEED_NETWORK, SEED_NODE } from '../../support/seed_config.js';

const NOW = 1_000_000;

/** The node `name`, with the sessions of all its peers up but those in `down`. */
function nodeOf(name: string, down: readonly string[] = [], network = SEED_NETWORK): Node {
  const configuration = configurationOf(network, edit(SEED_NODE, 'node: edge1-a', `node: ${name}`));
  const directory = new Directory(configuration);
  const tables = createSharedTables(directory.capacity, configuration.clusters.length + 1);
  const paths = new PathSlots(tables);
  const isUp = (peer: number) => !down.includes(directory.get(peer)?.node.name ?? '');
  for (const { number, node } of directory.all) {
    tables.peers.cluster[number] = node.cluster;
    if (!isUp(number)) continue;
    tables.sessions.peer[number] = number;
    tables.sessions.expiresAtMs[number] = NOW + 1_000;
    tables.peers.session[number] = number;
    paths.publish(number, encodeEndpoint(Uint8Array.of(203, 0, 113, node.index + 1), 51_820, 0));
  }
  const known = new KnownNodes(rosterOf(configuration, directory));
  const names = new Set(configuration.nodes.map((node) => node.name).filter((node) => !down.includes(node)));
  for (const node of known.others) {
    node.up = node.peer >= 0 && isUp(node.peer);
    node.direct = names;
  }
  chooseServing(known, AVAILABLE_HERE, tables.available);
  const lan = { v4: Uint8Array.of(172, 16, 10, 200), v6: undefined };
  const routes = new LiveRoutes();
  const snapshot = compileSnapshot(configuration, directory, lan, createCrypto().hash, 1, routes);
  return {
    configuration,
    directory,
    tables,
    paths,
    snapshot,
    routes,
    scratchView: () => new SnapshotView(snapshot),
    peerName: (peer: number) => directory.get(peer)?.node.name ?? `peer ${peer}`,
    machine: { lanTun: 'ts-lan', wanTun: 'ts-wan' },
    native: { now: () => NOW },
  } as unknown as Node;
}

function story(node: Node, src: string, dst: string, protocol: string): string {
  const request = parseRequest(src, dst, protocol);
  if (typeof request === 'string') throw new Error(request);
  const { self, nodes } = node.configuration;
  return `on ${nodes[self].name}: ${formatExplain(explain(node, request))}\n`;
}

const EXTRA_ROUTES = `  - { cidr: 10.100.66.0/24, blackhole: true }
  - { cidr: 198.18.0.0/15, via: wan }
`;

test('the stories of the seed', (t) => {
  const aws = nodeOf('aws-a');
  const app = '192.168.10.15';
  const stories = [
    ...['10.100.10.15', '10.100.20.15', '10.100.30.15'].map((to) => story(aws, app, to, 'tcp/3306')),
    story(aws, app, '10.100.20.20', 'tcp/22'),
  ];
  for (const site of [1, 2, 3]) {
    const edge = nodeOf(`edge${site}-a`);
    stories.push(story(edge, `172.16.${site}0.15`, '10.100.100.15', 'tcp/80'));
    stories.push(story(edge, '10.100.100.15', `10.100.${site}0.15`, 'tcp/3306'));
    stories.push(story(edge, `172.16.${site}0.77`, '10.100.100.15', 'icmp'));
  }
  golden(t, 'explain-seed.txt', stories.join('\n'));
});

test('what does not get through, and by which way else', (t) => {
  const network = edit(SEED_NETWORK, 'insideNat:\n', `${EXTRA_ROUTES}insideNat:\n`);
  const edge = nodeOf('edge1-a', [], network);
  const mysql = '172.16.10.15';
  const stories = [
    story(edge, mysql, '10.100.99.1', 'udp/53'),
    story(edge, mysql, '10.100.66.1', 'icmp'),
    story(edge, mysql, '198.18.0.1', 'tcp/443'),
    story(edge, mysql, '127.0.0.1', 'icmp'),
    story(edge, '10.100.100.15', '10.100.10.77', 'icmp'),
    story(edge, '10.100.20.15', '10.100.10.15', 'tcp/3306'),
    story(edge, mysql, '10.100.20.15', 'tcp/3306'),
    story(nodeOf('edge1-a', ['aws-a'], network), mysql, '10.100.100.15', 'tcp/80'),
    story(nodeOf('edge1-a', ['aws-a', 'aws-b'], network), mysql, '10.100.100.15', 'tcp/80'),
    story(nodeOf('aws-a'), '10.100.10.15', '10.100.20.15', 'tcp/3306'),
    story(nodeOf('aws-a'), '10.100.10.15', '10.100.10.16', 'tcp/3306'),
  ];
  golden(t, 'explain-ways.txt', stories.join('\n'));
});

test('explain moves no clock, counter or table of the node', (t) => {
  const node = nodeOf('edge1-a', ['aws-b']);
  const { peers, sessions, available } = node.tables;
  const state = () => [peers, sessions].map(({ buffer }) => new Uint8Array(buffer).slice());
  const before = [...state(), available.slice()];
  for (const to of ['10.100.100.15', '10.100.99.1', '10.100.10.15']) story(node, '172.16.10.15', to, 'icmp');
  t.deepEqual([...state(), available.slice()], before);
});
