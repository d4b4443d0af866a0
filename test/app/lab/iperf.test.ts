import test from 'ava';
import { readEnds, readIperfOptions } from '../../../src/app/lab/commands/iperf.js';
import { directPath, planDirect } from '../../../src/app/lab/iperf/direct.js';
import { figuresFrom, formatRows, readReport } from '../../../src/app/lab/iperf/figures.js';
import { vagrantFailure, vagrantWords } from '../../../src/app/lab/iperf/vagrant.js';
import { machineScenario } from '../../../src/app/lab/machines/scenario.js';
import { hostNamed } from '../../../src/app/lab/scenario.js';
import { haEdgeToAws as scenario } from '../../../src/app/lab/scenarios/ha-edge-to-aws.js';

const chainOf = (from: string, to: string) =>
  directPath(scenario, hostNamed(scenario, from)!, hostNamed(scenario, to)!);

test('the way without the tunnel leads along nodes, ISPs and the internet', (t) => {
  const names = (from: string, to: string) => chainOf(from, to)?.map((host) => host.name);
  t.deepEqual(names('app', 'mysql1'), ['app', 'aws-a', 'isp1', 'edge1-a', 'mysql1']);
  t.deepEqual(names('mysql1', 'mysql2'), ['mysql1', 'edge1-a', 'isp1', 'isp3', 'edge2-a', 'mysql2']);
  t.deepEqual(names('mysql1', 'host1'), ['mysql1', 'host1']);
});

test('every host on the way knows both ends, and the ISP translates neither', (t) => {
  const plan = new Map(planDirect(chainOf('app', 'mysql1')!).map((step) => [step.host, step]));
  t.is(plan.get('app')?.add, 'ip route replace 172.16.10.15/32 via 192.168.10.200');
  t.is(plan.get('aws-a')?.add, 'ip route replace 172.16.10.15/32 via 203.0.113.101');
  t.is(plan.get('edge1-a')?.add, 'ip route replace 192.168.10.15/32 via 100.64.1.1');
  t.is(plan.get('mysql1')?.add, 'ip route replace 192.168.10.15/32 via 172.16.10.200');
  const { add, remove } = plan.get('isp1')!;
  t.regex(
    add,
    /^ip route replace 172\.16\.10\.15\/32 via 100\.64\.1\.2\nip route replace 192\.168\.10\.15\/32 via 203\.0\.113\.10\n/,
  );
  t.is(
    add.match(/nft insert rule ip nat (forward|postrouting) .* accept comment twinspan-iperf/g)?.length,
    4,
  );
  t.is(remove.match(/delete rule ip nat (forward|postrouting)/g)?.length, 2);
});

const interval = (bytes: number, more = {}) => ({ sum: { seconds: 0.1, bytes, ...more } });

test('the receiver says what arrived and for how long nothing did', (t) => {
  const client = { end: { sum_sent: { retransmits: 7 } } };
  const bytes = [1e6, 0, 0, 0, 1e6, 0, 1e6, 1e6, 1e6, 1e6, 0, 0];
  const receiver = { intervals: bytes.map((one) => interval(one)) };
  t.like(figuresFrom(client, receiver, false, 1), {
    retransmits: 7,
    lost: undefined,
    gapMs: 300,
  });
  const lossy = { intervals: [interval(1e6, { lost_packets: 3 }), interval(1e6, { lost_packets: 2 })] };
  t.deepEqual(figuresFrom({}, lossy, true, 0.2), { mbps: 80, retransmits: undefined, lost: 5, gapMs: 0 });
});

test('what failed is a sentence, not a figure', (t) => {
  t.is(figuresFrom({ error: 'error - unable to connect' }, {}, false, 1), 'unable to connect');
  t.is(figuresFrom({}, { intervals: [] }, false, 1), 'nothing was measured');
  t.regex(readReport('no JSON').error ?? '', /cannot? be read|can be read/);
  t.deepEqual(readReport('ready\n{"intervals":[]}\n'), { intervals: [] });
});

