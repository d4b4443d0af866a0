/** `twinspan init`: from an empty directory to a network, then further nodes; nothing wrong is ever written. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { readConfiguration } from '../../../src/edge/file/configuration.js';
import { tempDir } from '../../support/temp_dir.js';
import { cli } from './fake-daemon.js';

const FIRST = [
  ...['init', 'edge1-a', '--network', 'acme', '--cidr', '10.100.0.0/16', '--cluster', 'EdgeCluster1'],
  ...['--site', '172.16.10.0/24', '--route', '10.100.10.0/24', '--vip', '172.16.10.215/24'],
  ...['--nat', '172.16.10.15=10.100.10.15', '--lan', 'eth1', '--uplink', 'isp1=eth0'],
  ...['--endpoint', '198.51.100.7:51820', '--lan-address', '172.16.10.200'],
];
const PARTNER = [
  ...[
    'init',
    'edge1-b',
    '--cluster',
    'EdgeCluster1',
    '--lan',
    'eth1',
    '--uplink',
    'isp2=eth0',
    '--uplink',
    'lte=wwan0',
  ],
  ...['--lan-address', '172.16.10.201', '--redis', 'redis://172.16.10.250:6379'],
];
const CLOUD = [
  ...['init', 'aws-a', '--cluster', 'AWSCluster', '--site', '192.168.10.0/24', '--route', '10.100.100.0/24'],
  ...['--nat', '192.168.10.0/24=10.100.100.0/24', '--route-table', 'rtb-1', '--region', 'eu-central-1'],
  ...['--lan', 'ens6', '--uplink', 'ens5', '--endpoint', '203.0.113.10:51820'],
];

/** What a person does on the next machine: only network.yaml is there. */
function nextMachine(dir: string): void {
  for (const name of ['node.yaml', 'private.key']) rmSync(`${dir}/${name}`);
}

async function done(t: ExecutionContext, dir: string, words: readonly string[]): Promise<void> {
  const { exit, err } = await cli([...words, '--dir', dir]);
  t.is(exit, 0, err);
  t.is(err, '');
  t.is(statSync(`${dir}/private.key`).mode & 0o777, 0o600);
  const read = readConfiguration(`${dir}/node.yaml`);
  t.true(read.ok, JSON.stringify(read));
}

test('a network from nothing, a partner, a VPC: every step is a whole configuration', async (t) => {
  const dir = `${tempDir(t)}/twinspan`;
  await done(t, dir, FIRST);
  const first = readFileSync(`${dir}/network.yaml`, 'utf8');
  writeFileSync(`${dir}/network.yaml`, `# ours\n${first}`);
  nextMachine(dir);
  await done(t, dir, PARTNER);
  nextMachine(dir);
  await done(t, dir, CLOUD);
  const text = readFileSync(`${dir}/network.yaml`, 'utf8');
  t.regex(text, /^# ours\n/, 'comments stay');
  t.regex(text, /members: \[ edge1-a, edge1-b \]/);
  t.regex(text, /takeover: \{ aws: \{ region: eu-central-1, routeTables: \[ rtb-1 \] \} \}/);
  t.is(text.match(/cidr: 10\.100\.10\.0\/24/g)?.length, 1);
  const read = readConfiguration(`${dir}/node.yaml`);
  t.deepEqual(read.ok && read.configuration.nodes.map(({ name }) => name), ['edge1-a', 'edge1-b', 'aws-a']);
});

test('run again, it changes nothing and keeps the key', async (t) => {
  const dir = tempDir(t);
  await done(t, dir, FIRST);
  const files = ['network.yaml', 'node.yaml', 'private.key'];
  const before = files.map((name) => readFileSync(`${dir}/${name}`, 'utf8'));
  await done(t, dir, FIRST);
  t.deepEqual(
    files.map((name) => readFileSync(`${dir}/${name}`, 'utf8')),
    before,
  );
});

test('what is wrong is said, and nothing is written', async (t) => {
  const refused = async (says: RegExp, words: readonly string[], dir = `${tempDir(t)}/twinspan`) => {
    const { exit, err } = await cli([...words, '--dir', dir]);
    t.is(exit, 1, words.join(' '));
    t.regex(err, says);
    t.false(existsSync(`${dir}/private.key`));
    return dir;
  };
  await refused(/no network\.yaml here.*--network NAME --cidr PREFIX/s, PARTNER);
  await refused(/site.*must be a prefix/, [...FIRST, '--site', '172.16.10.0/33']);
  const dir = tempDir(t);
  writeFileSync(`${dir}/network.yaml`, 'network: [');
  await refused(/network\.yaml/, PARTNER, dir);
  t.is(readFileSync(`${dir}/network.yaml`, 'utf8'), 'network: [');
  writeFileSync(`${dir}/network.yaml`, 'clusters: all\n');
  await refused(/'clusters' is no mapping/, PARTNER, dir);
  const other = tempDir(t);
  await done(t, other, FIRST);
  const { exit, err } = await cli([...FIRST, '--redis', 'redis://172.16.10.250', '--dir', other]);
  t.is(exit, 1);
  t.regex(err, /node\.yaml exists and says something else/);
});
