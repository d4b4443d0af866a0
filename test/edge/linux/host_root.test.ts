/**
 * The same on real hosts: network namespaces with TUN devices and a veth pair as the LAN. The child process
 * (host_child.ts) is the daemon's stand-in; what it left is read from outside.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { desiredHost } from '../../../src/core/plan/desired.js';
import type { DesiredHost } from '../../../src/core/plan/host.js';
import { edge1a } from '../../core/plan/fixtures.js';
import { rootTest } from '../../support/privileged.js';

const CHILD = fileURLToPath(new URL('./host_child.js', import.meta.url));
const NAMESPACE = `tshost-${process.pid}`;
const desired = desiredHost(edge1a);

interface Outcome {
  commands: string[];
  problems: { code: string; message: string; hint?: string }[];
  changes: { key: string; before: string; after: string }[];
}

function sh(command: string): string {
  return execFileSync('sh', ['-ec', command], { encoding: 'utf8' });
}

/** In the namespace, by a shell. */
function inside(command: string): string {
  return execFileSync('ip', ['netns', 'exec', NAMESPACE, 'sh', '-ec', command], { encoding: 'utf8' });
}

function child(order: object, prefix: string[] = []): Outcome[] {
  const argv = ['netns', 'exec', NAMESPACE, ...prefix, process.execPath, CHILD, JSON.stringify(order)];
  return (JSON.parse(execFileSync('ip', argv, { encoding: 'utf8' })) as { results: Outcome[] }).results;
}

/** Everything an operator would look at, without what the kernel counts or ages by itself. */
function picture(): string {
  const sysctls = desired.sysctls.map(({ key }) => `/proc/sys/${key}`).filter((key) => !key.includes('/ts-'));
  return inside(`ip -4 addr; ip -4 route show table all; ip -6 route; ip rule; ip -6 rule; cat ${sysctls.join(' ')};
    nft list ruleset`);
}

const TUNS = 'for tun in ts-lan ts-wan; do ip tuntap add dev $tun mode tun; done';

function hostTest(title: string, body: (t: ExecutionContext) => Promise<void> | void): void {
  rootTest(title, async (t) => {
    sh(`ip netns add ${NAMESPACE}`);
    try {
      inside(`ip link set lo up; ip link add eth1 type veth peer name eth1-far
        ip link set eth1 up; ip link set eth1-far up; ip addr add 172.16.10.200/24 dev eth1
        ip route add 10.200.0.0/16 via 172.16.10.1; ${TUNS}`);
      await body(t);
    } finally {
      sh(`ip netns del ${NAMESPACE}`);
    }
  });
}

hostTest('a real host is brought up, found in order, and left as it was', (t) => {
  const before = picture();
  const [first, second] = child({ do: 'apply-twice', desired });
  t.deepEqual(first.problems, []);
  t.true(first.commands.includes('ip route add 10.100.0.0/16 dev ts-lan proto 84'));
  t.deepEqual(second, { commands: [], problems: [], changes: [] });
  t.regex(inside('ip -4 route get 10.100.10.15'), /dev ts-lan src 172\.16\.10\.200/);
  t.regex(inside('ip -4 route show 172.16.10.0/24'), /src 172\.16\.10\.200/);
  t.is(inside('ip -4 route show 172.16.10.0/24').trim().split('\n').length, 1, 'the VIP adds no route');
  const [undone] = child({ do: 'undo', desired, changes: first.changes });
  t.deepEqual(undone.problems, []);
  const links = (text: string) => text.replace(/^\d+: ts-.*$/gm, '');
  t.is(links(picture()), links(before));
});

