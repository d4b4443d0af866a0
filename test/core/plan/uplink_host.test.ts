/**
 * Golden command text of uplinks and local breakout: start, switch, loss of every uplink, stop, two uplinks in one subnet.
 */
import test from 'ava';
import { desiredHost, type HostInput } from '../../../src/core/plan/desired.js';
import { sharingSubnet, type UplinkWay } from '../../../src/core/plan/uplink-host.js';
import { bring, edge1a, freshHost, planText, prefix, takeBack } from './fixtures.js';

const isp1: UplinkWay = {
  place: 0,
  device: 'eth0',
  gateways: [{ family: 4, via: '198.51.100.1', onLink: false }],
  subnets: [prefix('198.51.100.0/24')],
  usable: true,
};
const isp2: UplinkWay = {
  place: 1,
  device: 'eth2',
  gateways: [{ family: 4, via: '203.0.113.1', onLink: false }],
  subnets: [prefix('203.0.113.0/24')],
  usable: true,
};
const dual: HostInput = {
  ...edge1a,
  active: false,
  ways: [isp1, isp2],
  breakoutPrefixes: [prefix('0.0.0.0/0')],
  breakoutUplink: 0,
};

function host(input = dual) {
  const model = freshHost(input);
  for (const device of ['eth0', 'eth2'])
    model.links.push({ device, mtu: 1500, txQueueLength: 1000, up: true });
  return model;
}

const without = desiredHost({ ...edge1a, active: false });
const with_ = (change: Partial<HostInput>) => desiredHost({ ...dual, ...change });
const down = (way: UplinkWay): UplinkWay => ({ ...way, usable: false });

test('breakout by the first of two uplinks', (t) => {
  const model = host();
  bring(without, model);
  t.is(
    planText(bring(desiredHost(dual), model)),
    `\
sysctl -w net/ipv4/conf/eth0/forwarding=1
sysctl -w net/ipv4/conf/eth2/forwarding=1
ip route add 0.0.0.0/0 via 198.51.100.1 dev eth0 table 8401 proto 84
ip route add 0.0.0.0/0 via 203.0.113.1 dev eth2 table 8402 proto 84
ip route add 0.0.0.0/0 dev ts-wan table 8420 proto 84
ip route add 0.0.0.0/0 dev ts-lan table 8421 proto 84
ip route add unreachable 0.0.0.0/0 table 8421 metric 65535 proto 84
ip route add unreachable 0.0.0.0/0 table 8422 proto 84
ip rule add priority 8401 iif ts-wan fwmark 0x54530001 lookup 8401 protocol 84
ip rule add priority 8402 iif ts-wan fwmark 0x54530002 lookup 8402 protocol 84
ip rule add priority 8420 iif ts-wan lookup 8401 protocol 84
ip rule add priority 8429 iif ts-wan lookup 8422 protocol 84
ip rule add priority 8430 fwmark 0x54530000 lookup 8420 protocol 84
ip rule add priority 8440 iif eth1 lookup 254 suppress_prefixlength 0 protocol 84
ip rule add priority 8441 iif eth1 lookup 8421 protocol 84
ip rule add priority 33001 oif eth0 lookup 8401 protocol 84
ip rule add priority 33002 oif eth2 lookup 8402 protocol 84
nft -f -
  table inet twinspan
  delete table inet twinspan
  table inet twinspan {
  	chain breakout_zone {
  		type filter hook prerouting priority raw; policy accept;
  		iifname "ts-wan" ct original zone set 84
  	}
  	chain breakout_mark {
  		type filter hook prerouting priority mangle; policy accept;
  		iifname "ts-wan" meta mark set 0x54530000
  		iifname "ts-wan" ct mark 0x54530001-0x54530008 meta mark set ct mark
  		iifname != "ts-wan" ct direction reply ct mark 0x54530000-0x54530008 meta mark set 0x54530000
  	}
  	chain breakout_forward {
  		type filter hook forward priority mangle; policy accept;
  		iifname "ts-wan" ct mark 0x54530001 oifname != "eth0" meta l4proto tcp reject with tcp reset
  		iifname "ts-wan" ct mark 0x54530002 oifname != "eth2" meta l4proto tcp reject with tcp reset
  		iifname "ts-wan" meta nfproto ipv4 tcp flags syn / syn,rst tcp option maxseg size > 1368 tcp option maxseg size set 1368
  		iifname "ts-wan" meta nfproto ipv6 tcp flags syn / syn,rst tcp option maxseg size > 1348 tcp option maxseg size set 1348
  		oifname "ts-wan" meta nfproto ipv4 tcp flags syn / syn,rst tcp option maxseg size > 1368 tcp option maxseg size set 1368
  		oifname "ts-wan" meta nfproto ipv6 tcp flags syn / syn,rst tcp option maxseg size > 1348 tcp option maxseg size set 1348
  	}
  	chain breakout_out {
  		type nat hook postrouting priority srcnat; policy accept;
  		meta mark 0x54530000 oifname "eth0" ct mark set 0x54530001 masquerade
  		meta mark 0x54530000 oifname "eth2" ct mark set 0x54530002 masquerade
  		meta mark 0x54530000 oifname != "ts-wan" ct mark set 0x54530000 masquerade
  	}
  }`,
  );
});

