/** What a daemon refuses at start: a coded sentence, exit code 1, and nothing left behind. And a start it must not refuse. */
import { chmodSync } from 'node:fs';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { changes, HB, Line } from './line.js';

interface Refusal {
  readonly what: string;
  readonly node?: object;
  readonly network?: object;
  readonly env?: Record<string, string>;
  readonly says: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  { what: 'no such LAN device', node: { lan: { device: 'lan7' } }, says: /TS_DEVICE: .*lan7 does not exist/ },
  {
    what: 'an uplink address that is not ours',
    node: { uplinks: [{ name: 'isp1', address: '203.0.113.9' }] },
    says: /TS_SOCKET: .*203\.0\.113\.9/,
  },
  {
    what: 'a TUN name that is taken',
    node: { lan: { device: 'lan0', tun: 'lan0' } },
    says: /TS_DEVICE: .*lan0/,
  },
  {
    what: 'a wrong network',
    network: { routes: [{ cidr: '10.100.30.0/24', to: 'nowhere' }] },
    says: /TS_CONFIG_INVALID: .*network\.yaml:\d+:\d+/,
  },
  {
    what: 'a member named twice',
    network: {
      clusters: {
        A: { members: ['na', 'na'], site: '172.16.10.0/24' },
        B: { members: ['nb'], site: '192.168.10.0/24' },
      },
    },
    says: /TS_CONFIG_INVALID: .*network\.yaml:\d+:\d+: clusters\.A\.members\[1\]: node 'na' is named twice/,
  },
  { what: 'a wrong key in node.yaml', node: { listenport: 1 }, says: /TS_CONFIG_INVALID: .*listenPort/ },
  {
    what: 'timers that are none',
    env: { TWINSPAN_TIMERS: '{"rekey": 1}' },
    says: /TS_CONFIG_INVALID: TWINSPAN_TIMERS/,
  },
];

rootTest('what cannot start says why, ends with 1 and leaves nothing; then it starts', async (t) => {
  const line = new Line(t);
  const { na } = line;
  const before = line.picture('na');
  for (const { what, node, network, env, says } of REFUSALS) {
    na.configure(node);
    line.describe(network);
    const program = na.launch(env);
    t.is(await program.ended, 1, what);
    t.regex(program.output, says, what);
    t.notRegex(program.output, /at .*\.js:\d+/, 'no stack trace');
    t.deepEqual(changes(before, line.picture('na')), [], what);
    t.false(na.listens, what);
  }
  na.configure();
  line.describe();
  chmodSync(na.key.file, 0o640);
  const program = na.launch();
  t.is(await program.ended, 1);
  t.regex(program.output, /private\.key.*others|TS_KEY_READABLE_BY_OTHERS/);
  chmodSync(na.key.file, 0o600);
  await line.start();
  await ping(line.network, 'ha', HB);
});

rootTest('a port that is in use is named, and the host is put back', async (t) => {
  const line = new Line(t);
  const { na, network } = line;
  const before = line.picture('na');
  const script = "require('node:dgram').createSocket('udp4').bind(51820, () => console.log('ready'))";
  const holder = network.start('na', [process.execPath, '-e', script]);
  await until('the port is held', () => holder.output.includes('ready'));
  const program = na.launch();
  t.is(await program.ended, 1);
  t.regex(program.output, /TS_SOCKET: .*51820.*EADDRINUSE/);
  t.deepEqual(changes(before, line.picture('na')), []);
});

rootTest("a WireGuard socket that is another's is left to it, and the host is put back", async (t) => {
  const line = new Line(t);
  const { na, nb } = line;
  await na.start();
  const before = line.picture('nb');
  nb.configure({ uapi: { name: na.uapiName } });
  const program = nb.launch();
  await until('it ends', () => program.outcome !== undefined);
  t.is(program.outcome, 1);
  t.regex(program.output, /TS_DAEMON_RUNNING: .*wireguard/);
  t.deepEqual(changes(before, line.picture('nb')), []);
  nb.configure();
  await nb.start();
  await ping(line.network, 'ha', HB);
});

rootTest('a node with several uplinks starts, and reaches its peer by the first', async (t) => {
  const line = new Line(t);
  line.network.cable('na', 'wan1', 'nb', 'wan1');
  line.network.run('na', 'ip addr add 203.0.113.1/24 dev wan1');
  line.network.run('nb', 'ip addr add 203.0.113.2/24 dev wan1');
  line.na.configure({
    uplinks: [
      { name: 'isp1', device: 'wan0', cost: 10 },
      { name: 'isp2', device: 'wan1', cost: 20 },
    ],
  });
  await line.start();
  await ping(line.network, 'ha', HB);
  const { devices, peers } = await line.na.status();
  const uplinks = devices.filter(({ role }) => role === 'uplink');
  t.deepEqual(
    uplinks.map(({ name }) => name),
    ['isp1', 'isp2'],
  );
  t.is(peers[0].path, 'isp1');
});
