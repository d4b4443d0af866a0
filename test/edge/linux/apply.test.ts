/**
 * applyHost against the model of a host behind a fake runner: what is asked of the host, and what is said when it refuses.
 */
import test from 'ava';
import { desiredHost } from '../../../src/core/plan/desired.js';
import type { DesiredHost } from '../../../src/core/plan/host.js';
import { applyHost, mergeChanges, ownAddressesOf, undoHost } from '../../../src/edge/linux/apply.js';
import { type FakeProgram, type FakeRunner, fakeRunner } from '../../../src/edge/linux/fake_runner.js';
import { type Host, hostFacts } from '../../../src/edge/linux/observe.js';
import { fakeSysctl } from '../../../src/edge/linux/sysctl.js';
import { edge1a, freshHost } from '../../core/plan/fixtures.js';
import type { ModelHost } from '../../core/plan/model.js';

const desired = desiredHost(edge1a);

interface Setup {
  model: ModelHost;
  host: Host;
  runner: FakeRunner;
}

function setup(programs: Readonly<Record<string, FakeProgram | undefined>> = {}): Setup {
  const model = freshHost();
  model.sysctls.set('net/ipv6/conf/all/forwarding', '0');
  model.sysctls.set('net/ipv4/conf/all/rp_filter', '2');
  const all: Record<string, FakeProgram | undefined> = {
    ip: (args, input) => model.ip(args, input),
    nft: (args, input) => model.nft(args, input),
    ...programs,
  };
  const known = Object.entries(all).filter((entry): entry is [string, FakeProgram] => entry[1] !== undefined);
  const runner = fakeRunner(Object.fromEntries(known));
  return { model, runner, host: { runner, sysctl: fakeSysctl(model.sysctls), nftPrinted: undefined } };
}

const NFT: DesiredHost = { ...desired, nft: 'table inet twinspan { chain a { } }' };

test('a fresh host is brought into the desired state, a second call changes nothing', async (t) => {
  const { host, model } = setup();
  const first = await applyHost(desired, host);
  t.deepEqual(first.problems, []);
  t.is(first.applied.length, 18);
  const second = await applyHost(desired, host);
  t.deepEqual(second, { applied: [], problems: [], changes: [] });
  t.is(model.sysctls.get('net/ipv4/ip_forward'), '1');
});

test('eight changes by ip cost two processes, sysctls none', async (t) => {
  const { host, runner } = setup();
  await applyHost(desired, host);
  const changing = runner.calls.filter(({ argv }) => argv.includes('-force'));
  t.is(changing.length, 2);
  t.is(changing[1].input.trimEnd().split('\n').length, 6);
  t.false(runner.calls.some(({ argv }) => argv[0] === 'sysctl'));
});

test('what somebody took away is put back', async (t) => {
  const { host, model } = setup();
  await applyHost(desired, host);
  model.routes = model.routes.filter((route) => route.prefix !== '10.100.0.0/16');
  model.sysctls.set('net/ipv4/ip_forward', '0');
  const { applied, problems } = await applyHost(desired, host);
  t.deepEqual(problems, []);
  t.deepEqual(
    applied.map((step) => step.command.join(' ')),
    [
      'sysctl -w net/ipv4/ip_forward=1',
      'ip route add 10.100.0.0/16 dev ts-lan proto 84',
      'ip route add unreachable 10.100.0.0/16 metric 65535 proto 84',
    ],
  );
});

test('undo after several applies restores the first values and leaves nothing of ours', async (t) => {
  const { host, model } = setup();
  const before = JSON.stringify([[...model.sysctls], model.addresses, model.routes, model.rules]);
  const { changes: first } = await applyHost(desired, host);
  model.sysctls.set('net/ipv4/ip_forward', '0');
  const { changes: second } = await applyHost(NFT, host);
  const { problems } = await undoHost(NFT, host, mergeChanges(first, second));
  t.deepEqual(problems, []);
  t.is(JSON.stringify([[...model.sysctls], model.addresses, model.routes, model.rules]), before);
  t.false(model.tables.has('twinspan'));
});

test('of several changes of one sysctl the first value is the one to go back to', (t) => {
  const merged = mergeChanges(
    [{ key: 'a', before: '1', after: '0' }],
    [
      { key: 'a', before: '2', after: '3' },
      { key: 'b', before: '7', after: '8' },
    ],
  );
  t.deepEqual(merged, [
    { key: 'a', before: '1', after: '3' },
    { key: 'b', before: '7', after: '8' },
  ]);
});

test('nft text that the tool prints in its own words is not replaced again', async (t) => {
  const { host, model, runner } = setup({
    nft: (args, input) => {
      const answer = model.nft(args, input);
      return { ...answer, stdout: answer.stdout.replace('chain a', 'chain a # handle 1') };
    },
  });
  t.deepEqual((await applyHost(NFT, host)).problems, []);
  const calls = runner.calls.length;
  t.deepEqual((await applyHost(NFT, host)).applied, []);
  t.true(runner.calls.length > calls);
  model.tables.set('twinspan', 'table inet twinspan { }');
  t.is((await applyHost(NFT, host)).applied.length, 1, 'a changed table is put back');
});

