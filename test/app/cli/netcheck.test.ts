/** `netcheck` as a person reads it. */
import test from 'ava';
import { formatNetcheck } from '../../../src/app/cli/commands/netcheck.js';
import type { NetcheckReport, NetcheckUplink } from '../../../src/app/observe/path-reports.js';
import { golden } from '../../support/golden.js';
import { cli, fakeDaemon } from './fake-daemon.js';

const FIBRE: NetcheckUplink = {
  name: 'isp1',
  isp: 'Example Fibre',
  device: 'eth0',
  addresses: ['198.51.100.2/24'],
  gateways: ['198.51.100.1'],
  state: 'up',
  sinceMs: 86_400_000,
  reasons: [],
  verdict: { grade: 'well', text: '3 of 3 paths up' },
  paths: { total: 3, usable: 3 },
  lossPercent: { best: 0, worst: 0 },
  rttMs: { best: 9.21, worst: 48.3 },
  jitterMs: { best: 0.12, worst: 1.5 },
  mtu: { best: 1408, worst: 1408 },
  seen: ['aws-a', 'aws-b'].map((peer, index) => ({
    as: '198.51.100.2:51820',
    peer,
    remote: `203.0.113.1${index}:51820`,
    agoMs: 12_000,
  })),
  nat: 'no',
  mapping: 'same',
};
const CABLE: NetcheckUplink = {
  name: 'isp2',
  isp: 'Example Cable',
  device: 'eth1',
  addresses: ['192.168.1.20/24'],
  gateways: ['192.168.1.1'],
  state: 'degraded',
  sinceMs: 75_000,
  reasons: [{ code: 'paths-degraded', text: 'packets to aws-a, aws-b, edge2-a are lost or late' }],
  verdict: { grade: 'poor', text: '28 % loss on 3 of 3 paths, none by isp1 to the same nodes' },
  paths: { total: 3, usable: 3 },
  lossPercent: { best: 24.5, worst: 30 },
  rttMs: { best: 21, worst: 66.1 },
  jitterMs: { best: 3.4, worst: 12 },
  mtu: { best: 1408, worst: 1252 },
  seen: [
    { as: '192.0.2.77:51820', peer: 'aws-a', remote: '203.0.113.10:51820', agoMs: 1_000 },
    { as: '192.0.2.77:51820', peer: 'aws-b', remote: '203.0.113.11:51820', agoMs: 1_000 },
    { as: '192.0.2.77:40113', peer: 'edge2-a', remote: '100.64.7.7:51820', agoMs: 1_000 },
  ],
  nat: 'yes',
  mapping: 'differs',
};
const LTE: NetcheckUplink = {
  name: 'lte',
  device: 'wwan0',
  addresses: [],
  gateways: [],
  state: 'down',
  sinceMs: 9_000,
  reasons: [{ code: 'no-carrier', text: 'wwan0 has no carrier' }],
  verdict: { grade: 'bad', text: 'wwan0 has no carrier' },
  paths: { total: 2, usable: 0 },
  seen: [],
  nat: 'unknown',
  mapping: 'unknown',
};
const REPORT: NetcheckReport = { node: 'edge1-a', uplinks: [FIBRE, CABLE, LTE] };

test('verdicts, measurements, and how others see us', (t) => {
  const lone = formatNetcheck({
    ...REPORT,
    uplinks: [{ ...CABLE, seen: [CABLE.seen[0]], mapping: 'unknown' }],
  });
  golden(t, 'cli/netcheck.txt', `${formatNetcheck(REPORT)}\n\n${lone}\n`);
});

test('exit 1 unless all are well', async (t) => {
  const { socket, asked } = await fakeDaemon(t, { netcheck: REPORT });
  const text = await cli(['netcheck', '--socket', socket]);
  t.is(text.exit, 1);
  const json = await cli(['netcheck', '--json', '--socket', socket]);
  t.deepEqual(JSON.parse(json.out), REPORT);
  t.deepEqual(asked, Array(2).fill(['netcheck', {}]));
  const well = await fakeDaemon(t, { netcheck: { ...REPORT, uplinks: [FIBRE] } });
  t.is((await cli(['netcheck', '--socket', well.socket])).exit, 0);
});
