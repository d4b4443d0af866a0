import test from 'ava';
import { formatProblem } from '../../../src/core/config/problem.js';
import { edit, loadTexts, SEED_NETWORK, SEED_NODE, testKey } from '../../support/seed_config.js';

/** Every refusal: what was done to the seed's network.yaml, and all that is said about it. */
const NETWORK_CASES: [title: string, from: string, to: string, ...said: string[]][] = [
  [
    'two routes of one prefix at one metric',
    '10.100.20.0/24,  to',
    '10.100.10.0/24,  to',
    "32:13: routes[2].cidr: 10.100.10.0/24 already has a route at metric 100, to cluster 'EdgeCluster1' (line 31). Give one of them another metric.",
  ],
  [
    'a route to an unknown cluster',
    'cidr: 10.100.100.0/24, to: AWSCluster',
    'cidr: 10.100.100.0/24, to: AwsClustr',
    "30:34: routes[0].to: cluster 'AwsClustr' is not known. Did you mean 'AWSCluster'?",
  ],
  [
    'a route without a target',
    'routes:\n',
    'routes:\n  - { cidr: 10.1.0.0/16 }\n',
    '30:5: routes[0]: leads nowhere. Write to: CLUSTER, via: wan, or blackhole: true.',
  ],
  [
    'a route with two targets',
    'routes:\n',
    'routes:\n  - { cidr: 10.1.0.0/16, via: wan, blackhole: true }\n',
    '30:5: routes[0]: has more than one target. Write to: CLUSTER, via: wan, or blackhole: true.',
  ],
  [
    'a route via something else than the WAN',
    'routes:\n',
    'routes:\n  - { cidr: 10.1.0.0/16, via: lan }\n',
    "30:31: routes[0].via: must be wan, not 'lan'.",
  ],
  [
    'a metric out of range',
    '10.100.20.0/24,  to',
    '10.100.20.0/24, metric: 201,  to',
    '32:37: routes[2].metric: must be at most 200.',
  ],
  [
    'a prefix with host bits',
    '10.100.20.0/24,  to',
    '10.100.20.1/24,  to',
    '32:13: routes[2].cidr: must be a prefix such as 10.100.0.0/16. Its host bits are not zero; did you mean 10.100.20.0/24?',
  ],
  [
    'an address where a prefix is wanted',
    'network: 10.100.20.20/32',
    'network: 10.100.20.20',
    '38:41: insideNat[3].network: must be a prefix such as 10.100.0.0/16. Write 10.100.20.20/32.',
  ],
  [
    'an inside NAT of unequal prefix length',
    'network: 10.100.20.20/32',
    'network: 10.100.20.20/31',
    '38:41: insideNat[3].network: 172.16.20.20/32 and 10.100.20.20/31 differ in prefix length. A 1:1 NAT keeps the host bits.',
  ],
  [
    'an inside NAT across address families',
    'network: 10.100.20.20/32',
    'network: "2001:db8::/32"',
    '38:41: insideNat[3].network: 172.16.20.20/32 and 2001:db8::/32 are of different address families.',
  ],
  [
    'inside NATs whose local sides overlap',
    'local: 172.16.20.20/32',
    'local: 172.16.20.15/32',
    '38:14: insideNat[3].local: 172.16.20.15/32 overlaps 172.16.20.15/32 of the inside NAT at line 37.',
  ],
  [
    'inside NATs whose network sides overlap',
    'local: 172.16.20.20/32,  network: 10.100.20.20/32',
    'local: 172.16.20.16/28,  network: 10.100.20.0/28',
    '38:41: insideNat[3].network: 10.100.20.0/28 overlaps 10.100.20.15/32 of the inside NAT at line 37.',
  ],
  [
    'an inside NAT that is routed to another cluster',
    'network: 10.100.20.20/32',
    'network: 10.100.30.20/32',
    "38:41: insideNat[3].network: 10.100.30.20/32 is routed to cluster 'EdgeCluster3', not to cluster 'EdgeCluster2' (10.100.30.0/24 at line 33). Add a route { cidr: 10.100.30.20/32, to: EdgeCluster2 }.",
  ],
  [
    'an inside NAT that no route covers',
    'network: 10.100.20.20/32',
    'network: 10.100.21.20/32',
    "38:41: insideNat[3].network: 10.100.21.20/32 is not routed to cluster 'EdgeCluster2': no route covers it. Add a route { cidr: 10.100.21.20/32, to: EdgeCluster2 }, or a shorter one.",
  ],
  [
    'an inside NAT of which a part is routed elsewhere',
    'routes:\n',
    'routes:\n  - { cidr: 10.100.20.20/32, to: AWSCluster }\n',
    "39:41: insideNat[3].network: 10.100.20.20/32 is routed to cluster 'AWSCluster', not to cluster 'EdgeCluster2' (10.100.20.20/32 at line 30). Add a route { cidr: 10.100.20.20/32, to: EdgeCluster2 }.",
  ],
  [
    'an inside NAT at an unknown cluster',
    'at: AWSCluster, ',
    'at: Mars, ',
    "35:63: insideNat[0].at: cluster 'Mars' is not known. Known here: AWSCluster, EdgeCluster1, EdgeCluster2, EdgeCluster3.",
  ],
  [
    'a cluster without members',
    'members: [edge3-a, edge3-b]',
    'members: []',
    '17:5: clusters.EdgeCluster3.members: must name at least one node.',
  ],
  [
    'a node in two clusters',
    'members: [edge3-a, edge3-b]',
    'members: [edge3-a, edge3-b, edge1-b]',
    "17:33: clusters.EdgeCluster3.members[2]: node 'edge1-b' is already a member of cluster 'EdgeCluster1'.",
  ],
  [
    'a node twice in one cluster',
    'members: [edge3-a, edge3-b]',
    'members: [edge3-a, edge3-b, edge3-a]',
    "17:33: clusters.EdgeCluster3.members[2]: node 'edge3-a' is named twice.",
  ],
  [
    'an unknown member, which leaves a node in no cluster',
    'members: [edge3-a, edge3-b]',
    'members: [edge3-a, edge3-c]',
    "17:24: clusters.EdgeCluster3.members[1]: node 'edge3-c' is not known. Did you mean 'edge3-a'?",
    "28:3: nodes.edge3-b: node 'edge3-b' is in no cluster.",
  ],
  [
    'a key that does not parse',
    testKey(6),
    'c2hvcnQ=',
    "26:25: nodes.edge2-b.publicKey: must be a public key: 32 bytes in base64, 44 characters. Print it with 'twinspan pubkey' on the node that it belongs to.",
  ],
  [
    'one key of two nodes',
    testKey(6),
    testKey(5),
    "26:25: nodes.edge2-b.publicKey: node 'edge2-a' has the same public key. Each node needs a key of its own.",
  ],
  [
    'an unknown key that is nearly a known one',
    'failback: automatic',
    'failbak: automatic',
    "5:5: clusters.AWSCluster.failbak: is not a known key. Did you mean 'failback'?",
  ],
  [
    'an unknown key that is like no other',
    'lanAddress: 172.16.30.201',
    'colour: red',
    '28:73: nodes.edge3-b.colour: is not a known key. Keys here: publicKey, endpoints, lanAddress.',
  ],
  [
    'the same key twice',
    '    failback: automatic\n',
    '    failback: automatic\n    failback: manual\n',
    '6:5: the same key stands here twice.',
  ],
  [
    'a site inside the overlay',
    'site: 172.16.30.0/24',
    'site: 10.100.30.0/24',
    "18:11: clusters.EdgeCluster3.site: 10.100.30.0/24 overlaps the network's CIDR 10.100.0.0/16. Only a cluster with nat: { unmatched: identity } may use overlay addresses.",
  ],
  [
    'a site around the overlay',
    'site: 172.16.30.0/24',
    'site: 10.0.0.0/8\n    nat: { unmatched: identity }',
    "18:11: clusters.EdgeCluster3.site: 10.0.0.0/8 overlaps the network's CIDR 10.100.0.0/16.",
  ],
  [
    'an MTU that IPv6 forbids',
    'cidr: 10.100.0.0/16 }',
    'cidr: 10.100.0.0/16, mtu: 1279 }',
    '1:50: network.mtu: must be at least 1280.',
  ],
  [
    'an MTU that is no number',
    'cidr: 10.100.0.0/16 }',
    'cidr: 10.100.0.0/16, mtu: big }',
    "1:50: network.mtu: must be a number, not 'big'.",
  ],
  [
    'an endpoint without a port',
    'aws-a.example.net:51820',
    'aws-a.example.net',
    '21:85: nodes.aws-a.endpoints[0]: must be host:port, address:port or [IPv6 address]:port. The port is missing.',
  ],
  [
    'a name that would not make a file name',
    '  EdgeCluster3:\n',
    '  Edge/3:\n',
    '16:3: clusters.Edge/3: must be a name: letters, digits, dots, dashes and underscores, beginning with a letter or digit.',
  ],
  [
    'a missing table',
    'nodes:\n  aws-a:',
    'hosts:\n  aws-a:',
    '1:1: nodes: is missing.',
    '20:1: hosts: is not a known key. Keys here: network, clusters, nodes, externalPeers, routes, insideNat.',
  ],
  [
    'a value of the wrong shape',
    'members: [edge3-a, edge3-b]',
    'members: edge3-a',
    "17:14: clusters.EdgeCluster3.members: must be a list, not 'edge3-a'.",
  ],
  [
    'neither one prefix nor a list',
    'site: 172.16.30.0/24',
    'site: 5',
    '18:11: clusters.EdgeCluster3.site: must be text or a list, not 5.',
  ],
  [
    'one bad prefix in a list',
    'site: 172.16.30.0/24',
    'site: [172.16.30.0/24, 172.16.31.0/24/1]',
    '18:28: clusters.EdgeCluster3.site[1]: must be a prefix such as 10.100.0.0/16.',
  ],
  [
    'too long a description',
    'description: SFTP server',
    `description: ${'x'.repeat(201)}`,
    '38:90: insideNat[3].description: must have at most 200 characters.',
  ],
];

