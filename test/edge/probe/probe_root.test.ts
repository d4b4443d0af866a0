/**
 * Probes between namespaces: two ways out of one host, of which each answers for itself alone.
 *
 *   198.51.100.9 ── eth0 · here · eth1 ── 203.0.113.9
 */
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { Network, until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';

const CHILD = fileURLToPath(new URL('./probe_child.js', import.meta.url));
const SERVERS = `
  require('node:net').createServer((socket) => socket.end()).listen(4443);
  const dns = require('node:dgram').createSocket('udp4');
  dns.on('message', (message, from) => { message[2] |= 0x80; dns.send(message, from.port, from.address); });
  dns.bind(53, () => console.log('ready'));`;

function setUp(t: ExecutionContext): Network {
  const network = new Network(t);
  network.add('here', 'one', 'two');
  network.cable('here', 'eth0', 'one', 'far');
  network.cable('here', 'eth1', 'two', 'far');
  network.run(
    'here',
    `ip addr add 198.51.100.2/24 dev eth0; ip addr add fd05::2/64 dev eth0 nodad; ip addr add 203.0.113.2/24 dev eth1
     ip route add default via 198.51.100.9`,
  );
  network.run('one', 'ip addr add 198.51.100.9/24 dev far; ip addr add fd05::9/64 dev far nodad');
  network.run(
    'two',
    'ip addr add 203.0.113.9/24 dev far; ip addr add 192.0.2.7/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_ignore=1',
  );
  return network;
}

type Ask = [device: string, kind: string, address: string, port?: number];

function ask(network: Network, ...orders: Ask[]): boolean[] {
  const list = orders.map(([device, kind, address, port = 53]) => ({ device, kind, address, port }));
  return JSON.parse(
    network.run('here', `${process.execPath} ${CHILD} '${JSON.stringify(list)}'`),
  ) as boolean[];
}

rootTest('ping, TCP and DNS are answered by the device that leads there, and by no other', async (t) => {
  const network = setUp(t);
  const servers = network.start('one', [process.execPath, '-e', SERVERS]);
  await until('servers', () => servers.output.includes('ready'));
  const orders: [Ask, boolean][] = [
    [['eth0', 'ping', '198.51.100.9'], true],
    [['', 'ping', '198.51.100.9'], true],
    [['eth0', 'ping', 'fd05::9'], true],
    [['eth0', 'tcp', '198.51.100.9', 4443], true],
    [['eth0', 'tcp', 'fd05::9', 4443], true],
    [['eth0', 'tcp', '198.51.100.9', 4444], true],
    [['eth0', 'dns', '198.51.100.9'], true],
    [['eth1', 'ping', '203.0.113.9'], true],
    [['eth1', 'dns', '203.0.113.9'], false],
    [['eth0', 'ping', '203.0.113.9'], false],
    [['eth1', 'tcp', '198.51.100.9', 4443], false],
    [['eth1', 'ping', '198.51.100.9'], false],
    [['eth7', 'ping', '198.51.100.9'], false],
    [['eth0', 'ping', '198.51.100.77'], false],
  ];
  const answers = ask(network, ...orders.map(([order]) => order));
  for (const [index, [order, expected]] of orders.entries()) t.is(answers[index], expected, order.join(' '));
});

rootTest('a bound socket needs a route of its device: the table behind the main one gives it', (t) => {
  const network = setUp(t);
  t.deepEqual(ask(network, ['eth1', 'ping', '192.0.2.7']), [false], 'the only default route is of eth0');
  network.run(
    'here',
    `ip route add default via 203.0.113.9 dev eth1 table 8402 proto 84
     ip rule add priority 33002 oif eth1 lookup 8402 protocol 84`,
  );
  t.deepEqual(ask(network, ['eth1', 'ping', '192.0.2.7'], ['eth0', 'ping', '192.0.2.7']), [true, false]);
  t.regex(network.run('here', 'ip route get 192.0.2.7'), /dev eth0/, 'nothing else has changed');
});
