/** A daemon's life in real namespaces: first packet, death in every state, the next start, a second one, a clean end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { Flow, ping, startEcho, stream } from '../../support/traffic.js';
import { changes, FLOW_ENDS, HA, HB, Line } from './line.js';

rootTest('two nodes find each other and carry the first packet; each end says so', async (t) => {
  const line = new Line(t);
  await line.start();
  await ping(line.network, 'ha', HB);
  await ping(line.network, 'hb', HA);
  const status = await line.na.status();
  t.is(status.role, 'active');
  t.deepEqual(
    status.peers.map(({ name, cluster, state, endpoint, path }) => [name, cluster, state, endpoint, path]),
    [['nb', 'B', 'up', '198.51.100.2:51820', 'isp1']],
  );
  await until('a probe has come back', async () => ((await line.na.peer('nb')).rttMs ?? 0) > 0);
  t.true((await line.na.peer('nb')).rxPackets > 0);
  const explained = await line.na.call('explain', { src: '172.16.10.15', dst: HB, protocol: 'icmp' });
  t.is(explained.verdict, 'forwarded');
});

rootTest('SIGTERM leaves the host as it was found', async (t) => {
  const line = new Line(t);
  const before = [line.picture('na'), line.picture('nb')];
  await line.start();
  await ping(line.network, 'ha', HB);
  t.true(changes(before[0], line.picture('na')).length > 10);
  t.deepEqual(await Promise.all([line.na.stop(), line.nb.stop()]), [0, 0]);
  t.deepEqual(changes(before[0], line.picture('na')), []);
  t.deepEqual(changes(before[1], line.picture('nb')), []);
  t.false(line.na.listens);
  t.true(line.na.has('stopped'));
});

rootTest('SIGTERM while it starts: it ends with 0, and leaves the host as it was found', async (t) => {
  const line = new Line(t);
  const before = line.picture('na');
  for (const afterMs of [0, 100]) {
    const program = line.na.launch();
    await until('it has begun', () => line.na.listens);
    await sleep(afterMs);
    t.is(await program.end('SIGTERM'), 0);
    t.deepEqual(changes(before, line.picture('na')), []);
    t.false(line.na.listens);
  }
});

rootTest('a second daemon of the same node is refused and disturbs nothing', async (t) => {
  const line = new Line(t);
  await line.start();
  const first = line.na.program;
  const before = line.picture('na');
  const second = line.na.launch();
  t.is(await second.ended, 1);
  t.regex(second.output, /TS_DAEMON_RUNNING/);
  t.is(first.outcome, undefined);
  t.deepEqual(changes(before, line.picture('na')), []);
  t.true((await line.na.status()).uptimeMs > 0);
  await ping(line.network, 'ha', HB);
});

rootTest('killed while it starts, at any moment: the next start works', async (t) => {
  const line = new Line(t);
  await line.nb.start();
  for (const delayMs of [100, 200, 300, 400, 500, 600]) {
    const program = line.na.launch();
    await sleep(delayMs);
    await program.end('SIGKILL');
  }
  await line.na.start();
  await line.na.up('nb');
  await ping(line.network, 'ha', HB);
  t.is(await line.na.stop(), 0);
  t.notRegex(line.picture('na'), /proto 84|192\.0\.0\.8|ts-lan/);
});

rootTest('killed when idle, under traffic and while it reloads: the next start works', async (t) => {
  const line = new Line(t);
  await line.start();
  await startEcho(line.network, 'hb');
  const again = async (): Promise<void> => {
    await line.na.kill();
    await line.na.start();
    await ping(line.network, 'ha', HB);
  };
  await again();
  const flow = await Flow.start(line.network, FLOW_ENDS, 2_000);
  await sleep(300);
  await again();
  await flow.finish();
  for (const delayMs of [1, 10, 30]) {
    line.na.program.child.kill('SIGHUP');
    await sleep(delayMs);
    await again();
  }
  await stream(line.network, 'ha', HB);
  t.is((await line.nb.peer('na')).state, 'up');
});

rootTest('killed: what is for the overlay is refused by the kernel and not sent in the clear', async (t) => {
  const line = new Line(t);
  const { network } = line;
  await line.start();
  await ping(network, 'ha', HB);
  network.run(
    'nb',
    `nft 'table inet watch {
       counter clear { }
       counter other { }
       chain p {
         type filter hook prerouting priority -300
         iifname "wan0" ip daddr 10.100.0.0/16 counter name clear
         iifname "wan0" ip daddr 203.0.113.0/24 counter name other
       }
     }'`,
  );
  await line.na.kill();
  const { code, output } = await network.try('ha', `ping -n -c 2 -W 2 ${HB}`);
  t.is(code, 1);
  t.regex(output, /From 172\.16\.10\.1 .*Destination (Host|Net) Unreachable/);
  t.is((await network.try('na', `ping -n -c 1 -W 1 ${HB}`)).code, 2);
  await network.try('ha', 'ping -n -c 1 -W 1 203.0.113.1');
  const seen = (name: string) => network.run('nb', `nft list counter inet watch ${name}`);
  t.regex(seen('clear'), /packets 0 /);
  t.regex(seen('other'), /packets 1 /, 'the default route does lead there');
  await line.na.start();
  await ping(network, 'ha', HB);
});

rootTest(
  'a data plane that fails takes the node down: exit code 70, the reason in the log, the host put back',
  async (t) => {
    const line = new Line(t);
    await line.start();
    line.network.run('na', 'ip link del ts-lan');
    const outcome = await Promise.race([
      line.na.program.ended,
      sleep(30_000, 'still running', { ref: false }),
    ]);
    t.is(outcome, 70);
    const [failure] = line.na.events('data-plane-failed');
    t.regex(String(failure?.['reason']), /TUN/);
    t.notRegex(line.picture('na'), /proto 84/);
    await line.na.start();
    await ping(line.network, 'ha', HB);
  },
);

rootTest('a peer that restarts is heard again within moments, in both roles', async (t) => {
  const line = new Line(t);
  await line.start();
  for (const [one, other, name] of [
    [line.na, line.nb, 'na'],
    [line.nb, line.na, 'nb'],
  ] as const) {
    await one.kill();
    await until(`the silence of ${name} is noticed`, async () => (await other.peer(name)).state !== 'up');
    const address = name === 'na' ? HA : HB;
    await until(
      'nobody serves it',
      async () => !(await other.call('routes', { address })).routes[0].available,
    );
    await one.start();
    await other.up(name);
    await ping(line.network, 'ha', HB);
    t.is((await other.call('routes', { address })).routes[0].peer, name);
  }
});
