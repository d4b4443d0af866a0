import test from 'ava';
import { describeDiff, diffConfiguration } from '../../../src/core/config/diff.js';
import { configurationOf, edit, SEED_NETWORK, SEED_NODE, testKey } from '../../support/seed_config.js';

const EMPTY = {
  peersAdded: [],
  peersRemoved: [],
  peersChanged: [],
  routesChanged: false,
  natsChanged: false,
  hostChanged: false,
  externalsChanged: false,
  logLevelChanged: false,
  hooksChanged: false,
  restartNeeded: [],
};

function diffOf(network: string, node = SEED_NODE) {
  return diffConfiguration(configurationOf(), configurationOf(network, node));
}

test('what is equal has no difference, comments and descriptions included', (t) => {
  t.deepEqual(diffOf(SEED_NETWORK), EMPTY);
  t.deepEqual(diffOf(edit(SEED_NETWORK, 'SFTP server', 'Files').replace('# the first', '# the one')), EMPTY);
  t.deepEqual(describeDiff(diffOf(SEED_NETWORK)), []);
});

test('the order of nodes and clusters in the file does not matter to peers', (t) => {
  const lines = SEED_NETWORK.split('\n');
  const moved = [...lines.slice(0, 20), lines[27], ...lines.slice(20, 27), ...lines.slice(28)].join('\n');
  const diff = diffOf(moved);
  t.deepEqual([diff.peersAdded, diff.peersRemoved, diff.peersChanged], [[], [], []]);
});

test('a new endpoint changes one peer and nothing else', (t) => {
  const diff = diffOf(edit(SEED_NETWORK, 'aws-b.example.net', 'aws-b2.example.net'));
  t.deepEqual(diff, { ...EMPTY, peersChanged: [{ name: 'aws-b', aspects: ['endpoints'] }] });
  t.deepEqual(describeDiff(diff), ['peer aws-b changed: endpoints']);
});

test('a new key is another peer', (t) => {
  const diff = diffOf(edit(SEED_NETWORK, testKey(5), testKey(99)));
  t.deepEqual(diff, { ...EMPTY, peersAdded: ['edge2-a'], peersRemoved: ['edge2-a'] });
});

test('a member more', (t) => {
  let text = edit(SEED_NETWORK, 'edge3-b]', 'edge3-b, edge3-c]');
  text = edit(text, 'nodes:\n', `nodes:\n  edge3-c: { publicKey: "${testKey(42)}" }\n`);
  t.deepEqual(diffOf(text), { ...EMPTY, peersAdded: ['edge3-c'], routesChanged: true });
});

test('the preferred member changes: peers, routes', (t) => {
  const diff = diffOf(edit(SEED_NETWORK, '[edge2-a, edge2-b]', '[edge2-b, edge2-a]'));
  t.deepEqual(diff, {
    ...EMPTY,
    routesChanged: true,
    peersChanged: [
      { name: 'edge2-a', aspects: ['cluster'] },
      { name: 'edge2-b', aspects: ['cluster'] },
    ],
  });
});

test('routes, NATs and the host change apart', (t) => {
  const metric = diffOf(edit(SEED_NETWORK, '10.100.20.0/24,  to', '10.100.20.0/24, metric: 7,  to'));
  t.deepEqual(metric, { ...EMPTY, routesChanged: true });
  const more = diffOf(edit(SEED_NETWORK, 'routes:\n', 'routes:\n  - { cidr: 0.0.0.0/0, via: wan }\n'));
  t.deepEqual(more, { ...EMPTY, routesChanged: true, hostChanged: true });
  const away = '10.100.66.0/24, to: AWSCluster';
  const here = '10.100.66.0/24, to: EdgeCluster1';
  const base = edit(SEED_NETWORK, 'routes:\n', `routes:\n  - { cidr: ${away} }\n`);
  const moved = diffConfiguration(configurationOf(base), configurationOf(edit(base, away, here)));
  t.deepEqual(moved, { ...EMPTY, routesChanged: true, hostChanged: true });
  const elsewhere = diffConfiguration(
    configurationOf(base),
    configurationOf(edit(base, away, away.replace('AWSCluster', 'EdgeCluster2'))),
  );
  t.deepEqual(elsewhere, { ...EMPTY, routesChanged: true });
  const nat = diffOf(edit(SEED_NETWORK, '172.16.20.20/32', '172.16.20.21/32'));
  t.deepEqual(nat, { ...EMPTY, natsChanged: true });
  const mtu = diffOf(edit(SEED_NETWORK, 'cidr: 10.100.0.0/16 }', 'cidr: 10.100.0.0/16, mtu: 1344 }'));
  t.deepEqual(mtu, { ...EMPTY, hostChanged: true });
  const vip = diffOf(edit(SEED_NETWORK, '172.16.10.215/24', '172.16.10.216/24'));
  t.deepEqual(vip, { ...EMPTY, restartNeeded: ['takeover.vip'] });
  const otherVip = diffOf(edit(SEED_NETWORK, '172.16.20.215/24', '172.16.20.216/24'));
  t.deepEqual(otherVip, EMPTY);
});

test('what needs a restart is named', (t) => {
  const node = `${edit(SEED_NODE, 'tun: ts-wan', 'tun: w')}listenPort: 1\nworkers: 2\nlog: { level: warn }\noffload: { udpGso: off }\n`;
  t.deepEqual(diffOf(SEED_NETWORK, node), {
    ...EMPTY,
    logLevelChanged: true,
    peersChanged: [{ name: 'edge1-b', aspects: ['endpoints'] }],
    restartNeeded: ['wan.tun', 'listenPort', 'workers', 'offload'],
  });
  t.deepEqual(diffOf(edit(SEED_NETWORK, testKey(3), testKey(77))).restartNeeded, ['privateKeyFile']);
  const other = edit(SEED_NODE, ':6379', ':6380');
  const secure = edit(SEED_NODE, ':6379" }', ':6379", ca: /ca.pem }');
  for (const text of [other, secure]) {
    t.deepEqual(diffOf(SEED_NETWORK, text), { ...EMPTY, restartNeeded: ['redis'] });
  }
});

test('other hooks are taken into use', (t) => {
  const diff = diffOf(SEED_NETWORK, `${SEED_NODE}hooks: { onActive: /run }\n`);
  t.deepEqual(diff, { ...EMPTY, hooksChanged: true });
  t.deepEqual(describeDiff(diff), ['hooks changed']);
});

test('a preshared key file changes its peer', (t) => {
  const diff = diffOf(SEED_NETWORK, `${SEED_NODE}presharedKeys: { aws-a: /psk }\n`);
  t.deepEqual(diff, { ...EMPTY, peersChanged: [{ name: 'aws-a', aspects: ['presharedKey'] }] });
});
