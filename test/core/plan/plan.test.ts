/**
 * Golden command text: what the daemon would type on the host in each situation of a node's life.
 */
import test from 'ava';
import { desiredHost, type HostInput } from '../../../src/core/plan/desired.js';
import { planHost } from '../../../src/core/plan/plan.js';
import { GUARD_METRIC } from '../../../src/core/plan/uplink-host.js';
import { bring, edge1a, freshHost, planText, prefix, takeBack } from './fixtures.js';

const FRESH_START = `\
ip link set dev ts-lan mtu 1408 txqueuelen 4096 up
ip link set dev ts-wan mtu 1408 txqueuelen 4096 up
sysctl -w net/ipv4/ip_forward=1
sysctl -w net/ipv4/conf/ts-lan/forwarding=1
sysctl -w net/ipv4/conf/ts-lan/accept_local=1
sysctl -w net/ipv4/conf/ts-wan/forwarding=1
sysctl -w net/ipv4/conf/ts-wan/accept_local=1
sysctl -w net/ipv4/conf/all/send_redirects=0
sysctl -w net/ipv4/conf/eth1/forwarding=1
sysctl -w net/ipv4/conf/eth1/send_redirects=0
sysctl -w net/ipv6/conf/ts-lan/disable_ipv6=1
sysctl -w net/ipv6/conf/ts-wan/disable_ipv6=1
ip addr add 192.0.0.8/32 dev ts-lan scope host
ip addr add 192.0.0.8/32 dev ts-wan scope host
ip addr add 172.16.10.215/32 dev eth1
ip route add 10.100.0.0/16 dev ts-lan proto 84
ip route add unreachable 10.100.0.0/16 metric 65535 proto 84
ip route add 10.100.100.0/24 dev ts-lan proto 84`;

const desired = desiredHost(edge1a);
const with_ = (change: Partial<HostInput>) => desiredHost({ ...edge1a, ...change });

test('fresh start', (t) => {
  t.is(planText(bring(desired, freshHost())), FRESH_START);
});

test('second start: nothing to do', (t) => {
  const host = freshHost();
  bring(desired, host);
  t.is(planText(bring(desired, host)), '');
});

test('start after a killed run: its TUNs are gone, the rest is reused or removed', (t) => {
  const host = freshHost();
  bring(desired, host);
  host.links = freshHost().links;
  host.addresses = host.addresses.filter((address) => address.device === 'eth1');
  host.routes = host.routes.filter((route) => route.device !== 'ts-lan');
  for (const key of host.sysctls.keys()) if (key.includes('/ts-')) host.sysctls.set(key, '0');
  host.routes.push({ prefix: '10.50.0.0/16', device: 'eth1', via: '172.16.10.9', protocol: 84 });
  host.rules.push({ family: 4, priority: 8400, iif: 'ts-wan', table: 84, protocol: 84 });
  host.tables.set('twinspan', 'table inet twinspan { }');
  t.is(
    planText(bring(with_({ active: false }), host)),
    `\
ip link set dev ts-lan mtu 1408 txqueuelen 4096 up
ip link set dev ts-wan mtu 1408 txqueuelen 4096 up
sysctl -w net/ipv4/conf/ts-lan/forwarding=1
sysctl -w net/ipv4/conf/ts-lan/accept_local=1
sysctl -w net/ipv4/conf/ts-wan/forwarding=1
sysctl -w net/ipv4/conf/ts-wan/accept_local=1
sysctl -w net/ipv6/conf/ts-lan/disable_ipv6=1
sysctl -w net/ipv6/conf/ts-wan/disable_ipv6=1
ip addr add 192.0.0.8/32 dev ts-lan scope host
ip addr add 192.0.0.8/32 dev ts-wan scope host
ip route add 10.100.0.0/16 dev ts-lan proto 84
ip route add 10.100.100.0/24 dev ts-lan proto 84
nft delete table inet twinspan
ip rule del priority 8400 iif ts-wan lookup 84 protocol 84
ip route del 10.50.0.0/16 via 172.16.10.9 dev eth1 proto 84
ip addr del 172.16.10.215/32 dev eth1`,
  );
});