hostTest('killed with SIGKILL: the next start cleans, reuses and goes on', async (t) => {
  const full: DesiredHost = {
    ...desired,
    routes: [...desired.routes, { prefix: '10.50.0.0/16', device: 'eth1', via: '172.16.10.9', table: 84 }],
    rules: [{ family: 4, priority: 8400, from: '172.16.10.0/24', iif: 'eth1', mark: 84, table: 84 }],
    nft: 'table inet twinspan {\n chain out { type nat hook postrouting priority 100; counter masquerade; }\n}',
  };
  const order = JSON.stringify({ do: 'hang', desired: full });
  const daemon = spawn('ip', ['netns', 'exec', NAMESPACE, process.execPath, CHILD, order], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(daemon, 'exit');
  try {
    const [line] = await Promise.race([once(daemon.stdout, 'data'), exited.then(() => ['{}'])]);
    t.deepEqual(JSON.parse(String(line)).results?.[0].problems, []);
  } finally {
    daemon.kill('SIGKILL');
    await exited;
  }
  inside(`ip link del ts-lan; ip link del ts-wan; ${TUNS}`);
  const [result] = child({ do: 'apply', desired: desiredHost({ ...edge1a, active: false }) });
  t.deepEqual(result.problems, []);
  const deletions = result.commands.filter((command) => / del /.test(command) || command.startsWith('nft'));
  t.deepEqual(deletions, [
    'nft delete table inet twinspan',
    'ip rule del priority 8400 from 172.16.10.0/24 iif eth1 fwmark 0x54 lookup 84 protocol 84',
    'ip route del 10.50.0.0/16 via 172.16.10.9 dev eth1 table 84 proto 84',
    'ip addr del 172.16.10.215/32 dev eth1',
  ]);
  t.regex(inside('ip route'), /10\.200\.0\.0\/16 via 172\.16\.10\.1/);
});

hostTest(
  'the guard: without its TUN the overlay is unreachable, and nothing takes the default route',
  (t) => {
    const ULA = { family: 6, bytes: Uint8Array.of(0xfd, 9, ...new Uint8Array(14)), length: 32 } as const;
    const both = desiredHost({ ...edge1a, overlayPrefixes: [...edge1a.overlayPrefixes, ULA] });
    inside(`ip route add default via 172.16.10.1; ip -6 addr add fd05::1/64 dev eth1 nodad
    ip -6 route add default via fd05::2`);
    const [first, second] = child({ do: 'apply-twice', desired: both });
    t.deepEqual([first.problems, second.commands], [[], []]);
    inside('ip route del 10.100.100.0/24; ip link del ts-lan; ip link del ts-wan');
    const leads = (address: string) => inside(`ip route get ${address} 2>&1 || true`);
    for (const address of ['10.100.10.15', '10.100.100.15', 'fd09::15']) {
      t.regex(leads(address), /^RTNETLINK answers: (No route to host|Network is unreachable)/, address);
    }
    t.regex(leads('10.101.0.1'), /via 172\.16\.10\.1/);
    inside(TUNS);
    const [third, fourth] = child({ do: 'apply-twice', desired: both });
    t.deepEqual([third.problems, fourth.commands], [[], []]);
    t.false(
      third.commands.some((command) => command.includes('unreachable')),
      'the guard was still there',
    );
    t.deepEqual(child({ do: 'undo', desired: both, changes: first.changes })[0].problems, []);
    t.regex(leads('10.100.10.15'), /via 172\.16\.10\.1/);
  },
);

hostTest('rules, tables, IPv6 and nft read back as they were written', (t) => {
  const ULA = { family: 6, bytes: Uint8Array.of(0xfd, ...new Uint8Array(15)), length: 64 } as const;
  const vip = { address: Uint8Array.of(0xfd, 1, ...new Uint8Array(13), 9), prefixLength: 64 };
  const base = desiredHost({ ...edge1a, overlayPrefixes: [...edge1a.overlayPrefixes, ULA], vip });
  const full: DesiredHost = {
    ...base,
    routes: [
      ...base.routes,
      { prefix: '0.0.0.0/0', device: 'ts-wan', table: 84, metric: 7, source: '172.16.10.200' },
      { prefix: '::/0', device: 'ts-wan', table: 300 },
      { prefix: '10.99.0.0/16', type: 'unreachable', metric: 4096 },
      { prefix: 'fd09::/16', type: 'blackhole' },
    ],
    rules: [
      { family: 4, priority: 8400, mark: 84, table: 84 },
      { family: 4, priority: 8401, from: '172.16.10.7/32', to: '10.0.0.0/8', table: 84 },
      { family: 6, priority: 8400, iif: 'ts-wan', table: 300 },
      { family: 6, priority: 8401, to: 'fd00::/8', table: 300 },
    ],
    nft: 'table inet twinspan {\n chain out { type nat hook postrouting priority 100; oifname "ts-wan" counter masquerade; }\n}',
  };
  const [first, second] = child({ do: 'apply-twice', desired: full });
  t.deepEqual(first.problems, []);
  t.deepEqual(second.commands, []);
  t.regex(inside('ip -6 addr show dev eth1'), /fd01::9\/128 scope global .*deprecated/);
  t.notRegex(inside('ip -6 addr show dev eth1'), /fd01::9.*tentative/);
  t.regex(inside('nft list table inet twinspan'), /masquerade/);
  t.deepEqual(child({ do: 'undo', desired: full, changes: first.changes })[0].problems, []);
  t.notRegex(picture(), /proto 84|8400|twinspan/);
});

hostTest('a route is moved, the VIP is leased, and a lease ends by itself', async (t) => {
  child({ do: 'apply', desired });
  const moved = desiredHost({
    ...edge1a,
    overlaySource: Uint8Array.of(172, 16, 10, 200),
    vipLifetimeSeconds: 1,
  });
  const [result] = child({ do: 'apply', desired: moved });
  t.deepEqual(result.problems, []);
  t.deepEqual(result.commands, [
    'ip addr replace 172.16.10.215/32 dev eth1 valid_lft 1 preferred_lft 1',
    'ip route replace 10.100.0.0/16 dev ts-lan src 172.16.10.200 proto 84',
    'ip route replace 10.100.100.0/24 dev ts-lan src 172.16.10.200 proto 84',
  ]);
  for (let tries = 0; tries < 100 && inside('ip addr').includes('172.16.10.215'); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.false(inside('ip addr').includes('172.16.10.215'));
  t.true(inside('ip addr').includes('172.16.10.200'));
});

hostTest('what the host refuses is named: foreign route, missing device, no permission', (t) => {
  inside('ip route add 10.100.0.0/16 via 172.16.10.2; ip link del ts-wan');
  const [result] = child({ do: 'apply', desired });
  const codes = result.problems.map(({ code }) => code);
  t.true(codes.includes('TS_DEVICE') && codes.includes('TS_HOST_COMMAND'));
  t.true(result.problems.some(({ message }) => /10\.100\.0\.0\/16.*File exists/.test(message)));
  t.true(result.problems.some(({ message }) => message.includes('Cannot find device "ts-wan"')));
  t.regex(inside('ip route'), /10\.100\.0\.0\/16 via 172\.16\.10\.2/);
  t.true(inside('ip route').includes('10.100.100.0/24 dev ts-lan'), 'the rest is in place');
  inside('ip route del 10.100.100.0/24');
  const nobody = ['setpriv', '--reuid', '65534', '--clear-groups'];
  const [refused] = child({ do: 'apply', desired }, nobody);
  t.true(
    refused.problems.some(({ code, message }) => code === 'TS_NOT_ROOT' && message.includes('10.100.100.0')),
  );
});

/** Sends one datagram from `source` to the site host, in the namespace beyond the TUN's stand-in. */
function sendFrom(source: string): void {
  const script = `const socket = require('node:dgram').createSocket('udp4');
    socket.bind(0, '${source}', () => socket.send('x', 9, '172.16.10.15', () => socket.close()));`;
  execFileSync('ip', ['netns', 'exec', `${NAMESPACE}-far`, process.execPath, '-e', script]);
}

// rp_filter does not care what kind of device it is, so a veth stands in for the TUN: its far end can send anything.
hostTest('what a TUN must deliver passes the source check of the kernel, whatever all/rp_filter is', (t) => {
  const far = `${NAMESPACE}-far`;
  sh(`ip netns add ${far}`);
  try {
    inside(`ip link del ts-lan; ip link add ts-lan type veth peer name far netns ${far}
      ip neigh add 172.16.10.15 lladdr 02:00:00:00:00:15 dev eth1
      nft 'table inet probe { chain f { type filter hook forward priority 0; ip daddr 172.16.10.15 counter; }; }'`);
    sh(`ip -n ${far} link set far up; ip -n ${far} addr add 172.16.10.200/32 dev far
      ip -n ${far} addr add 10.100.100.15/32 dev far; ip -n ${far} addr add 172.16.10.77/32 dev far
      ip -n ${far} route add 172.16.10.15 dev far`);
    const mac = inside('cat /sys/class/net/ts-lan/address').trim();
    sh(`ip -n ${far} neigh add 172.16.10.15 lladdr ${mac} dev far`);
    for (const rpFilterAll of [0, 1, 2]) {
      inside(`echo ${rpFilterAll} > /proc/sys/net/ipv4/conf/all/rp_filter`);
      t.deepEqual(child({ do: 'apply', desired: desiredHost({ ...edge1a, rpFilterAll }) })[0].problems, []);
      // Our own ICMP errors, the overlay, and a site host's address (local breakout).
      for (const source of ['172.16.10.200', '10.100.100.15', '172.16.10.77']) sendFrom(source);
      const [, count] = /counter packets (\d+)/.exec(inside('nft list table inet probe')) ?? [];
      t.is(Number(count), 3 * (rpFilterAll + 1), `all/rp_filter = ${rpFilterAll}`);
    }
  } finally {
    sh(`ip netns del ${far}`);
  }
});
