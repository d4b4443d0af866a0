/**
 * Local breakout of a running node with two uplinks, and no other node:
 *
 *   site 172.16.10.15 ── lan0 · na · wan0 ── 198.51.100.1 isp1 ┐
 *                               └ wan1 ── 203.0.113.1 isp2 ────┴─ internet: 192.0.2.7
 *
 * The ISPs know no private address: what arrives unmasqueraded is never answered. Nor is what belongs to no connection: the
 * internet's firewalls drop it without a word, so that a flow that is not cut here hangs.
 */
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Daemon } from '../../support/daemon.js';
import { Network, until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { datagrams, ping, startEcho, stream } from '../../support/traffic.js';
import { changes, HB, Line } from './line.js';

const INTERNET = '192.0.2.7';
/** Says to each connection from where it comes, every 50 ms, until it ends. */
const SERVER = `
  const say = (socket) => socket.write(socket.remoteAddress.replace('::ffff:', '') + '\\n');
  require('node:net').createServer((socket) => {
    const timer = setInterval(() => say(socket), 50);
    socket.on('error', () => {}).on('close', () => clearInterval(timer));
    say(socket);
  }).listen(80);
  const udp = require('node:dgram').createSocket('udp4');
  udp.on('message', (message, from) => udp.send(from.address, from.port, from.address));
  udp.bind(53, '${INTERNET}', () => console.log('ready'));`;
/** Keeps one connection, sends now and then, and tells what it hears and how it ends. */
const CLIENT = `
  const socket = require('node:net').connect(80, '${INTERNET}');
  socket.on('data', (data) => process.stdout.write(data)).on('error', (error) => console.log(error.code));
  setInterval(() => socket.write('x'), 50);`;
/** One UDP socket for all questions. */
const ASKER = `
  const udp = require('node:dgram').createSocket('udp4');
  udp.on('message', (message) => console.log(String(message)));
  setInterval(() => udp.send('x', 53, '${INTERNET}'), 50);`;

const FROM_ISP1 = '198.51.100.2';
const FROM_ISP2 = '203.0.113.2';

class Site {
  readonly network: Network;
  readonly na: Daemon;

  constructor(t: ExecutionContext, uplinks?: object[]) {
    const network = new Network(t);
    this.network = network;
    network.add('site', 'na', 'isp1', 'isp2', 'net');
    network.cable('site', 'lan0', 'na', 'lan0');
    network.cable('na', 'wan0', 'isp1', 'cust');
    network.cable('na', 'wan1', 'isp2', 'cust');
    network.cable('isp1', 'net0', 'net', 'isp1');
    network.cable('isp2', 'net0', 'net', 'isp2');
    network.run('site', 'ip addr add 172.16.10.15/24 dev lan0; ip route add default via 172.16.10.1');
    network.run(
      'na',
      `ip addr add 172.16.10.1/24 dev lan0; ip addr add 198.51.100.2/24 dev wan0
       ip addr add 203.0.113.2/24 dev wan1; ip route add default via 198.51.100.1
       ip route add default via 203.0.113.1 metric 200`,
    );
    for (const [isp, own, link] of [
      ['isp1', '198.51.100.1/24', '10.9.1'],
      ['isp2', '203.0.113.1/24', '10.9.2'],
    ]) {
      network.run(
        isp,
        `ip addr add ${own} dev cust; ip addr add ${link}.2/24 dev net0; ip route add ${INTERNET} via ${link}.1
         sysctl -qw net.ipv4.ip_forward=1`,
      );
    }
    network.run(
      'net',
      `ip addr add ${INTERNET}/32 dev lo; ip addr add 10.9.1.1/24 dev isp1; ip addr add 10.9.2.1/24 dev isp2
       ip route add 198.51.100.0/24 via 10.9.1.2 src ${INTERNET}; ip route add 203.0.113.0/24 via 10.9.2.2 src ${INTERNET}
       nft 'table inet quiet { chain out { type filter hook output priority 0; tcp flags & rst == rst drop; }; }'`,
    );
    this.na = new Daemon(network, 'na', 'na');
    this.na.configure({
      uplinks: uplinks ?? [
        { name: 'isp1', device: 'wan0', cost: 10, isp: 'One', probes: [{ ping: INTERNET }], probeMs: 500 },
        { name: 'isp2', device: 'wan1', cost: 20 },
      ],
    });
    const file = {
      network: { name: 'breakout', cidr: '10.100.0.0/16' },
      clusters: { A: { members: ['na'], site: '172.16.10.0/24' } },
      nodes: { na: { publicKey: this.na.key.publicKey } },
      routes: [
        { cidr: '10.100.10.0/24', to: 'A' },
        { cidr: '0.0.0.0/0', via: 'wan' },
      ],
      insideNat: [{ local: '172.16.10.0/24', network: '10.100.10.0/24', at: 'A' }],
    };
    writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  }

  /** The internet serves, the node runs, and breakout goes by `uplink`. */
  async start(uplink = 'isp1'): Promise<void> {
    const server = this.network.start('net', [process.execPath, '-e', SERVER]);
    await until('the internet', () => server.output.includes('ready'));
    await this.na.start();
    await this.breaksOutBy(uplink);
  }

  async breaksOutBy(uplink: string): Promise<void> {
    await until(
      () => `breakout by ${uplink}: ${this.na.program.output}`,
      () => this.na.events('breakout-uplink').at(-1)?.['to'] === uplink && this.sourceOf() !== '',
    );
  }

  /** From where a new connection of the site is seen in the internet; '' where there is none. */
  sourceOf(): string {
    return this.network
      .run('site', `timeout 3 socat -u TCP:${INTERNET}:80,connect-timeout=2 - | head -1 || true`)
      .trim();
  }

  picture(): string {
    return this.network.run(
      'na',
      `ip addr; ip -4 route show table all; ip -6 route show table all; ip rule; ip -6 rule; nft list ruleset
       sysctl -a 2>/dev/null | grep ^net | grep -v nf_conntrack_count`,
    );
  }
}

rootTest(
  'the carrier of the best uplink is lost: new connections flow at once, old ones are cut, and all is put back',
  async (t) => {
    const site = new Site(t);
    const { network, na } = site;
    const before = site.picture();
    await site.start();
    t.is(site.sourceOf(), FROM_ISP1);
    const answers = Number(network.run('na', 'cat /sys/class/net/ts-wan/statistics/tx_packets'));
    t.true(answers > 3, 'the router sees the answers too');
    const client = network.start('site', [process.execPath, '-e', CLIENT]);
    const asker = network.start('site', [process.execPath, '-e', ASKER]);
    await until('both flow', () => client.output.includes(FROM_ISP1) && asker.output.includes(FROM_ISP1));
    network.run('isp1', 'ip link set cust down');
    await until('the UDP flow goes on by the other', () => asker.lines.at(-1) === FROM_ISP2);
    await until('the TCP connection is cut', () => client.output.includes('ECONNRESET'));
    t.is(site.sourceOf(), FROM_ISP2);
    const [change] = na.events('uplink-state').filter(({ uplink, to }) => uplink === 'isp1' && to === 'down');
    t.deepEqual(change?.['reasons'], ['no-carrier']);
    const { uplinks } = await na.call('uplinks', {});
    t.deepEqual(
      uplinks.map(({ name, state, breakout }) => [name, state, breakout]),
      [
        ['isp1', 'down', false],
        ['isp2', 'up', true],
      ],
    );
    t.is(await na.stop(), 0);
    network.run('isp1', 'ip link set cust up');
    network.run('na', 'ip route replace default via 198.51.100.1');
    t.deepEqual(
      changes(before, site.picture()).filter((line) => !/nf_conntrack|LOWER_UP|state |_dad|ra_/.test(line)),
      [],
    );
  },
);

rootTest(
  'a silent fault behind the gateway shows in the probes; the return to the cheaper uplink cuts nothing',
  async (t) => {
    const site = new Site(t);
    const { network, na } = site;
    await site.start();
    network.run('isp1', 'sysctl -qw net.ipv4.ip_forward=0');
    await site.breaksOutBy('isp2');
    t.is(site.sourceOf(), FROM_ISP2);
    const client = network.start('site', [process.execPath, '-e', CLIENT]);
    await until('it flows', () => client.output.includes(FROM_ISP2));
    network.run('isp1', 'sysctl -qw net.ipv4.ip_forward=1');
    await site.breaksOutBy('isp1');
    t.is(site.sourceOf(), FROM_ISP1);
    const heard = client.lines.length;
    await until('it still flows', () => client.lines.length > heard + 5);
    t.false(client.output.includes(FROM_ISP1));
    t.notRegex(client.output, /E[A-Z]+/);
    await na.stop();
  },
);

rootTest(
  'the device vanishes and comes back, the address changes, the gateway is missing: each has its event',
  async (t) => {
    const site = new Site(t);
    const { network, na } = site;
    await site.start();
    network.run('na', 'ip link del wan0');
    await site.breaksOutBy('isp2');
    network.cable('na', 'wan0', 'isp1', 'cust');
    network.run('isp1', 'ip addr add 198.51.100.1/24 dev cust');
    network.run('isp1', 'ip route replace 192.0.2.7 via 10.9.1.1');
    await until('the socket is bound anew', () => na.has('uplink-bound'));
    network.run('na', 'ip addr add 198.51.100.77/24 dev wan0');
    const missing = () =>
      na.events('uplink-state').some(({ reasons }) => String(reasons).includes('no-gateway'));
    await until(() => `no gateway: ${na.program.output}`, missing);
    network.run('na', 'ip route add default via 198.51.100.1 metric 50');
    await site.breaksOutBy('isp1');
    t.is(site.sourceOf(), '198.51.100.77');
    const addresses = na.events('uplink-addresses').filter(({ uplink }) => uplink === 'isp1');
    t.deepEqual(addresses.at(-1)?.['to'], ['198.51.100.77/24']);
    t.is(await na.stop(), 0);
    t.notRegex(site.picture(), /proto 84|5453|twinspan|84\d\d:/);
  },
);

rootTest('one of two uplinks is away at start, and comes later', async (t) => {
  const site = new Site(t);
  const { network, na } = site;
  network.run('na', 'ip link set wan1 name later0');
  await site.start();
  const states = await na.status();
  t.is(states.devices.filter(({ role }) => role === 'uplink').length, 2);
  t.true(na.events('uplink-state').length > 0);
  network.run('na', 'ip link set later0 down; ip link set later0 name wan1; ip link set wan1 up');
  network.run('na', 'ip route add default via 203.0.113.1 metric 200');
  await until('it is bound', () => na.has('uplink-bound'));
  network.run('isp1', 'ip link set cust down');
  await site.breaksOutBy('isp2');
  t.is(site.sourceOf(), FROM_ISP2);
});

rootTest(
  'two uplinks in one subnet: told, kept apart, and each carries breakout when the other cannot',
  async (t) => {
    const site = new Site(t, [
      { name: 'isp1', device: 'wan0', cost: 10 },
      { name: 'twin', device: 'wan2', cost: 20, gateway: '198.51.100.1' },
    ]);
    const { network, na } = site;
    network.cable('na', 'wan2', 'isp1', 'cust2');
    network.run('na', 'ip addr add 198.51.100.3/24 dev wan2');
    network.run(
      'isp1',
      `ip link add br0 type bridge; ip link set br0 up; ip addr del 198.51.100.1/24 dev cust
     ip link set cust master br0; ip link set cust2 master br0; ip addr add 198.51.100.1/24 dev br0`,
    );
    await site.start();
    t.deepEqual(na.events('uplinks-share-subnet').at(-1)?.['uplinks'], ['isp1', 'twin']);
    t.is(site.sourceOf(), FROM_ISP1);
    network.run('isp1', 'ip link set cust down; ip neigh flush dev br0');
    await site.breaksOutBy('twin');
    t.is(site.sourceOf(), '198.51.100.3');
    const macs = network.run('isp1', 'ip neigh show 198.51.100.3').trim();
    t.true(macs.includes(network.run('na', 'cat /sys/class/net/wan2/address').trim()), macs);
  },
);

rootTest('streams and datagrams of every size break out and come back, with and without ICMP', async (t) => {
  const site = new Site(t);
  const { network } = site;
  await site.start();
  await startEcho(network, 'net');
  await stream(network, 'site', INTERNET);
  await datagrams(network, 'site', INTERNET);
  // From here on only the clamped MSS keeps segments small enough for the TUN.
  network.run(
    'na',
    "nft 'table inet mute { chain out { type filter hook output priority 0; icmp type destination-unreachable drop; }; }'",
  );
  for (const host of ['site', 'net']) network.run(host, 'ip route flush cache');
  await stream(network, 'site', INTERNET);
  t.pass();
});

rootTest('a tunnel leaves an uplink whose carrier is lost, and the session stays', async (t) => {
  const line = new Line(t);
  const { network, na, nb } = line;
  network.cable('na', 'wan1', 'nb', 'wan1');
  network.run('na', 'ip addr add 203.0.113.1/24 dev wan1');
  network.run('nb', 'ip addr add 203.0.113.2/24 dev wan1');
  const uplinks = [
    { name: 'isp1', device: 'wan0', cost: 10 },
    { name: 'isp2', device: 'wan1', cost: 20, gateway: '203.0.113.2' },
  ];
  na.configure({ uplinks });
  nb.configure({ uplinks: uplinks.map(({ name, device }) => ({ name, device })) });
  await line.start();
  await ping(network, 'ha', HB);
  t.is((await na.peer('nb')).path, 'isp1');
  network.run('nb', 'ip link set wan0 down');
  await ping(network, 'ha', HB);
  t.is((await na.peer('nb')).path, 'isp2');
  network.run('nb', 'ip link set wan0 up; ip link set wan1 down');
  network.run('na', 'ip route replace default via 198.51.100.2');
  await ping(network, 'ha', HB);
  t.is((await na.peer('nb')).path, 'isp1');
  t.deepEqual(na.events('handshake-failed'), []);
  const { uplinks: states } = await na.call('uplinks', {});
  t.deepEqual(
    states.map(({ reasons }) => reasons.map(({ code }) => code)),
    [[], ['no-carrier']],
  );
});
