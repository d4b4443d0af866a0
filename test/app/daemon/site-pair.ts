/**
 * A pair of our nodes at one site, a third elsewhere, a Redis on the site's LAN:
 *
 *   ha 172.16.10.15 ──┐        ┌── na .2 · wan0 198.51.100.1 ──┐
 *   redis .9 ─────────┤ site ──┤                               ├── isp ── 198.51.100.3 wan0 · nr · lan0 ── 192.168.10.15 hr
 *                              └── nb .3 · wan0 198.51.100.2 ──┘
 *
 * The site's gateway is the cluster's address 172.16.10.1; ha is 10.100.10.15, hr is 10.100.100.15.
 */
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Daemon } from '../../support/daemon.js';
import { Network, until } from '../../support/namespaces.js';

export const HR = '10.100.100.15';
const PORT = 51820;
const REDIS_PORT = 6379;

export class Pair {
  readonly network: Network;
  readonly na: Daemon;
  readonly nb: Daemon;
  readonly nr: Daemon;

  /** Of the pair's node.yaml. */
  readonly redis = { url: `redis://172.16.10.9:${REDIS_PORT}/0` };

  /** Namespaces, keys and configuration; nothing runs yet. */
  constructor(t: ExecutionContext) {
    const network = new Network(t);
    this.network = network;
    network.add('site', 'isp', 'ha', 'na', 'nb', 'nr', 'hr');
    for (const hub of ['site', 'isp']) network.run(hub, 'ip link add br0 type bridge; ip link set br0 up');
    for (const [hub, node, device] of [
      ['site', 'ha', 'lan0'],
      ['site', 'na', 'lan0'],
      ['site', 'nb', 'lan0'],
      ['isp', 'na', 'wan0'],
      ['isp', 'nb', 'wan0'],
      ['isp', 'nr', 'wan0'],
    ]) {
      network.cable(hub, `to-${node}`, node, device);
      network.run(hub, `ip link set to-${node} master br0`);
    }
    network.cable('nr', 'lan0', 'hr', 'lan0');
    network.run('site', 'ip addr add 172.16.10.9/24 dev br0');
    network.run('ha', 'ip addr add 172.16.10.15/24 dev lan0; ip route add default via 172.16.10.1');
    network.run('hr', 'ip addr add 192.168.10.15/24 dev lan0; ip route add default via 192.168.10.1');
    const addresses = { na: ['172.16.10.2', 1], nb: ['172.16.10.3', 2], nr: ['192.168.10.1', 3] };
    for (const [node, [lan, host]] of Object.entries(addresses)) {
      network.run(node, `ip addr add ${lan}/24 dev lan0; ip addr add 198.51.100.${host}/24 dev wan0`);
    }
    this.na = new Daemon(network, 'na', 'na');
    this.nb = new Daemon(network, 'nb', 'nb');
    this.nr = new Daemon(network, 'nr', 'nr');
    for (const node of [this.na, this.nb]) node.configure({ redis: this.redis });
    this.nr.configure();
    this.#describe();
  }

  /** All three run and hear each other, na is active. */
  async start(): Promise<void> {
    const { na, nb, nr, network } = this;
    const argv = ['redis-server', '--port', String(REDIS_PORT), '--bind', '172.16.10.9', '--save', ''];
    network.start('site', [...argv, '--appendonly', 'no', '--dir', network.folder, '--protected-mode', 'no']);
    await Promise.all([na.start(), nb.start(), nr.start()]);
    await Promise.all([na.up('nb'), na.up('nr'), nb.up('na'), nb.up('nr')]);
    await until('na is active, and both can serve', async () => {
      const { active, members } = await nb.call('cluster', {});
      return active === 'na' && members.every(({ record }) => record?.serve === true);
    });
  }

  #describe(): void {
    const { na, nb, nr, network } = this;
    const file = {
      network: { name: network.tag, cidr: '10.100.0.0/16' },
      clusters: {
        Site: { members: ['na', 'nb'], site: '172.16.10.0/24', takeover: { vip: '172.16.10.1/24' } },
        Remote: { members: ['nr'], site: '192.168.10.0/24' },
      },
      nodes: {
        na: {
          publicKey: na.key.publicKey,
          endpoints: [`198.51.100.1:${PORT}`],
          lanAddress: '172.16.10.2',
        },
        nb: {
          publicKey: nb.key.publicKey,
          endpoints: [`198.51.100.2:${PORT}`],
          lanAddress: '172.16.10.3',
        },
        nr: { publicKey: nr.key.publicKey, endpoints: [`198.51.100.3:${PORT}`] },
      },
      routes: [
        { cidr: '10.100.10.0/24', to: 'Site' },
        { cidr: '10.100.100.0/24', to: 'Remote' },
      ],
      insideNat: [
        { local: '172.16.10.0/24', network: '10.100.10.0/24', at: 'Site' },
        { local: '192.168.10.0/24', network: '10.100.100.0/24', at: 'Remote' },
      ],
    };
    writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  }
}
