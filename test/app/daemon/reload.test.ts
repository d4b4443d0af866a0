/** Reload in a running node: what is new is used at once, sessions stay, and a wrong file changes nothing. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TWINSPAN } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { changes, HB, Line, NATS, ROUTES } from './line.js';

/** A prefix outside the overlay's CIDR, so that the kernel needs a route of its own for it. */
const NEW_HB = '10.200.0.15';

rootTest('an added route and inside NAT work at once, over the session that was there', async (t) => {
  const line = new Line(t);
  const { na, nb, network } = line;
  await line.start();
  await ping(network, 'ha', HB);
  t.not((await network.try('ha', `ping -n -c 1 -W 1 ${NEW_HB}`)).code, 0);
  const sessions = () => na.events('session-established').length + nb.events('session-established').length;
  const before = sessions();
  const { lastHandshakeAgeMs: ageMs = Number.NaN } = await na.peer('nb');
  line.describe({
    network: { name: 'line', cidr: ['10.100.0.0/16', '10.200.0.0/24'] },
    routes: [...ROUTES, { cidr: '10.200.0.0/24', to: 'B' }],
    insideNat: [...NATS.slice(0, 1), { local: '192.168.10.0/24', network: '10.200.0.0/24', at: 'B' }],
  });
  const cli = ['reload', '--socket', na.socket];
  t.regex(execFileSync(process.execPath, [TWINSPAN, ...cli], { encoding: 'utf8' }), /^Applied:/);
  t.true((await nb.call('reload', {})).applied);
  await ping(network, 'ha', NEW_HB);
  t.regex(network.run('na', 'ip route show proto 84'), /10\.200\.0\.0\/24 dev ts-lan/);
  t.not((await network.try('ha', `ping -n -c 1 -W 1 ${HB}`)).code, 0, 'the old NAT is gone');
  await sleep(100);
  t.true(((await na.peer('nb')).lastHandshakeAgeMs ?? Number.NaN) > ageMs);
  t.is(sessions(), before);

  line.describe();
  for (const daemon of [na, nb]) {
    daemon.program.child.kill('SIGHUP');
    await until('the reload is done', () => daemon.events('reloaded').length === 2);
  }
  await ping(network, 'ha', HB);
  t.notRegex(network.run('na', 'ip route show proto 84'), /10\.200\.0\.0/);
  t.is(sessions(), before);
});

rootTest('a wrong file is refused whole; what needs a restart is named, and the rest applies', async (t) => {
  const line = new Line(t);
  const { na, network } = line;
  await line.start();
  const before = line.picture('na');

  line.describe({ routes: [...ROUTES, { cidr: '10.100.30.0/24', to: 'nowhere' }] });
  const refused = await na.call('reload', {});
  t.false(refused.applied);
  t.regex(refused.problems.join('\n'), /network\.yaml:\d+:\d+: .*nowhere/);
  na.program.child.kill('SIGHUP');
  await until('the refusal is in the log', () => na.events('reload-refused').length === 2);
  writeFileSync(na.configFile, '{');
  t.false((await na.call('reload', {})).applied);
  line.describe();
  na.configure();
  chmodSync(na.key.file, 0o644);
  t.regex((await na.call('reload', {})).problems.join('\n'), /others/);
  chmodSync(na.key.file, 0o600);
  t.deepEqual(changes(before, line.picture('na')), []);
  await ping(network, 'ha', HB);

  na.configure({
    listenPort: 51_999,
    log: { level: 'debug' },
    lan: { device: 'lan0', tun: 'ts-other' },
    redis: { url: 'redis://127.0.0.1' },
    hooks: { onActive: '/bin/true' },
  });
  line.describe({ routes: [...ROUTES, { cidr: '10.100.30.0/24', blackhole: true }] });
  const partly = await na.call('reload', {});
  t.true(partly.applied);
  t.deepEqual([...partly.restartNeeded].sort(), ['lan.tun', 'listenPort', 'redis']);
  t.true(partly.changes.includes('hooks changed'));
  t.is((await na.call('routes', { address: '10.100.30.1' })).routes[0].target, 'blackhole');
  t.is((await na.status()).listenPort, 51_820);
  await ping(network, 'ha', HB);
});

rootTest('a host that refuses a new route fails the reload whole, not the node', async (t) => {
  const line = new Line(t);
  const { na, network } = line;
  await line.start();
  network.run('na', 'ip route add 10.200.0.0/24 via 198.51.100.2');
  const before = line.picture('na');
  line.describe({
    network: { name: 'line', cidr: ['10.100.0.0/16', '10.200.0.0/24', '10.201.0.0/24'] },
    routes: [...ROUTES, { cidr: '10.200.0.0/24', to: 'B' }, { cidr: '10.201.0.0/24', to: 'B' }],
  });
  na.program.child.kill('SIGHUP');
  await until('the failure is in the log', () => na.has('reload-failed') || na.program.outcome !== undefined);
  t.is(na.program.outcome, undefined);
  await t.throwsAsync(na.call('reload', {}), { message: /10\.200\.0\.0\/24.*File exists/ });
  t.deepEqual(changes(before, line.picture('na')), [], 'the host is as it was');
  t.deepEqual((await na.call('routes', { address: '10.201.0.1' })).routes, [], 'and so is what we route by');
  await ping(network, 'ha', HB);
  network.run('na', 'ip route del 10.200.0.0/24 via 198.51.100.2');
  t.true((await na.call('reload', {})).applied);
  t.is((await na.call('routes', { address: '10.201.0.1' })).routes[0].target, 'to B');
});
