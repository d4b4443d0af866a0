/** What `ip -N -j -d` prints of devices and default routes, as uplinks want it. */
import test from 'ava';
import { fakeRunner } from '../../../src/edge/linux/fake_runner.js';
import { fakeSysctl } from '../../../src/edge/linux/sysctl.js';
import { readDeviceFacts } from '../../../src/edge/linux/uplink-facts.js';

const inet = (local: string, prefixlen: number) => ({ family: 'inet', local, prefixlen, scope: '0' });
const LINKS = [
  {
    ifindex: 2,
    ifname: 'eth0',
    link_type: '[1]',
    addr_info: [
      inet('198.51.100.2', 24),
      { family: 'inet6', local: 'fe80::2', prefixlen: 64, scope: '253' },
      { family: 'inet6', local: '2001:db8::2', prefixlen: 64, scope: '0' },
    ],
  },
  { ifindex: 5, ifname: 'ppp0', link_type: '[512]', addr_info: [inet('203.0.113.2', 32)] },
  { ifindex: 6, ifname: 'eth2', link_type: 'ether', addr_info: [] },
];
const hop = (dev: string, gateway: string, more: object = {}) => ({
  type: '1',
  dst: 'default',
  dev,
  gateway,
  ...more,
});
const ROUTES4 = [
  hop('eth0', '198.51.100.9', { table: '254', metric: 100 }),
  hop('eth0', '198.51.100.1', { table: '254', protocol: '16' }),
  hop('eth0', '198.51.100.77', { table: '8401', protocol: '84' }),
  { type: '1', dst: 'default', dev: 'ppp0', table: '100' },
  { type: '7', dst: 'default', table: '254', metric: 9999 },
  {
    type: '1',
    dst: 'default',
    table: '254',
    metric: 7,
    nexthops: [{ gateway: '192.0.2.1', dev: 'eth2', weight: 1 }, 5],
  },
];
const ROUTES6 = [hop('eth0', 'fe80::1', { table: '254', metric: 1024, protocol: '9' })];

function host(ip: (args: readonly string[]) => object) {
  const runner = fakeRunner({ ip: (args) => ({ stdout: `${JSON.stringify(ip(args))}\n` }) });
  return {
    runner,
    sysctl: fakeSysctl(new Map([['net/ipv6/conf/all/forwarding', '0']])),
    nftPrinted: undefined,
  };
}

test('addresses that leave the machine, and the default route that the kernel would take', async (t) => {
  const facts = await readDeviceFacts(
    host((args) => (args.includes('addr') ? LINKS : args.includes('-6') ? ROUTES6 : ROUTES4)),
  );
  t.deepEqual(facts?.get('eth0'), {
    index: 2,
    ethernet: true,
    addresses: ['198.51.100.2/24', '2001:db8::2/64'],
    gateways: [
      { family: 4, via: '198.51.100.1' },
      { family: 6, via: 'fe80::1' },
    ],
  });
  t.deepEqual(facts?.get('ppp0'), {
    index: 5,
    ethernet: false,
    addresses: ['203.0.113.2/32'],
    gateways: [{ family: 4, via: undefined }],
  });
  t.deepEqual(facts?.get('eth2')?.gateways, [{ family: 4, via: '192.0.2.1' }]);
  t.is(facts?.get('eth7'), undefined);
});

test('a kernel that does not answer is not taken for an empty one', async (t) => {
  const silent = {
    ...host(() => []),
    runner: fakeRunner({ ip: () => ({ status: 255, stderr: 'Cannot open netlink' }) }),
  };
  t.is(await readDeviceFacts(silent), undefined);
  t.is((await readDeviceFacts(host(() => [])))?.size, 0);
});