test('the table has both ways side by side', (t) => {
  const figures = { mbps: 1234.5, retransmits: 3, lost: undefined, gapMs: 400 };
  const rows = [
    { name: 'TCP a → b', tunnel: figures, direct: { ...figures, mbps: 98.76, gapMs: 0 } },
    { name: 'UDP a → b', tunnel: 'unable to connect', direct: 'no route' },
  ];
  t.is(
    formatRows(rows),
    `           through the tunnel                   │   without it
           Mb/s  retransmits  lost  gap, ms     │   Mb/s  retransmits  lost  gap, ms
TCP a → b  1235            3            400     │   98.8            3          < 100
UDP a → b     -            -     -        -     │      -            -     -        -
UDP a → b, through the tunnel: unable to connect
UDP a → b, without it: no route`,
  );
  t.is(
    formatRows([{ ...rows[0], direct: undefined }]),
    `           through the tunnel
           Mb/s  retransmits  lost  gap, ms
TCP a → b  1235            3            400`,
  );
});

test('wrong words on the command line are refused with a sentence', (t) => {
  const refused = (words: string[], says: RegExp) =>
    t.regex(t.throws(() => readIperfOptions(words))?.message ?? '', says, words.join(' '));
  refused(['app'], /Two hosts/);
  refused(['app', 'mysql1', 'mysql2'], /Two hosts/);
  refused(['app', 'mysql1', '--time', '0'], /--time wants a number from 1/);
  refused(['app', 'mysql1', '--rate', 'fast'], /'fast' is no rate/);
  refused(['app', 'mysql1', '--during', 'node:edge1-a'], /--during wants 'fail WHAT'/);
  refused(['app', 'mysql1', '--sctp'], /no option --sctp/);
  refused(['app', 'mysql1', '--json'], /--json wants a value/);
  refused(['app', 'mysql1', '--vagrant', 'huge'], /--vagrant wants small or full/);
  const { during, protocols, direct } = readIperfOptions([
    'app',
    'mysql1',
    '--udp',
    '--during',
    'fail isp:isp1',
  ]);
  t.deepEqual([during, protocols, direct], ['isp:isp1', ['UDP'], true]);
});

test('two ends without a tunnel between them are refused with a sentence', (t) => {
  const refused = (from: string, to: string, says: RegExp) =>
    t.regex(t.throws(() => readEnds(scenario, from, to))?.message ?? '', says);
  refused('app', 'nobody', /no host 'nobody'/);
  refused('host1', 'app', /host1 has no address in the overlay/);
  refused('mysql2', 'sftp2', /at one site/);
  t.is(readEnds(scenario, 'app', 'mysql2').address, '10.100.20.15');
});

test('in virtual machines commands go by vagrant ssh, to ISPs into their namespace', (t) => {
  const words = (host: string) => vagrantWords('/v', 'small', host, ['echo', "it's"]).slice(3);
  const ssh = (machine: string) => ['vagrant', 'ssh', machine, '--no-tty', '--command'];
  t.deepEqual(words('mysql1'), [...ssh('site1'), "sudo echo 'it'\\''s'"]);
  t.deepEqual(words('isp2'), [...ssh('internet'), "sudo ip netns exec isp2 echo 'it'\\''s'"]);
  const small = machineScenario('small');
  t.regex(vagrantFailure(small, 'isp:isp1').fail, /^ip link set inside down; ip link set outside down$/);
  t.regex(vagrantFailure(small, 'node:edge1-a').fail, /kill --signal KILL/);
  for (const what of ['node:edge1-b', 'isp:edge1-a', 'redis:site1']) {
    t.throws(() => vagrantFailure(small, what), { message: /cannot fail in the virtual machines/ });
  }
  t.is(vagrantFailure(machineScenario('full'), 'node:edge1-b').host, 'edge1-b');
  t.deepEqual(
    directPath(small, hostNamed(small, 'app')!, hostNamed(small, 'mysql2')!)?.map((host) => host.name),
    ['app', 'aws-a', 'isp1', 'edge2-a', 'mysql2'],
  );
});
