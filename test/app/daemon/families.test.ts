/** Two running nodes whose uplinks gain and lose IPv6: paths over it come and go with the addresses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { PORT } from './line.js';
import { Two } from './two.js';

rootTest('paths are tried over the families that an uplink has, as addresses come and go', async (t) => {
  const two = new Two(t);
  const { network, na } = two;
  two.describe();
  const file = `${network.folder}/network.yaml`;
  const description = JSON.parse(readFileSync(file, 'utf8'));
  description.nodes.nb.endpoints = ['198.51.2.2', '[2001:db8:2::2]'].map((host) => `${host}:${PORT}`);
  writeFileSync(file, JSON.stringify(description));
  network.run('isp1', 'sysctl -qw net.ipv6.conf.all.forwarding=1');
  for (const [node, line] of [
    ['na', 1],
    ['nb', 2],
  ]) {
    network.run('isp1', `ip addr add 2001:db8:${line}::1/64 dev ${node} nodad`);
  }
  network.run('nb', 'ip addr add 2001:db8:2::2/64 dev wan0 nodad; ip route add default via 2001:db8:2::1');
  await two.start();
  const paths = async (): Promise<string[]> => {
    const [peer] = (await na.call('paths', { peer: 'nb' })).peers;
    return peer.paths.map(({ uplink, remote, state }) => `${uplink} ${remote} ${state}`).sort();
  };
  const none = await paths();
  t.true(none.length >= 2 && none.every((path) => !path.includes('2001')), none.join());
  network.run('na', 'ip addr add 2001:db8:1::2/64 dev wan0 nodad; ip route add default via 2001:db8:1::1');
  await until('a path over IPv6', async () => (await paths()).includes('isp1 [2001:db8:2::2]:51820 up'));
  t.false(
    (await paths()).some((path) => path.startsWith('isp2 [')),
    'the other uplink has no IPv6',
  );
  network.run('na', 'ip addr del 2001:db8:1::2/64 dev wan0');
  // Their states are their own affair: a path that leads nowhere is tried now and then.
  const places = (all: readonly string[]): string => all.map((path) => path.replace(/ \S+$/, '')).join();
  await until('it goes with the address', async () => places(await paths()) === places(none));
});