test('an entry of somebody else is left alone and named', async (t) => {
  const { host, model } = setup();
  model.routes.push({ prefix: '10.100.0.0/16', device: 'eth1', via: '172.16.10.9', protocol: 4 });
  const { problems, applied } = await applyHost(desired, host);
  t.is(problems.length, 1);
  t.is(problems[0].code, 'TS_HOST_COMMAND');
  t.regex(problems[0].message, /ip route add 10\.100\.0\.0\/16 dev ts-lan proto 84.*File exists/);
  t.regex(problems[0].hint ?? '', /left alone/);
  t.is(applied.length, 17, 'everything else is in place');
  t.true(model.routes.some((route) => route.via === '172.16.10.9'));
});

test('a missing device is named', async (t) => {
  const { host, model } = setup();
  model.links = model.links.filter((link) => link.device !== 'ts-wan');
  for (const key of [...model.sysctls.keys()]) if (key.includes('/ts-wan/')) model.sysctls.delete(key);
  const { problems } = await applyHost(desired, host);
  t.deepEqual([...new Set(problems.map(({ code }) => code))], ['TS_DEVICE']);
  t.true(problems.every(({ hint }) => hint?.includes('ip link')));
  t.regex(problems[0].message, /Cannot find device "ts-wan"/);
});

test('without permission: one clear code, and what is missing', async (t) => {
  const { host, model } = setup();
  const refusing = fakeRunner({
    nft: () => ({ status: 1, stderr: 'Operation not permitted (you must be root)' }),
    ip: (args, input) => {
      if (!args.includes('-force')) return model.ip(args, input);
      const lines = input.trimEnd().split('\n');
      const said = lines.map(
        (_, i) => `RTNETLINK answers: Operation not permitted\nCommand failed -:${i + 1}`,
      );
      return { status: 1, stderr: said.join('\n') };
    },
  });
  const sysctl = { ...host.sysctl, write: (key: string) => `EACCES: /proc/sys/${key} cannot be written` };
  const { problems, applied } = await applyHost(desired, { ...host, runner: refusing, sysctl });
  t.is(problems.length, 18);
  t.true(problems.every(({ code, hint }) => code === 'TS_NOT_ROOT' && hint?.includes('root')));
  t.deepEqual(applied, []);
});

test('without ip or nft: what to install; a missing nft is no matter where no table is wanted', async (t) => {
  const noIp = await applyHost(desired, setup({ ip: undefined }).host);
  t.is(noIp.problems[0].code, 'TS_HOST_COMMAND');
  t.is(noIp.problems[0].hint, 'Install it: apt install iproute2');
  const noNft = setup({ nft: undefined }).host;
  t.deepEqual((await applyHost(desired, noNft)).problems, []);
  const wanted = await applyHost(NFT, noNft);
  t.is(wanted.problems[0].hint, 'Install it: apt install nftables');
});

test('a program that hangs, fails or answers nonsense is a problem, never an exception', async (t) => {
  const answers: FakeProgram[] = [
    () => undefined,
    () => ({ status: 1, stderr: 'boom' }),
    () => ({ stdout: 'Usage: ip [ OPTIONS ]' }),
  ];
  for (const ip of answers) {
    const { problems, applied } = await applyHost(desired, setup({ ip }).host);
    t.true(problems.length > 0 && problems.every(({ code }) => code === 'TS_HOST_COMMAND'));
    t.deepEqual(applied, []);
  }
});

test('a step that seems to work but has no effect is a problem', async (t) => {
  const { model } = setup();
  const { host } = setup({
    ip: (args, input) => (args.includes('-force') ? {} : model.ip(args, input)),
  });
  const { problems } = await applyHost(desired, host);
  t.true(problems.some(({ message }) => message.includes('ip route add 10.100.0.0/16')));
  t.true(problems.every(({ message }) => message.includes('seemed to work')));
});

test('a step that fails because somebody else was quicker is none', async (t) => {
  const { host, model } = setup();
  await applyHost(desired, host);
  model.routes.push({ prefix: '10.9.0.0/16', device: 'ts-lan', protocol: 84 });
  const racing = fakeRunner({
    nft: (args, input) => model.nft(args, input),
    ip: (args, input) => {
      if (args[1] === 'del') model.routes = model.routes.filter((route) => route.prefix !== '10.9.0.0/16');
      return model.ip(args, input);
    },
  });
  const { problems, applied } = await applyHost(desired, { ...host, runner: racing });
  t.deepEqual([problems, applied], [[], []]);
});

test('the first address of a device is its own, not the VIP', async (t) => {
  const { host, model } = setup();
  model.addresses.unshift({ device: 'eth1', address: '172.16.10.215/32' });
  t.deepEqual(await ownAddressesOf('eth1', host, desired.ownAddresses), {
    v4: '172.16.10.200',
    v6: undefined,
  });
  t.is((await ownAddressesOf('eth1', host))?.v4, '172.16.10.215');
  t.is(await ownAddressesOf('nope', host), undefined);
});

test('facts of the host', (t) => {
  const { host, model } = setup();
  t.deepEqual(hostFacts(host), { rpFilterAll: 2, ipv6: true });
  model.sysctls.clear();
  t.deepEqual(hostFacts(host), { rpFilterAll: 0, ipv6: false });
});
