import test from 'ava';
import { formatPrefix } from '../../../src/core/config/address.js';
import { controlSocketPath, endpointsOf, peersOf } from '../../../src/core/config/configuration.js';
import {
  configurationOf,
  edit,
  loadTexts,
  SEED_NETWORK,
  SEED_NODE,
  testKey,
} from '../../support/seed_config.js';

/** The two files as the design prints them, with keys for all four members. */
const PRINTED_NETWORK = `# network.yaml
network: { name: acme, cidr: 10.100.0.0/16 }
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
nodes:
  aws-a:   { publicKey: "${testKey(1)}", endpoints: ["aws-a.example.net:51820"] }
  edge1-a: { publicKey: "${testKey(2)}" }          # no endpoint: dials out
  aws-b:   { publicKey: "${testKey(3)}" }
  edge1-b: { publicKey: "${testKey(4)}" }
routes:
  - { cidr: 10.100.100.0/24, to: AWSCluster }
  - { cidr: 10.100.10.0/24,  to: EdgeCluster1 }
insideNat:
  - { local: 192.168.10.15/32, network: 10.100.100.15/32, at: AWSCluster,   description: Application server }
  - { local: 172.16.10.15/32,  network: 10.100.10.15/32,  at: EdgeCluster1, description: MySQL server }
`;

test('the files of the design page are accepted', (t) => {
  const loaded = loadTexts(PRINTED_NETWORK, SEED_NODE);
  t.true(loaded.ok);
  t.deepEqual(
    loaded.warnings.map((warning) => warning.message),
    ["'edge1-a' and 'edge1-b' have no address at which to find each other."],
  );
});

test('the seed is accepted without a warning, and names become indices', (t) => {
  const loaded = loadTexts(SEED_NETWORK, SEED_NODE);
  t.true(loaded.ok);
  t.deepEqual(loaded.warnings, []);
  const configuration = configurationOf();
  t.is(configuration.self, 2);
  t.is(configuration.cluster, 1);
  t.is(configuration.memberIndex, 0);
  t.deepEqual(
    configuration.clusters.map(({ name, members, gateway }) => [name, members, gateway]),
    [
      ['AWSCluster', [0, 1], true],
      ['EdgeCluster1', [2, 3], false],
      ['EdgeCluster2', [4, 5], false],
      ['EdgeCluster3', [6, 7], false],
    ],
  );
  t.deepEqual(
    configuration.nodes.map(({ cluster, memberIndex }) => [cluster, memberIndex]),
    [0, 1, 2, 3].flatMap((cluster) => [
      [cluster, 0],
      [cluster, 1],
    ]),
  );
  t.deepEqual(
    configuration.routes.map(({ prefix, target, metric, line }) => [
      formatPrefix(prefix),
      target,
      metric,
      line,
    ]),
    [
      ['10.100.100.0/24', 0, 100, 30],
      ['10.100.10.0/24', 1, 100, 31],
      ['10.100.20.0/24', 2, 100, 32],
      ['10.100.30.0/24', 3, 100, 33],
    ],
  );
  t.deepEqual(
    configuration.nats.map(({ cluster, line }) => [cluster, line]),
    [
      [0, 35],
      [1, 36],
      [2, 37],
      [2, 38],
      [3, 39],
    ],
  );
});

test('what node.yaml leaves out has its default', (t) => {
  const { local, network } = configurationOf(
    SEED_NETWORK,
    'node: edge1-b\nnetwork: network.yaml\nprivateKeyFile: k\nlan: { device: eth1 }\n',
  );
  t.is(network.mtu, 1408);
  t.deepEqual(local.lan, { device: 'eth1', tun: 'ts-lan', address: undefined });
  t.deepEqual(local.wan, { tun: 'ts-wan' });
  t.is(local.networkFile, '/etc/twinspan/network.yaml');
  t.is(local.privateKeyFile, '/etc/twinspan/k');
  t.is(local.listenPort, 51820);
  t.is(local.uapiName, 'ts-lan');
  t.is(local.workers, 1);
  t.is(local.logLevel, 'info');
  t.is(local.offload.udpGro, 'auto');
  t.is(local.redisUrl, undefined);
  t.is(local.uplinks.length, 1);
  t.like(local.uplinks[0], { name: 'default', device: undefined, cost: 10, weight: 1 });
  t.is(controlSocketPath(local.runDir, 'edge1-b'), '/run/twinspan/edge1-b.sock');
});

const UPLINK_B = `uplinks: [ { name: b, device: eth7, address: 192.0.2.1, gateway: "2001:db8::1", weight: 3, isp: Net,
  probes: [ { ping: 192.0.2.7 }, { tcp: "[2001:db8::7]:443" }, { dns: 192.0.2.8, name: example.com }, { dns: 192.0.2.8 } ],
  probeMs: 1000 }, {`;

