/** Fixed reports of a daemon, for golden text and for fake daemons. */

import type { PathsReport, UplinksReport } from '../../../src/app/observe/path-reports.js';
import type {
  ExplainReport,
  MetricsReport,
  NatReport,
  ReloadReport,
  RoleReport,
  RoutesReport,
  StatusReport,
} from '../../../src/app/observe/report.js';
import { testKey } from '../../support/seed_config.js';

const MINUTE = 60_000;

export const METRICS: MetricsReport = {
  node: 'edge1-a',
  uptimeMs: 61_500,
  pauses: [
    {
      thread: 'worker 0',
      count: 1003,
      sumMs: 1234.5,
      maxMs: 7.25,
      buckets: [
        [0.063, 1000],
        [2.047, 2],
        [7.423, 1],
      ],
    },
  ],
  drops: { 'no-route': 12 },
  offloads: [
    { name: 'tunTso', on: true, demotions: 0 },
    { name: 'udpGso', on: false, demotions: 1 },
  ],
  peers: [{ name: 'aws-a', rxBytes: 5000, txBytes: 1536, rxPackets: 40, txPackets: 12 }],
};

export const STATUS: StatusReport = {
  version: '0.1.0',
  network: 'acme',
  node: 'edge1-a',
  cluster: 'EdgeCluster1',
  role: 'active',
  epoch: { n: 7, memberIndex: 0 },
  drained: false,
  uptimeMs: 26 * 60 * MINUTE,
  publicKey: testKey(3),
  listenPort: 51820,
  configFile: '/etc/twinspan/node.yaml',
  scheduling: { realtime: false },
  workers: [
    { index: 0, state: 'running', sealed: 1_000, opened: 2_000, strays: 0 },
    {
      index: 1,
      state: 'failed',
      reason: 'assertion: the row is in the arena',
      sealed: 10,
      opened: 0,
      strays: 3,
    },
  ],
  devices: [
    {
      role: 'lan',
      name: 'ts-lan',
      state: 'up',
      mtu: 1408,
      rxPackets: 1234567,
      txPackets: 99,
      rxBytes: 9e9,
      txBytes: 1e4,
    },
    { role: 'wan', name: 'ts-wan', state: 'down' },
    { role: 'uplink', name: 'eth0', state: 'up', rxBytes: 1023 },
  ],
  pauses: [
    { thread: 'worker 0', turns: 9e6, p50Ms: 0.02, p99Ms: 0.9, p999Ms: 2, maxMs: 4.4, limitMs: 5, over: 0 },
    { thread: 'control', turns: 1234, p50Ms: 0.2, p99Ms: 4, p999Ms: 19, maxMs: 31.25, limitMs: 20, over: 1 },
  ],
  offloads: [
    { name: 'tunTso', on: true },
    { name: 'udpGro', on: false, reason: 'refused by the kernel' },
  ],
  peers: [
    {
      name: 'aws-a',
      cluster: 'AWSCluster',
      state: 'up',
      publicKey: testKey(1),
      endpoint: '198.51.100.10:51820',
      lastHandshakeAgeMs: 61_500,
      rxBytes: 5 * 1024 ** 3,
      txBytes: 1536,
      rxPackets: 4_000_000,
      txPackets: 12,
      rttMs: 12.345,
      path: 'uplink isp1',
    },
    {
      name: 'edge2-a',
      cluster: 'EdgeCluster2',
      state: 'down',
      publicKey: testKey(5),
      rxBytes: 0,
      txBytes: 0,
      rxPackets: 0,
      txPackets: 0,
    },
  ],
  drops: { 'no-route': 12, 'no-nat-source': 1_000_000 },
  handshakeDrops: { 'mac1-invalid': 3 },
  memory: { rssBytes: 97.5 * 1024 ** 2, heapUsedBytes: 18 * 1024 ** 2, externalBytes: 0 },
};

export const ROUTES: RoutesReport = {
  routes: [
    {
      cidr: '10.100.100.0/24',
      target: 'to AWSCluster',
      metric: 100,
      available: true,
      selected: true,
      peer: 'aws-a',
      line: 30,
    },
    {
      cidr: '10.100.10.0/24',
      target: 'to EdgeCluster1',
      metric: 5,
      available: false,
      selected: false,
      line: 31,
      description: 'home',
    },
    { cidr: '0.0.0.0/0', target: 'via wan', metric: 100, available: true, selected: true, line: 32 },
  ],
};

export const NAT: NatReport = {
  unmatched: 'drop',
  nats: [
    {
      local: '192.168.10.15/32',
      network: '10.100.100.15/32',
      cluster: 'AWSCluster',
      here: false,
      line: 35,
      description: 'Application server',
    },
    {
      local: '172.16.10.15/32',
      network: '10.100.10.15/32',
      cluster: 'EdgeCluster1',
      here: true,
      hits: 31_415,
      line: 36,
    },
  ],
};

