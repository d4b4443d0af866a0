import test from 'ava';
import { formatCluster } from '../../../src/app/cli/commands/cluster.js';
import { formatDrain } from '../../../src/app/cli/commands/drain.js';
import { formatExplain } from '../../../src/app/cli/commands/explain.js';
import { formatFailover } from '../../../src/app/cli/commands/failover.js';
import { formatMetrics } from '../../../src/app/cli/commands/metrics.js';
import { formatNat } from '../../../src/app/cli/commands/nat.js';
import { formatPaths } from '../../../src/app/cli/commands/paths.js';
import { formatReload } from '../../../src/app/cli/commands/reload.js';
import { formatRoutes } from '../../../src/app/cli/commands/routes.js';
import { formatStatus } from '../../../src/app/cli/commands/status.js';
import { formatUndrain } from '../../../src/app/cli/commands/undrain.js';
import { formatUplinks } from '../../../src/app/cli/commands/uplinks.js';
import { describePlan } from '../../../src/app/cli/describe-plan.js';
import { table } from '../../../src/app/cli/table.js';
import { formatBytes, formatCount, formatDuration } from '../../../src/app/cli/units.js';
import { golden } from '../../support/golden.js';
import {
  configurationOf,
  EXTERNAL_NETWORK,
  EXTERNAL_NODE,
  edit,
  SEED_NETWORK,
  SEED_NODE,
} from '../../support/seed_config.js';
import { CLUSTER, CLUSTER_BARE, CLUSTER_WAITS } from './cluster-reports.js';
import { EXPLAIN, METRICS, NAT, PATHS, RELOAD, ROLE, ROUTES, STATUS, UPLINKS } from './reports.js';

test('status', (t) => {
  golden(t, 'cli/status.txt', `${formatStatus(STATUS)}\n`);
});

test('status of a node that has just started', (t) => {
  const { epoch, ...rest } = STATUS;
  t.truthy(epoch);
  const bare = {
    ...rest,
    role: 'standby' as const,
    uptimeMs: 12,
    workers: [],
    scheduling: { realtime: false },
    devices: [],
    offloads: [],
    pauses: [],
    peers: [],
    drops: {},
    handshakeDrops: {},
  };
  golden(t, 'cli/status-empty.txt', `${formatStatus(bare)}\n`);
});

test('metrics', (t) => {
  golden(t, 'cli/metrics.txt', `${formatMetrics(METRICS)}\n`);
});

test('status of a drained member', (t) => {
  t.regex(formatStatus({ ...STATUS, role: 'standby', drained: true }), /EdgeCluster1, standby \(drained\),/);
});

test('paths', (t) => {
  const none = formatPaths({ node: 'edge1-a', peers: [] });
  golden(t, 'cli/paths.txt', `${formatPaths(PATHS)}\n\n${none}\n`);
});

test('uplinks', (t) => {
  golden(t, 'cli/uplinks.txt', `${formatUplinks(UPLINKS)}\n`);
});

test('commands about the role', (t) => {
  const stays = { ...ROLE, moved: false, held: false, tookMs: 0 };
  const { active, ...nobody } = { ...stays, drained: true };
  t.is(active, 'edge1-b');
  const texts = [
    formatFailover(ROLE),
    formatFailover(stays),
    formatDrain({ ...ROLE, drained: true, held: false }),
    formatDrain({ ...stays, drained: true }),
    formatDrain({ ...stays, drained: true, active: 'edge1-a', stillServes: true }),
    formatDrain(nobody),
    formatUndrain(stays),
    formatUndrain(nobody),
  ];
  golden(t, 'cli/role.txt', `${texts.join('\n')}\n`);
});

test('cluster', (t) => {
  const texts = [
    formatCluster(CLUSTER),
    formatCluster(CLUSTER_BARE),
    formatCluster(CLUSTER_WAITS, 1),
    formatCluster({ ...CLUSTER_WAITS, redis: { state: 'silent' } }, 0),
  ];
  golden(t, 'cli/cluster.txt', texts.map((text) => `${text}\n`).join('\n'));
});

test('routes', (t) => {
  const asked = { address: '10.9.9.9', routes: [] };
  golden(
    t,
    'cli/routes.txt',
    [ROUTES, { routes: [] }, asked].map((report) => `${formatRoutes(report)}\n`).join('\n'),
  );
});

test('nat', (t) => {
  const none = { unmatched: 'identity' as const, nats: [] };
  golden(t, 'cli/nat.txt', [NAT, none].map((report) => `${formatNat(report)}\n`).join('\n'));
});

test('explain', (t) => {
  const delivered = {
    request: { src: '::1', dst: '::2', protocol: 'icmp' as const },
    steps: [],
    verdict: 'delivered' as const,
  };
  golden(t, 'cli/explain.txt', [EXPLAIN, delivered].map((report) => `${formatExplain(report)}\n`).join('\n'));
});

test('reload', (t) => {
  const nothing = { applied: true, changes: [], restartNeeded: [], problems: [] };
  const refused = { ...nothing, applied: false, problems: ['network.yaml:3:1: nodes: is missing.'] };
  golden(
    t,
    'cli/reload.txt',
    [RELOAD, nothing, refused].map((report) => `${formatReload(report)}\n`).join('\n'),
  );
});

test('what validate says would happen, on an edge and on a hub', (t) => {
  let network = edit(
    SEED_NETWORK,
    'routes:\n',
    'routes:\n  - { cidr: 0.0.0.0/0, via: wan, description: Internet }\n',
  );
  network = edit(network, 'site: 192.168.10.0/24', 'site: 192.168.10.0/24\n    nat: { unmatched: identity }');
  golden(t, 'cli/plan-edge.txt', `${describePlan(configurationOf(network))}\n`);
  const hub = edit(
    edit(SEED_NODE, 'edge1-a', 'aws-b'),
    'name: isp1, device: eth0',
    'name: isp1, isp: Carrier',
  );
  golden(t, 'cli/plan-hub.txt', `${describePlan(configurationOf(network, `${hub}uapi: false\n`))}\n`);
  const serving = describePlan(configurationOf(EXTERNAL_NETWORK, EXTERNAL_NODE)).split('\n');
  t.deepEqual(
    serving.filter((line) => line.includes('branch')),
    [
      '  branch   external      while active, dial 198.51.100.7:51820',
      '  10.100.77.0/24   to branch at EdgeCluster1  metric 100',
    ],
  );
});

test('quantities', (t) => {
  t.deepEqual([0, 1023, 1024, 1536, 102_400, 1024 ** 3, 5e15].map(formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '100 KiB',
    '1.0 GiB',
    '4.4 PiB',
  ]);
  t.deepEqual([0, 999, 1000, 59_999, 60_000, 3_599_000, 3_600_000, 86_400_000, 9e8].map(formatDuration), [
    '0 ms',
    '999 ms',
    '1 s',
    '59 s',
    '1 min 00 s',
    '59 min 59 s',
    '1 h 00 min',
    '1 d 00 h',
    '10 d 10 h',
  ]);
  t.deepEqual([0, 999, 1000, 1234567].map(formatCount), ['0', '999', '1,000', '1,234,567']);
});

test('tables align, right where asked, and end without blanks', (t) => {
  t.is(
    table(
      ['A', '>N', 'B'],
      [
        ['x', '1', ''],
        ['yyy', '22', 'z'],
      ],
      ' ',
    ),
    ' A     N  B\n x     1\n yyy  22  z',
  );
});