test('another uplink is the best: one rule before the other goes, flows stay where they are', (t) => {
  const model = host();
  bring(desiredHost(dual), model);
  t.is(
    planText(bring(with_({ breakoutUplink: 1 }), model)),
    `\
ip rule add priority 8420 iif ts-wan lookup 8402 protocol 84
ip rule del priority 8420 iif ts-wan lookup 8401 protocol 84`,
  );
  t.is(
    planText(bring(desiredHost(dual), model)),
    `\
ip rule add priority 8420 iif ts-wan lookup 8401 protocol 84
ip rule del priority 8420 iif ts-wan lookup 8402 protocol 84`,
  );
});

test('the best uplink dies: its flows fall to the other one', (t) => {
  const model = host();
  bring(desiredHost(dual), model);
  t.is(
    planText(bring(with_({ ways: [down(isp1), isp2], breakoutUplink: 1 }), model)),
    `\
ip rule add priority 8420 iif ts-wan lookup 8402 protocol 84
ip rule del priority 8401 iif ts-wan fwmark 0x54530001 lookup 8401 protocol 84
ip rule del priority 8420 iif ts-wan lookup 8401 protocol 84`,
  );
});

test('no uplink is usable: breakout leads nowhere, not to the main table', (t) => {
  const model = host();
  bring(desiredHost(dual), model);
  const { breakoutUplink: _, ...none } = { ...dual, ways: [down(isp1), down(isp2)] };
  const text = planText(bring(desiredHost(none), model));
  t.notRegex(text, /add/);
  t.true(model.rules.some((rule) => rule.priority === 8429 && rule.table === 8422));
});

test('the address changes by DHCP: a new gateway replaces the old one in its own table alone', (t) => {
  const model = host();
  bring(desiredHost(dual), model);
  const moved = { ...isp1, gateways: [{ family: 4, via: '192.0.2.1', onLink: true }] as const };
  t.is(
    planText(bring(with_({ ways: [moved, isp2] }), model)),
    'ip route replace 0.0.0.0/0 via 192.0.2.1 dev eth0 table 8401 proto 84 onlink',
  );
  const away = { ...isp1, gateways: [], usable: false };
  t.is(
    planText(bring(with_({ ways: [away, isp2], breakoutUplink: 1 }), model)),
    `\
ip rule add priority 8420 iif ts-wan lookup 8402 protocol 84
ip rule del priority 8401 iif ts-wan fwmark 0x54530001 lookup 8401 protocol 84
ip rule del priority 8420 iif ts-wan lookup 8401 protocol 84
ip rule del priority 33001 oif eth0 lookup 8401 protocol 84
ip route del 0.0.0.0/0 via 192.0.2.1 dev eth0 table 8401 proto 84 onlink`,
  );
});