for (const [title, from, to, ...said] of NETWORK_CASES) {
  test(`refused: ${title}`, (t) => {
    const loaded = loadTexts(edit(SEED_NETWORK, from, to), SEED_NODE);
    t.false(loaded.ok);
    const lines = loaded.ok ? [] : loaded.problems.map(formatProblem);
    t.deepEqual(
      lines,
      said.map((line) => `/etc/twinspan/network.yaml:${line}`),
    );
  });
}

const WARNINGS: [title: string, from: string, to: string, ...said: string[]][] = [
  [
    'a route outside the network',
    'routes:\n',
    'routes:\n  - { cidr: 10.101.0.0/16, to: AWSCluster }\n',
    "30:13: routes[0].cidr: 10.101.0.0/16 is outside the network's CIDR 10.100.0.0/16.",
  ],
  [
    'an inside NAT outside its site',
    'local: 172.16.20.20/32',
    'local: 172.16.21.20/32',
    "38:14: insideNat[3].local: 172.16.21.20/32 is outside the site of cluster 'EdgeCluster2' (172.16.20.0/24).",
  ],
  [
    'an MTU that costs a partial block',
    'cidr: 10.100.0.0/16 }',
    'cidr: 10.100.0.0/16, mtu: 1420 }',
    '1:50: network.mtu: 1420 is not a multiple of 64: each full packet costs a partial AEAD block. Consider 1408.',
  ],
  [
    'a cluster address outside the site',
    'vip: 172.16.30.215/24',
    'vip: 172.16.31.215/24',
    '19:22: clusters.EdgeCluster3.takeover.vip: is outside the site of the cluster.',
  ],
  [
    'an identity site that nobody routes',
    'site: 172.16.30.0/24',
    'site: 172.16.30.0/24\n    nat: { unmatched: identity }',
    "18:11: clusters.EdgeCluster3.site: 172.16.30.0/24 keeps its addresses (nat: identity), but no route leads it to cluster 'EdgeCluster3'. Others will not accept or answer packets from it.",
  ],
  [
    "another cluster's route to one's own site",
    'routes:\n',
    'routes:\n  - { cidr: 172.16.30.0/25, to: AWSCluster }\n',
    "18:11: clusters.EdgeCluster3.site: 172.16.30.0/24 is the cluster's own site, yet 172.16.30.0/25 is routed elsewhere (line 30).",
    "30:13: routes[0].cidr: 172.16.30.0/25 is outside the network's CIDR 10.100.0.0/16.",
  ],
];