export const EXPLAIN: ExplainReport = {
  request: { src: '172.16.10.99', dst: '10.100.100.15', protocol: 'tcp', port: 80 },
  steps: [
    { stage: 'route', text: '10.100.100.0/24 to AWSCluster, metric 100', evidence: 'network.yaml:30' },
    { stage: 'inside NAT', text: 'no inside NAT covers 172.16.10.99' },
  ],
  verdict: 'dropped',
  reason: 'no-nat-source',
  icmp: 'destination unreachable, code 6',
};

export const RELOAD: ReloadReport = {
  applied: true,
  changes: ['peer aws-b changed: endpoints', 'routes changed'],
  restartNeeded: ['listenPort', 'workers'],
  problems: [],
};

export const ROLE: RoleReport = {
  node: 'edge1-a',
  cluster: 'EdgeCluster1',
  active: 'edge1-b',
  epoch: '8.1',
  moved: true,
  tookMs: 12,
  drained: false,
  stillServes: false,
  held: true,
};

export const UPLINKS: UplinksReport = {
  node: 'edge1-a',
  uplinks: [
    {
      name: 'isp1',
      isp: 'Example Fibre',
      device: 'eth0',
      addresses: ['198.51.100.2/24'],
      gateways: ['198.51.100.1'],
      state: 'down',
      sinceMs: 4_000,
      reasons: [
        { code: 'paths-down', text: 'aws-a, aws-b cannot be reached by it, though aws-a is by lte' },
        { code: 'probes-failed', text: 'no answer from ping 192.0.2.7' },
      ],
      cost: 10,
      paths: { total: 4, usable: 0 },
      breakout: false,
      lastChange: {
        agoMs: 4_000,
        from: 'up',
        to: 'down',
        why: 'aws-a, aws-b cannot be reached by it, though aws-a is by lte',
      },
    },
    {
      name: 'lte',
      device: 'wwan0',
      addresses: ['100.64.3.9/32'],
      gateways: ['on-link'],
      state: 'up',
      sinceMs: 86_400_000,
      reasons: [],
      cost: 100,
      paths: { total: 4, usable: 4 },
      breakout: true,
    },
    {
      name: 'spare',
      addresses: [],
      gateways: [],
      state: 'up',
      sinceMs: 5,
      reasons: [],
      cost: 200,
      paths: { total: 0, usable: 0 },
      breakout: false,
    },
  ],
};

const QUIET = { s1: null, s10: null, s60: null };

export const PATHS: PathsReport = {
  node: 'edge1-a',
  peers: [
    {
      name: 'aws-a',
      bfd: true,
      why: 'isp1 → 203.0.113.10:51820: detection time expired',
      paths: [
        {
          uplink: 'isp1',
          remote: '203.0.113.10:51820',
          learned: false,
          inUse: false,
          state: 'down',
          sinceMs: 4_000,
          why: 'detection time expired',
          cost: 10,
          probeMs: 75,
          rttMs: 12.34,
          jitterMs: 0.5,
          lossPercent: { s1: null, s10: 22.5, s60: 3.1 },
        },
        {
          uplink: 'lte',
          remote: '203.0.113.10:51820',
          learned: false,
          peerUplink: 'igw',
          seenAs: '192.0.2.77:40113',
          inUse: true,
          state: 'degraded',
          sinceMs: 86_400_000,
          why: 'loss 7 %',
          cost: 100,
          probeMs: 75,
          rttMs: 48.1,
          jitterMs: 9.25,
          mtu: 1_232,
          mtuSearching: false,
          lossPercent: { s1: 0, s10: 7.1, s60: 6.9 },
        },
      ],
    },
    {
      name: 'edge2-a',
      bfd: true,
      why: 'the first path that works',
      paths: [
        {
          uplink: 'isp1',
          remote: '[2001:db8::7]:40211',
          learned: true,
          peerUplink: 'cable',
          seenAs: '[2001:db8::1]:51820',
          inUse: true,
          state: 'up',
          sinceMs: 61_000,
          why: '',
          cost: 10,
          mtu: 1_408,
          mtuSearching: true,
          lossPercent: QUIET,
        },
      ],
    },
    {
      name: 'aws-b',
      bfd: false,
      unresolved: ['aws-b.example.net:51820'],
      paths: [
        {
          uplink: 'isp1',
          remote: '203.0.113.11:51820',
          learned: false,
          inUse: false,
          state: 'down',
          sinceMs: 9_000,
          why: 'not heard yet',
          cost: 10,
          probeMs: 1_000,
          lossPercent: QUIET,
        },
      ],
    },
  ],
};