test('every key of node.yaml arrives', (t) => {
  const { local } = configurationOf(
    SEED_NETWORK,
    `${edit(SEED_NODE, 'uplinks: [ {', UPLINK_B)}
listenPort: 4500
presharedKeys: { edge1-b: psk/b, aws-a: /k }
stateDir: /s
runDir: r
uapi: { name: wg9 }
workers: 2
offload: { tunTso: off, udpGso: on }
log: { level: debug }
`,
  );
  t.deepEqual(local.uplinks[0].gateway?.length, 16);
  t.like(local.uplinks[0], { name: 'b', device: 'eth7', weight: 3, isp: 'Net', probeMs: 1000 });
  t.deepEqual(
    local.uplinks[0].probes.map(({ name, kind, port, query }) => [name, kind, port, query]),
    [
      ['ping 192.0.2.7', 'ping', 0, ''],
      ['tcp [2001:db8::7]:443', 'tcp', 443, ''],
      ['dns 192.0.2.8 example.com', 'dns', 53, 'example.com'],
      ['dns 192.0.2.8', 'dns', 53, ''],
    ],
  );
  t.deepEqual(
    [...local.presharedKeyFiles],
    [
      [3, '/etc/twinspan/psk/b'],
      [0, '/k'],
    ],
  );
  t.like(local, { listenPort: 4500, stateDir: '/s', runDir: '/etc/twinspan/r', uapiName: 'wg9', workers: 2 });
  t.like(local.offload, { tunTso: 'off', udpGso: 'on', tunGro: 'auto' });
  t.is(configurationOf(SEED_NETWORK, `${SEED_NODE}uapi: false\n`).local.uapiName, undefined);
});

test('partners are dialled over the LAN, others at their endpoints, the hidden not at all', (t) => {
  const configuration = configurationOf(SEED_NETWORK, `${SEED_NODE}listenPort: 4500\n`);
  const dialled = peersOf(configuration).map((peer) => [
    peer.name,
    endpointsOf(configuration, peer).map(({ host, port }) => `${host}:${port}`),
  ]);
  t.deepEqual(dialled.slice(0, 4), [
    ['aws-a', ['aws-a.example.net:51820']],
    ['aws-b', ['aws-b.example.net:51820']],
    ['edge1-b', ['172.16.10.201:4500']],
    ['edge2-a', []],
  ]);
});

test('lists where one is usual: several CIDRs and sites, in both families', (t) => {
  let text = edit(SEED_NETWORK, 'cidr: 10.100.0.0/16 }', 'cidr: [10.100.0.0/16, "2001:db8:100::/48"] }');
  text = edit(text, 'site: 172.16.10.0/24', 'site: [172.16.10.0/24, "2001:db8:1::/64"]');
  const { network, clusters } = configurationOf(text);
  t.deepEqual(network.cidrs.map(formatPrefix), ['10.100.0.0/16', '2001:db8:100::/48']);
  t.deepEqual(clusters[1].sites.map(formatPrefix), ['172.16.10.0/24', '2001:db8:1::/64']);
});

test('routes: nested prefixes, two metrics, breakout and blackhole live together', (t) => {
  const more = `routes:
  - { cidr: 10.100.0.0/16, to: AWSCluster }
  - { cidr: 10.100.10.0/24, to: AWSCluster, metric: 200 }
  - { cidr: 0.0.0.0/0, via: wan }
  - { cidr: 10.100.66.0/24, blackhole: true, description: quarantine }
`;
  const { routes } = configurationOf(edit(SEED_NETWORK, 'routes:\n', more));
  t.deepEqual(
    routes.slice(0, 4).map((route) => route.target),
    [0, 0, 'wan', 'blackhole'],
  );
});

test('a spare site may translate the same network prefix', (t) => {
  let text = edit(
    SEED_NETWORK,
    'routes:\n',
    'routes:\n  - { cidr: 10.100.10.0/24, to: EdgeCluster3, metric: 150 }\n',
  );
  text += '  - { local: 172.16.30.16/32, network: 10.100.10.15/32, at: EdgeCluster3 }\n';
  t.is(configurationOf(text).nats.length, 6);
});

test('an identity site may lie inside the overlay', (t) => {
  const text = edit(
    SEED_NETWORK,
    'site: 172.16.30.0/24',
    'site: 10.100.30.0/24\n    nat: { unmatched: identity }',
  );
  const loaded = loadTexts(
    edit(
      text,
      '  - { local: 172.16.30.15/32,  network: 10.100.30.15/32,  at: EdgeCluster3, description: MySQL server }\n',
      '',
    ),
    SEED_NODE,
  );
  t.true(loaded.ok);
});