test('the VIP is lost and gained', (t) => {
  const host = freshHost();
  bring(desired, host);
  t.is(planText(bring(with_({ active: false }), host)), 'ip addr del 172.16.10.215/32 dev eth1');
  t.is(planText(bring(desired, host)), 'ip addr add 172.16.10.215/32 dev eth1');
});

test('a VIP left on another device goes, after it was added where it belongs', (t) => {
  const host = freshHost();
  host.links.push({ device: 'eth7', up: true });
  host.addresses.push({ device: 'eth7', address: '172.16.10.215/32' });
  const text = planText(bring(desired, host));
  t.true(text.indexOf('addr add 172.16.10.215/32 dev eth1') > 0);
  t.true(text.endsWith('ip addr del 172.16.10.215/32 dev eth7'));
});

test('a VIP with a lifetime is refreshed at its half', (t) => {
  const leased = with_({ vipLifetimeSeconds: 2 });
  const host = freshHost();
  const refresh = 'ip addr replace 172.16.10.215/32 dev eth1 valid_lft 2 preferred_lft 2';
  t.true(
    planText(bring(leased, host)).includes('addr add 172.16.10.215/32 dev eth1 valid_lft 2 preferred_lft 2'),
  );
  t.is(planText(bring(leased, host)), '');
  host.addresses = host.addresses.map((a) => (a.lifetimeSeconds ? { ...a, lifetimeSeconds: 1 } : a));
  t.is(planText(bring(leased, host)), refresh);
  t.is(
    planText(bring(desired, host)),
    'ip addr replace 172.16.10.215/32 dev eth1 valid_lft forever preferred_lft forever',
  );
  t.is(planText(bring(leased, host)), refresh);
});

test('routes change: new ones first, then the old ones go; a changed one is replaced', (t) => {
  const host = freshHost();
  bring(desired, host);
  const changed = with_({
    overlayPrefixes: ['10.100.0.0/16', '10.100.20.0/24'].map(prefix),
    overlaySource: Uint8Array.of(172, 16, 10, 200),
  });
  t.is(
    planText(bring(changed, host)),
    `\
ip route replace 10.100.0.0/16 dev ts-lan src 172.16.10.200 proto 84
ip route add 10.100.20.0/24 dev ts-lan src 172.16.10.200 proto 84
ip route del 10.100.100.0/24 dev ts-lan proto 84`,
  );
});

test('stop: what is ours goes, sysctls return to what they were', (t) => {
  const host = freshHost();
  const before = host.foreign(desired);
  const steps = bring(desired, host);
  t.is(
    planText(takeBack(desired, steps, host)),
    `\
ip route del 10.100.0.0/16 dev ts-lan proto 84
ip route del unreachable 10.100.0.0/16 metric 65535 proto 84
ip route del 10.100.100.0/24 dev ts-lan proto 84
ip addr del 192.0.0.8/32 dev ts-lan
ip addr del 192.0.0.8/32 dev ts-wan
ip addr del 172.16.10.215/32 dev eth1
sysctl -w net/ipv6/conf/ts-wan/disable_ipv6=0
sysctl -w net/ipv6/conf/ts-lan/disable_ipv6=0
sysctl -w net/ipv4/conf/eth1/send_redirects=1
sysctl -w net/ipv4/conf/eth1/forwarding=0
sysctl -w net/ipv4/conf/all/send_redirects=1
sysctl -w net/ipv4/conf/ts-wan/accept_local=0
sysctl -w net/ipv4/conf/ts-wan/forwarding=0
sysctl -w net/ipv4/conf/ts-lan/accept_local=0
sysctl -w net/ipv4/conf/ts-lan/forwarding=0
sysctl -w net/ipv4/ip_forward=0`,
  );
  t.is(host.foreign(desired), before);
  t.is(planText(takeBack(desired, steps, host)), '');
});

test('stop leaves a sysctl alone that somebody else has changed since', (t) => {
  const host = freshHost();
  const steps = bring(desired, host);
  host.sysctls.set('net/ipv4/conf/all/send_redirects', '2');
  t.false(planText(takeBack(desired, steps, host)).includes('all/send_redirects'));
});

