import test from 'ava';
import { parseTrial } from './measure/datagrams.js';
import { parseTransfer } from './measure/iperf.js';
import { parseLatency } from './measure/latency.js';
import { figuresOf, MEASURES } from './measure/measures.js';
import { parseBusySeconds, parseFamilySeconds, parseMegabytes, parseProcessSeconds } from './measure/proc.js';
import { parseOptions } from './options.js';
import { nebulaConfig } from './peers/nebula.js';
import { networkConfig, nodeConfig } from './peers/twinspan.js';
import { dayOf, moduleVersionIn } from './peers/wireguard-go.js';
import { orderOf } from './rounds.js';
import { Cleanup } from './shell.js';
import { HOSTS, namespaceOf, planTopology } from './topology.js';

test('iperf3, ping and the meter of datagrams are read, and their failures are errors', (t) => {
  const received = '{"end":{"sum_received":{"bits_per_second":2.5e9,"bytes":1.25e9}}}';
  t.deepEqual(parseTransfer(received), { gigabitsPerSecond: 2.5, gigabits: 10 });
  t.throws(() => parseTransfer('{"end":{},"error":"the server is busy"}'), { message: /server is busy/ });
  t.throws(() => parseTransfer(''), { message: /in time/ });
  t.deepEqual(parseTrial('{"sent":10,"received":9,"seconds":0.5}'), { sent: 10, received: 9, seconds: 0.5 });
  t.throws(() => parseTrial(''), { message: /does not answer/ });
});

test('an echo that is lost counts as the slowest of all', (t) => {
  const line = (ms: number) => `64 bytes from 10.0.0.1: icmp_seq=1 ttl=62 time=${ms} ms\n`;
  const lines = Array.from({ length: 100 }, (_, i) => line(i + 1)).join('');
  t.deepEqual(parseLatency(lines), { p50: 50, p99: 99 });
  const lossy = `${lines}102 packets transmitted, 100 received`;
  t.deepEqual(parseLatency(lossy), { p50: 51, p99: Number.POSITIVE_INFINITY });
  t.throws(() => parseLatency('100% packet loss'), { message: /no answer/ });
});

test('each figure has a key of its own', (t) => {
  const keys = figuresOf(MEASURES).map(({ key }) => key);
  t.is(new Set(keys).size, keys.length);
  t.true(
    ['tcp1', 'udp64', 'cpuPerGigabit', 'latencyP99', 'loadedLatencyP99'].every((key) => keys.includes(key)),
  );
});

test('nebula carries the networks of the sites, over the same line', (t) => {
  t.like(nebulaConfig('na', '/folder', 'device'), {
    pki: { cert: '/folder/na.crt' },
    static_host_map: { '192.0.2.2': ['198.51.100.2:4242'] },
    tun: { dev: 'device', unsafe_routes: [{ route: '192.168.10.0/24', via: '192.0.2.2', mtu: 1420 }] },
  });
});

test('/proc is read', (t) => {
  t.is(parseBusySeconds('cpu  100 10 200 9999 50 5 15 777 0 0\ncpu0 1 1 1'), 3.3);
  t.is(parseProcessSeconds(`7 (a b) c) S ${'0 '.repeat(10)}150 50 0`), 2);
  t.is(parseFamilySeconds(`7 (a b) c) S 1 ${'0 '.repeat(9)}150 50 100 0 0`), 3);
  t.is(parseFamilySeconds(`7 (kworker) S 2 ${'0 '.repeat(9)}150 50 100 0 0`), 0);
  t.is(parseMegabytes('VmHWM:\t  200 kB\nVmRSS:\t  1000 kB\n', 'VmRSS'), 1.024);
  t.is(parseMegabytes('', 'VmRSS'), Number.NaN);
});

test('the age of a wireguard-go is found in what it says and in what its linker wrote', (t) => {
  t.is(dayOf('v0.0.20220316'), 20220316);
  t.is(dayOf('v0.0.0-20260522210424-ecfc5a8d5446'), 20260522);
  t.is(dayOf('(devel)'), 0);
  const binary = '\0path\tx\nmod\tgolang.zx2c4.com/wireguard\tv0.0.0-20260522210424-ecfc5a8d5446\th1:abc=\n';
  t.is(moduleVersionIn(binary), 'v0.0.0-20260522210424-ecfc5a8d5446');
  t.is(moduleVersionIn('no version'), '');
});

test('every command of the line names only its own namespaces', (t) => {
  const names = HOSTS.map((host) => namespaceOf(4_194_304, 'c', host));
  const plan = planTopology((host) => namespaceOf(4_194_304, 'c', host));
  t.deepEqual(
    plan.slice(0, 2).map((argv) => argv.join(' ')),
    ['ip netns add tsb4194304c-ha', 'ip -n tsb4194304c-ha link set lo up'],
  );
  for (const argv of plan)
    t.true(
      argv.some((word) => names.includes(word)),
      argv.join(' '),
    );
  t.deepEqual(
    plan.filter((argv) => argv.includes('veth')).map((argv) => argv[3]),
    ['lan0', 'wan0', 'lan0'],
  );
});

test('our two nodes have routing and NAT in the path', (t) => {
  const network = networkConfig({ na: 'key a', nb: 'key b' });
  t.like(network, {
    nodes: {
      na: { publicKey: 'key a', endpoints: ['198.51.100.1:51820'] },
      nb: { publicKey: 'key b', endpoints: ['198.51.100.2:51820'] },
    },
    insideNat: [
      { local: '172.16.10.0/24', network: '10.100.10.0/24', at: 'A' },
      { local: '192.168.10.0/24', network: '10.100.100.0/24', at: 'B' },
    ],
  });
  t.like(nodeConfig('na', '/folder', 'name'), {
    node: 'na',
    network: '../network.yaml',
    privateKeyFile: '/folder/private.key',
    uapi: { name: 'name' },
  });
});

test('a partial run leaves the README alone unless told otherwise', (t) => {
  t.like(parseOptions([]), { repeats: 3, seconds: 5, writeReadme: true, json: 'dist/bench.json' });
  t.like(parseOptions(['--quick']), { repeats: 1, seconds: 1, writeReadme: false });
  t.like(parseOptions(['--peers', 'kernel,twinspan']), { peers: ['kernel', 'twinspan'], writeReadme: false });
  t.like(parseOptions(['--quick', '--write-readme', '--repeats', '2']), { repeats: 2, writeReadme: true });
  t.like(parseOptions(['--no-readme']), { writeReadme: false });
  t.is(parseOptions(['--help']), undefined);
  t.throws(() => parseOptions(['--repeats', 'many']), { message: /whole number/ });
  t.throws(() => parseOptions(['--bogus']));
});

test('lanes are gone through to and fro', (t) => {
  t.deepEqual(
    [0, 1, 2].map((round) => orderOf(['a', 'b', 'c'], round).join('')),
    ['abc', 'cba', 'abc'],
  );
});

test('clean-up undoes everything once, last first, whatever fails', (t) => {
  const done: string[] = [];
  const cleanup = new Cleanup();
  cleanup.add(() => done.push('first'));
  cleanup.add(() => {
    throw new Error('a step that is meant to fail here');
  });
  cleanup.add(() => done.push('last'));
  cleanup.run();
  cleanup.run();
  t.deepEqual(done, ['last', 'first']);
});
