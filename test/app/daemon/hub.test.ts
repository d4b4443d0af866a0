/**
 * Site to site: two sites that reach each other directly, and a gateway that both reach.
 *
 *   ha ── na ──┐          ┌── nb ── hb
 *              ├── isp ───┤
 *              └── nh ────┘   (bridged: what one of them may say to another is nftables' matter)
 *
 * Traffic goes directly while that works, else through the gateway, and back without a loss.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Daemon } from '../../support/daemon.js';
import { Network, until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { Flow, ping } from '../../support/traffic.js';
import { FLOW_ENDS, HB, NATS, PORT, ROUTES } from './line.js';

const PER_SECOND = 200;
const HOSTS = { na: 1, nb: 2, nh: 3 } as const;

async function start(t: ExecutionContext): Promise<{ network: Network; na: Daemon; nb: Daemon }> {
  const network = new Network(t);
  network.add('isp', 'ha', 'na', 'nb', 'nh', 'hb');
  network.run('isp', 'ip link add br0 type bridge; ip link set br0 up');
  for (const [node, host] of Object.entries(HOSTS)) {
    network.cable('isp', `to-${node}`, node, 'wan0');
    network.run('isp', `ip link set to-${node} master br0`);
    network.run(node, `ip addr add 198.51.100.${host}/24 dev wan0`);
  }
  network.cable('ha', 'lan0', 'na', 'lan0');
  network.cable('hb', 'lan0', 'nb', 'lan0');
  network.run(
    'nh',
    'ip link add lan0 type bridge; ip link set lan0 up; ip addr add 192.168.30.1/24 dev lan0',
  );
  network.run('ha', 'ip addr add 172.16.10.15/24 dev lan0; ip route add default via 172.16.10.1');
  network.run('hb', 'ip addr add 192.168.10.15/24 dev lan0; ip route add default via 192.168.10.1');
  network.run('na', 'ip addr add 172.16.10.1/24 dev lan0');
  network.run('nb', 'ip addr add 192.168.10.1/24 dev lan0');
  const nodes = (['na', 'nb', 'nh'] as const).map((name) => new Daemon(network, name, name));
  for (const node of nodes) node.configure();
  const file = {
    network: { name: network.tag, cidr: '10.100.0.0/16' },
    clusters: {
      A: { members: ['na'], site: '172.16.10.0/24', gateway: false },
      B: { members: ['nb'], site: '192.168.10.0/24', gateway: false },
      Hub: { members: ['nh'], site: '192.168.30.0/24' },
    },
    nodes: Object.fromEntries(
      nodes.map(({ node, key }) => [
        node,
        {
          publicKey: key.publicKey,
          endpoints: [`198.51.100.${HOSTS[node as keyof typeof HOSTS]}:${PORT}`],
        },
      ]),
    ),
    routes: ROUTES,
    insideNat: NATS,
  };
  writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  const [na, nb, nh] = nodes;
  await Promise.all(nodes.map((node) => node.start()));
  await Promise.all([na.up('nb'), na.up('nh'), nb.up('na'), nb.up('nh'), nh.up('na'), nh.up('nb')]);
  return { network, na, nb };
}

rootTest('a site is reached directly while that works, else through a gateway', async (t) => {
  const { network, na, nb } = await start(t);
  await ping(network, 'ha', HB);
  const under = async (what: string, fault: string, served: readonly [string, string]): Promise<number> => {
    const flow = await Flow.start(network, FLOW_ENDS, PER_SECOND);
    await sleep(500);
    network.run('isp', fault);
    for (const [index, node] of [na, nb].entries()) {
      await until(
        () => `${node.node}, ${what}: ${node.program.output}`,
        () => String(node.events('serving-changed').at(-1)?.['serving']).includes(served[index]),
      );
    }
    await sleep(500);
    const lost = (await flow.finish()).map(({ sent, received }) => sent - received);
    t.log(`${what}: outage ${lost.map((count) => `${(count * 1_000) / PER_SECOND} ms`).join(' / ')}`);
    return Math.max(...lost);
  };
  const hops = (): string => network.run('ha', `ping -n -c 1 -W 5 ${HB}`);
  const direct = Number(/ttl=(\d+)/.exec(hops())?.[1]);
  const lost = await under(
    'the direct way falls silent',
    `nft 'table bridge hole { chain f { type filter hook forward priority 0;
       ip saddr 198.51.100.1 ip daddr 198.51.100.2 drop; ip saddr 198.51.100.2 ip daddr 198.51.100.1 drop; }; }'`,
    ['B: nh', 'A: nh'],
  );
  t.true(lost > 0 && lost < 2 * PER_SECOND, `${lost} datagrams`);
  t.is(Number(/ttl=(\d+)/.exec(hops())?.[1]), direct - 1, 'a hub is a hop');
  t.is(await under('it works again', 'nft delete table bridge hole', ['B: nb', 'A: na']), 0);
  t.is(Number(/ttl=(\d+)/.exec(hops())?.[1]), direct);
});