test('uplinks alone: a table each and a rule for bound sockets, behind the main table', (t) => {
  const model = host();
  bring(without, model);
  t.is(
    planText(bring(desiredHost({ ...edge1a, active: false, ways: [isp1, isp2] }), model)),
    `\
ip route add 0.0.0.0/0 via 198.51.100.1 dev eth0 table 8401 proto 84
ip route add 0.0.0.0/0 via 203.0.113.1 dev eth2 table 8402 proto 84
ip rule add priority 33001 oif eth0 lookup 8401 protocol 84
ip rule add priority 33002 oif eth2 lookup 8402 protocol 84`,
  );
});

test('an uplink without a device: the main table decides, and its answers come back all the same', (t) => {
  const free: UplinkWay = { place: 0, device: undefined, gateways: [], subnets: [], usable: true };
  const lines = planText(bring(with_({ ways: [free] }), host())).split('\n');
  t.true(lines.includes('ip rule add priority 8420 iif ts-wan lookup 254 protocol 84'));
  t.false(lines.some((line) => /^ip rule add priority (8401|33001)/.test(line)));
  t.true(lines.some((line) => line.includes('oifname != "ts-wan" ct mark set 0x54530000 masquerade')));
});

test('two uplinks in one subnet do not answer ARP for each other', (t) => {
  const twin = { ...isp2, gateways: isp1.gateways, subnets: [prefix('198.51.100.0/25')] };
  t.deepEqual(sharingSubnet([isp1, twin]), [0, 1]);
  t.deepEqual(sharingSubnet([isp1, isp2]), []);
  const model = host(with_({ ways: [isp1, twin] }) && { ...dual, ways: [isp1, twin] });
  const lines = planText(bring(with_({ ways: [isp1, twin] }), model)).split('\n');
  for (const device of ['eth0', 'eth2']) {
    t.true(lines.includes(`sysctl -w net/ipv4/conf/${device}/arp_ignore=1`), device);
    t.true(lines.includes(`sysctl -w net/ipv4/conf/${device}/arp_announce=2`), device);
  }
});

test('strict rp_filter of an uplink becomes loose, whether it is its own or everybody’s', (t) => {
  const model = host();
  model.sysctls.set('net/ipv4/conf/eth2/rp_filter', '1');
  const own = planText(bring(desiredHost(dual), model));
  t.regex(own, /eth2\/rp_filter=2/);
  t.notRegex(own, /eth0\/rp_filter/);
  const all = planText(bring(with_({ rpFilterAll: 1 }), host()));
  t.regex(all, /eth0\/rp_filter=2/);
});

test('one device for LAN and uplink; IPv6 breakout has rules of its own', (t) => {
  const both = {
    ...isp1,
    device: 'eth1',
    gateways: [...isp1.gateways, { family: 6, via: 'fe80::1', onLink: false }] as const,
  };
  const six = { family: 6, bytes: new Uint8Array(16), length: 0 } as const;
  const input = { ...dual, ways: [both], breakoutPrefixes: [prefix('0.0.0.0/0'), six] };
  const model = freshHost(input);
  const lines = planText(bring(desiredHost(input), model)).split('\n');
  t.is(lines.filter((line) => line.includes('eth1/forwarding')).length, 1);
  t.true(lines.includes('ip -6 route add ::/0 via fe80::1 dev eth1 table 8401 metric 1024 proto 84'));
  t.true(lines.includes('ip -6 rule add priority 8420 iif ts-wan lookup 8401 protocol 84'));
  t.true(lines.includes('sysctl -w net/ipv6/conf/all/forwarding=1'));
  t.is(planText(bring(desiredHost(input), model)), '');
});

test('stop: nothing of it stays', (t) => {
  const model = host();
  const before = model.foreign(desiredHost(dual));
  const steps = bring(desiredHost(dual), model);
  takeBack(desiredHost(dual), steps, model);
  t.is(model.foreign(desiredHost(dual)), before);
  t.deepEqual(
    [model.rules.filter((rule) => rule.protocol === 84), model.tables.has('twinspan')],
    [[], false],
  );
  t.is(planText(takeBack(desiredHost(dual), steps, model)), '');
});