for (const [title, from, to, ...said] of WARNINGS) {
  test(`warned about: ${title}`, (t) => {
    const loaded = loadTexts(edit(SEED_NETWORK, from, to), SEED_NODE);
    t.true(loaded.ok);
    t.deepEqual(
      loaded.warnings.map(formatProblem),
      said.map((line) => `/etc/twinspan/network.yaml:${line}`),
    );
  });
}

test('warned about: nobody can be dialled', (t) => {
  const hidden = SEED_NETWORK.replaceAll(/, endpoints: \["[^"]*"\]/g, '');
  const loaded = loadTexts(hidden, SEED_NODE);
  t.deepEqual(loaded.warnings.map(formatProblem), [
    "/etc/twinspan/network.yaml:2:1: clusters: clusters 'AWSCluster' and 'EdgeCluster1' have no endpoints, and no cluster is a gateway between them. Give at least one node endpoints.",
    "/etc/twinspan/network.yaml:21:3: nodes.aws-a: 'aws-a' and 'aws-b' have no address at which to find each other. Give lanAddress.",
  ]);
});

test('problems of both files are told at once, each file in reading order', (t) => {
  const network = edit(SEED_NETWORK, '10.100.20.0/24,  to', '10.100.20.0/99,  to');
  const loaded = loadTexts(network, edit(SEED_NODE, 'cost: 10', 'cost: ten'));
  const places = loaded.ok ? [] : loaded.problems.map(({ file, line }) => `${file}:${line}`);
  t.deepEqual(places, ['/etc/twinspan/node.yaml:6', '/etc/twinspan/network.yaml:32']);
});

test('a document that is no mapping is refused', (t) => {
  for (const text of ['', '[]', 'hello', '42', '~', 'null']) {
    const loaded = loadTexts(text, text);
    t.false(loaded.ok, text);
    if (!loaded.ok)
      t.regex(
        formatProblem(loaded.problems[0]),
        /^\/etc\/twinspan\/node\.yaml:1:1: (must be a mapping|is missing)/,
      );
  }
});
