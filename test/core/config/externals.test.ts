/** External peers in the two files: what is made of them, and what is refused. */
import test from 'ava';
import { type Configuration, externalsOf } from '../../../src/core/config/configuration.js';
import { describeDiff, diffConfiguration } from '../../../src/core/config/diff.js';
import { formatProblem } from '../../../src/core/config/problem.js';
import {
  configurationOf,
  EXTERNAL_NETWORK,
  EXTERNAL_NODE,
  EXTERNAL_ROUTE,
  edit,
  loadTexts,
  SEED_NETWORK,
  SEED_NODE,
  testKey,
} from '../../support/seed_config.js';

test('an external peer, its routes and its keys', (t) => {
  const loaded = loadTexts(EXTERNAL_NETWORK, EXTERNAL_NODE);
  t.true(loaded.ok);
  t.deepEqual(loaded.warnings, []);
  const configuration = configurationOf(EXTERNAL_NETWORK, EXTERNAL_NODE);
  const [branch, ...others] = configuration.externals;
  t.deepEqual(others, []);
  t.is(branch.name, 'branch');
  t.is(branch.cluster, 1);
  t.is(branch.persistentKeepaliveMs, 25_000);
  t.deepEqual(
    branch.endpoints.map(({ host, port }) => [host, port]),
    [['198.51.100.7', 51_820]],
  );
  t.is(configuration.clusters[1].publicKey?.length, 32);
  t.is(configuration.clusters[0].publicKey, undefined);
  const [route, other] = configuration.routes;
  t.deepEqual([route.target, route.external], [1, 0]);
  t.deepEqual([other.target, other.external], [0, undefined]);
  t.is(configuration.local.clusterKeyFile, '/etc/twinspan/cluster.key');
  t.deepEqual([...configuration.local.externalPresharedKeyFiles], [[0, '/etc/twinspan/psk']]);
  t.deepEqual([...configuration.local.presharedKeyFiles], [[3, '/etc/twinspan/psk-b']]);
});

test('an external peer belongs to the members of its cluster; a node elsewhere needs no key', (t) => {
  t.deepEqual(
    externalsOf(configurationOf(EXTERNAL_NETWORK, EXTERNAL_NODE)).map(({ name }) => name),
    ['branch'],
  );
  const elsewhere = configurationOf(EXTERNAL_NETWORK, edit(SEED_NODE, 'node: edge1-a', 'node: aws-a'));
  t.deepEqual(externalsOf(elsewhere), []);
  t.is(elsewhere.externals.length, 1);
});

test('what changes about external peers is one change', (t) => {
  const old = configurationOf(EXTERNAL_NETWORK, EXTERNAL_NODE);
  const changes = (next: Configuration): string[] => describeDiff(diffConfiguration(old, next));
  const edited = (from: string, to: string): Configuration =>
    configurationOf(edit(EXTERNAL_NETWORK, from, to), EXTERNAL_NODE);
  t.deepEqual(changes(configurationOf(EXTERNAL_NETWORK, EXTERNAL_NODE)), []);
  t.deepEqual(changes(edited('198.51.100.7', '198.51.100.8')), ['external peers changed']);
  t.deepEqual(
    changes(configurationOf(EXTERNAL_NETWORK, edit(EXTERNAL_NODE, 'branch: psk', 'branch: psk2'))),
    ['external peers changed'],
  );
  t.deepEqual(changes(edited('10.100.77.0/24, to: branch', '10.100.77.0/24, to: EdgeCluster1')), [
    'routes changed',
  ]);
});