test('where all/rp_filter is on, the TUNs are loose, which overrules strict', (t) => {
  for (const rpFilterAll of [1, 2]) {
    const text = planText(bring(with_({ rpFilterAll }), freshHost()));
    t.true(text.includes('sysctl -w net/ipv4/conf/ts-lan/rp_filter=2'));
    t.true(text.includes('sysctl -w net/ipv4/conf/ts-wan/rp_filter=2'));
  }
});

const ULA = { family: 6, bytes: Uint8Array.of(0xfd, ...new Uint8Array(15)), length: 64 } as const;

test('IPv6 in the overlay: advertised default routes survive forwarding, other values of accept_ra stay', (t) => {
  const input = { ...edge1a, overlayPrefixes: [ULA], uplinkDevices: ['eth0', 'eth2'] };
  const host = freshHost(input);
  host.sysctls.set('net/ipv6/conf/eth0/accept_ra', '1');
  const lines = planText(bring(desiredHost(input), host)).split('\n');
  const acceptRa = lines.indexOf('sysctl -w net/ipv6/conf/eth0/accept_ra=2');
  t.true(acceptRa > 0 && acceptRa < lines.indexOf('sysctl -w net/ipv6/conf/all/forwarding=1'));
  t.false(lines.some((line) => line.includes('eth2/accept_ra') || line.includes('disable_ipv6')));
  t.true(lines.includes('ip -6 route add fd00::/64 dev ts-lan metric 1024 proto 84'));
  t.true(lines.includes('ip -6 route add unreachable fd00::/64 metric 65535 proto 84'));
});

test('a kernel without IPv6 is asked for nothing of it', (t) => {
  const input = { ...edge1a, overlayPrefixes: [...edge1a.overlayPrefixes, ULA], ipv6: false };
  t.notRegex(planText(planHost(desiredHost(input), freshHost(input).observe(desired))), /ipv6|ip -6|fd00/);
});

test('the guard lies under the widest prefixes alone, whatever their order', (t) => {
  const texts = ['10.100.100.0/24', '10.9.0.0/16', '10.100.0.0/16', '10.100.0.0/16', '10.9.1.0/24'];
  const { routes } = with_({ overlayPrefixes: texts.map(prefix) });
  const guards = routes.filter((route) => route.type === 'unreachable');
  t.deepEqual(
    guards.map((route) => route.prefix),
    ['10.9.0.0/16', '10.100.0.0/16'],
  );
  t.true(guards.every((route) => route.device === undefined && route.metric === GUARD_METRIC));
  t.is(routes.length, 4 + 2);
});

test('rules of both families and the nft table: added whole, replaced in one transaction, removed', (t) => {
  const table = 'table inet twinspan {\n\tchain post {\n\t}\n}';
  const full = {
    ...desired,
    rules: [
      { family: 4, priority: 8400, from: '172.16.10.0/24', mark: 84, table: 84 },
      { family: 6, priority: 8400, iif: 'ts-wan', table: 84 },
    ] as const,
    nft: table,
  };
  const host = freshHost();
  bring(desired, host);
  t.is(
    planText(bring(full, host)),
    `\
ip rule add priority 8400 from 172.16.10.0/24 fwmark 0x54 lookup 84 protocol 84
ip -6 rule add priority 8400 iif ts-wan lookup 84 protocol 84
nft -f -
  table inet twinspan
  delete table inet twinspan
  table inet twinspan {
  	chain post {
  	}
  }`,
  );
  t.is(planText(bring({ ...full, nft: table.replaceAll('\t', '  ') }, host)), '', 'layout is no difference');
  t.regex(planText(bring({ ...full, nft: table.replace('post', 'pre') }, host)), /^nft -f -\n/);
  t.is(
    planText(bring(desired, host)),
    `\
nft delete table inet twinspan
ip rule del priority 8400 from 172.16.10.0/24 fwmark 0x54 lookup 84 protocol 84
ip -6 rule del priority 8400 iif ts-wan lookup 84 protocol 84`,
  );
});
