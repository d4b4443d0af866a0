/**
 * Two running nodes with two ISPs, of which one is behind NAT: each tells the other what its paths cost and from where it is
 * seen; which ISP is bad can be read from `netcheck`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { formatNetcheck } from '../../../src/app/cli/commands/netcheck.js';
import { formatPaths } from '../../../src/app/cli/commands/paths.js';
import { formatUplinks } from '../../../src/app/cli/commands/uplinks.js';
import type { NetcheckReport } from '../../../src/app/observe/path-reports.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB } from './line.js';
import { Two } from './two.js';

/** Of the tunnel. */
const MTU = 1_408;

/** na dials by both ISPs, isp1 masquerades it; what is cheap for na is not what is cheap for nb. */
function behindNat(t: ExecutionContext): Two {
  const two = new Two(t);
  two.describe(['nb']);
  two.na.configure({
    uplinks: [
      { name: 'dear', device: 'wan0', cost: 100, isp: 'One' },
      { name: 'cheap', device: 'wan1', cost: 10, isp: 'Two' },
    ],
  });
  two.network.run(
    'isp1',
    `nft 'table ip nat { chain p { type nat hook postrouting priority 100;
      oifname "nb" ip protocol udp masquerade to :40000-40100; }; }'`,
  );
  return two;
}

async function awaited<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  return (await until(what, look)) as T;
}

rootTest('both ends prefer what is cheap for both; the node behind NAT knows how it looks', async (t) => {
  const two = behindNat(t);
  const { na, nb } = two;
  await Promise.all([na.start(), nb.start()]);
  await ping(two.network, 'ha', HB);
  await awaited('nb goes by what na calls cheap', async () => {
    const [{ paths }] = (await nb.call('paths', { peer: 'na' })).peers;
    const used = paths.find(({ inUse }) => inUse);
    return used?.peerUplink === 'cheap' ? used : undefined;
  });
  const [{ paths }] = (await nb.call('paths', { peer: 'na' })).peers;
  t.deepEqual(paths.map(({ uplink, peerUplink, cost, inUse }) => [uplink, peerUplink, cost, inUse]).sort(), [
    ['isp1', 'dear', 110, false],
    ['isp2', 'cheap', 30, true],
  ]);
  const { uplinks } = await awaited('both are seen and measured', async () => {
    const report = await na.call('netcheck', {});
    return report.uplinks.every(({ seen, mtu }) => seen.length > 0 && mtu?.worst === MTU)
      ? report
      : undefined;
  });
  const [dear, cheap] = uplinks;
  t.like(dear, { nat: 'yes', mapping: 'unknown', paths: { total: 2, usable: 1 } });
  t.regex(dear.seen[0].as, /^198\.51\.2\.1:40\d\d\d$/);
  t.like(cheap, { nat: 'no', verdict: { grade: 'well', text: '1 of 2 paths up, every node reached' } });
  t.deepEqual([cheap.seen[0].as, cheap.seen[0].peer], ['203.0.1.2:51820', 'nb']);
});

rootTest('an ISP that loses packets is found, with its loss; so is one whose gateway is dead', async (t) => {
  const two = new Two(t);
  two.describe();
  await two.start();
  const { na } = two;
  const verdictOf = async (place: number, words: RegExp): Promise<NetcheckReport> =>
    awaited(`${words}: ${na.program.output}`, async () => {
      const report = await na.call('netcheck', {});
      return words.test(report.uplinks[place].verdict.text) ? report : undefined;
    });
  two.network.run(
    'isp2',
    `nft 'table ip poor { chain f { type filter hook forward priority 0; numgen random mod 100 < 16 drop; }; }'`,
  );
  const lossy = await verdictOf(1, /^\d+ % loss on 1 of 1 paths, none by isp1 to the same nodes$/);
  t.is(lossy.uplinks[1].verdict.grade, 'poor');
  t.is(lossy.uplinks[0].verdict.grade, 'well');
  two.network.run('isp1', 'ip addr flush dev na; sysctl -qw net.ipv4.conf.na.arp_ignore=8');
  two.network.run('na', 'ip neigh flush dev wan0');
  const dead = await verdictOf(0, /gateway/);
  t.is(dead.uplinks[0].verdict.grade, 'bad');
  await sleep(1_000);
  t.log(`\n${formatNetcheck(await na.call('netcheck', {}))}`);
  t.log(`\n${formatUplinks(await na.call('uplinks', {}))}`);
  t.log(`\n${formatPaths(await na.call('paths', {}))}`);
});