const CASES: [title: string, network: string, node: string, ...said: string[]][] = [
  [
    'an unknown cluster',
    edit(EXTERNAL_NETWORK, 'at: EdgeCluster1, pub', 'at: EdgeCluster9, pub'),
    EXTERNAL_NODE,
    "externalPeers.branch.at: cluster 'EdgeCluster9' is not known. Did you mean 'EdgeCluster1'?",
  ],
  [
    'a cluster without a key',
    edit(EXTERNAL_NETWORK, 'at: EdgeCluster1, pub', 'at: EdgeCluster2, pub'),
    EXTERNAL_NODE,
    "externalPeers.branch.at: cluster 'EdgeCluster2' has no publicKey. Make a key with 'twinspan keygen', give it to each member as clusterKeyFile, and its public key here.",
  ],
  [
    'the name of a node',
    EXTERNAL_NETWORK.replaceAll('branch', 'edge2-a'),
    edit(EXTERNAL_NODE, 'branch: psk', 'aws-a: psk'),
    "externalPeers.edge2-a: a node is named 'edge2-a' too.",
  ],
  [
    'the key of a node',
    edit(EXTERNAL_NETWORK, testKey(21), testKey(2)),
    EXTERNAL_NODE,
    "externalPeers.branch.publicKey: node 'aws-b' has the same public key. Each external peer needs a key of its own.",
  ],
  [
    'the key of the cluster itself',
    edit(EXTERNAL_NETWORK, testKey(21), testKey(20)),
    EXTERNAL_NODE,
    "externalPeers.branch.publicKey: cluster 'EdgeCluster1' has the same public key. Each external peer needs a key of its own.",
  ],
  [
    'the key of a member as that of its cluster',
    edit(EXTERNAL_NETWORK, testKey(20), testKey(4)),
    EXTERNAL_NODE,
    "clusters.EdgeCluster1.publicKey: node 'edge1-b' has the same public key. Each cluster needs a key of its own.",
  ],
  [
    'a member without the key of its cluster',
    EXTERNAL_NETWORK,
    SEED_NODE,
    "cluster 'EdgeCluster1' serves external peer 'branch', but this member has no clusterKeyFile. All members hold the private key of the publicKey of their cluster.",
  ],
  [
    'a key of a cluster that has none',
    SEED_NETWORK,
    `${SEED_NODE}clusterKeyFile: cluster.key\n`,
    "clusterKeyFile: cluster 'EdgeCluster1' has no publicKey.",
  ],
  [
    'an inside NAT at an external peer',
    edit(
      EXTERNAL_NETWORK,
      'insideNat:\n',
      'insideNat:\n  - { local: 10.1.0.1/32, network: 10.100.77.1/32, at: branch }\n',
    ),
    EXTERNAL_NODE,
    "insideNat[0].at: 'branch' is an external peer: its addresses are network addresses and stay as they are. Translate at a cluster, or on the peer itself.",
  ],
  [
    'an inside NAT of the cluster for addresses of the external peer',
    edit(
      EXTERNAL_NETWORK,
      'insideNat:\n',
      'insideNat:\n  - { local: 172.16.10.9/32, network: 10.100.77.1/32, at: EdgeCluster1 }\n',
    ),
    EXTERNAL_NODE,
    "insideNat[0].network: 10.100.77.1/32 is routed to external peer 'branch', not to cluster 'EdgeCluster1' (10.100.77.0/24 at line 33). Add a route { cidr: 10.100.77.1/32, to: EdgeCluster1 }.",
  ],
  [
    'two routes of one prefix',
    edit(EXTERNAL_NETWORK, EXTERNAL_ROUTE, `${EXTERNAL_ROUTE}  - { cidr: 10.100.77.0/24, to: AWSCluster }\n`),
    EXTERNAL_NODE,
    "routes[1].cidr: 10.100.77.0/24 already has a route at metric 100, to external peer 'branch' (line 33). Give one of them another metric.",
  ],
  [
    'a route to a name that nobody has',
    edit(EXTERNAL_NETWORK, 'to: branch', 'to: brunch'),
    EXTERNAL_NODE,
    "routes[0].to: cluster or external peer 'brunch' is not known. Did you mean 'branch'?",
  ],
  [
    'BFD between two families',
    edit(EXTERNAL_NETWORK, 'persistentKeepalive: 25', 'bfd: { local: 10.100.250.1, remote: "fd00::1" }'),
    EXTERNAL_NODE,
    'externalPeers.branch.bfd: local and remote must both be IPv4 or both IPv6.',
  ],
  [
    'BFD with itself',
    edit(EXTERNAL_NETWORK, 'persistentKeepalive: 25', 'bfd: { local: 10.100.250.1, remote: 10.100.250.1 }'),
    EXTERNAL_NODE,
    'externalPeers.branch.bfd: local and remote are the same address.',
  ],
  [
    'a keepalive out of range',
    edit(EXTERNAL_NETWORK, 'persistentKeepalive: 25', 'persistentKeepalive: 65536'),
    EXTERNAL_NODE,
    'externalPeers.branch.persistentKeepalive: must be at most 65535.',
  ],
];

for (const [title, network, node, ...said] of CASES) {
  test(`refused: ${title}`, (t) => {
    const loaded = loadTexts(network, node);
    t.false(loaded.ok);
    const problems = loaded.ok ? [] : loaded.problems.map(formatProblem);
    t.deepEqual(
      problems.map((problem) => problem.replace(/^[^:]*:\d+:\d+: /, '')),
      said,
    );
  });
}

test('an external peer without a route is warned about', (t) => {
  const { ok, warnings } = loadTexts(edit(EXTERNAL_NETWORK, EXTERNAL_ROUTE, ''), EXTERNAL_NODE);
  t.true(ok);
  t.deepEqual(
    warnings.map(({ message, hint }) => `${message} ${hint}`),
    ['no route leads to it. Add a route { cidr: PREFIX, to: branch }.'],
  );
});
