/**
 * A whole node of ours and a plain WireGuard router that runs FRR's bfdd: BFD inside the tunnel says whether the router is
 * there, and by which uplink.
 *
 *   h 172.16.10.15 ── lan0 · na · wan0 ── isp1 ── wan0 · w (wireguard-go, bfdd) 192.0.2.7
 *                            └ wan1 ── isp2 ── wan1 ┘
 */
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Daemon, type LogLine, newKey } from '../support/daemon.js';
import { Network, until } from '../support/namespaces.js';
import { rootTest } from '../support/privileged.js';
import { ping } from '../support/traffic.js';
import { Frr } from './frr.js';
import { Pair } from './pair.js';
import { H4, Plain, PORT, W4 } from './rig.js';

const FRR_LINES = ['detect-multiplier 3', 'receive-interval 100', 'transmit-interval 100'];
const ENDS = {
  4: { local: '10.100.250.1', remote: '10.100.250.2', length: 32 },
  6: { local: 'fd10:fa::1', remote: 'fd10:fa::2', length: 128 },
} as const;
const LINES = { isp1: '198.51.100', isp2: '203.0.113' } as const;
type Isp = keyof typeof LINES;

class Site {
  readonly network: Network;
  readonly na: Daemon;
  readonly plain: Plain;
  readonly frr: Frr;
  readonly #clusterKey;
  readonly #family: 4 | 6;

  constructor(t: ExecutionContext, family: 4 | 6 = 4) {
    const network = new Network(t);
    this.network = network;
    this.#family = family;
    network.add('h', 'na', 'isp1', 'isp2', 'w');
    network.cable('h', 'lan0', 'na', 'lan0');
    network.run('h', 'ip addr add 172.16.10.15/24 dev lan0; ip route add default via 172.16.10.1');
    network.run('na', 'ip addr add 172.16.10.1/24 dev lan0');
    network.run('w', 'ip addr add 192.0.2.7/32 dev lo');
    for (const [index, [isp, line]] of Object.entries(LINES).entries()) {
      network.cable('na', `wan${index}`, isp, 'cust');
      network.cable(isp, 'net', 'w', `wan${index}`);
      network.run(
        'na',
        `ip addr add ${line}.2/30 dev wan${index}; ip route add default via ${line}.1 metric ${100 + index}`,
      );
      network.run(
        isp,
        `ip addr add ${line}.1/30 dev cust; ip addr add ${line}.5/30 dev net; ip route add 192.0.2.7 via ${line}.6
         sysctl -qw net.ipv4.ip_forward=1`,
      );
      network.run('w', `ip addr add ${line}.6/30 dev wan${index}; ip route add ${line}.0/30 via ${line}.5`);
    }
    this.plain = new Plain(network);
    this.#clusterKey = newKey(`${network.folder}/cluster.key`);
    this.na = new Daemon(network, 'na', 'na');
    this.na.configure({
      clusterKeyFile: this.#clusterKey.file,
      uplinks: [
        { name: 'isp1', device: 'wan0', cost: 10 },
        { name: 'isp2', device: 'wan1', cost: 20 },
      ],
    });
    const { local, remote } = ENDS[family];
    const peer = `${local} local-address ${remote} interface ${this.plain.device}`;
    this.frr = new Frr(network, 'w', peer, FRR_LINES);
    writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(this.#networkFile(), null, 2));
  }

  #networkFile(): object {
    const { local, remote } = ENDS[this.#family];
    return {
      network: { name: 'watched', cidr: ['10.100.0.0/16', 'fd10::/16'] },
      clusters: {
        P: { members: ['na'], publicKey: this.#clusterKey.publicKey, site: '172.16.10.0/24' },
      },
      nodes: { na: { publicKey: this.na.key.publicKey } },
      externalPeers: {
        router: {
          at: 'P',
          publicKey: this.plain.key.publicKey,
          endpoints: [`192.0.2.7:${PORT}`],
          bfd: { local, remote },
        },
      },
      routes: [
        { cidr: '10.100.10.0/24', to: 'P' },
        { cidr: '10.100.100.0/24', to: 'router' },
      ],
      insideNat: [{ local: '172.16.10.15/32', network: `${H4}/32`, at: 'P' }],
    };
  }

  /** Both ends of the tunnel; bfdd does not run yet. */
  async start(): Promise<void> {
    const { plain, network } = this;
    const { local, remote, length } = ENDS[this.#family];
    await plain.start();
    plain.wg(
      `set ${plain.device} peer ${this.#clusterKey.publicKey} allowed-ips 10.100.10.0/24,${local}/${length}`,
    );
    network.run(
      'w',
      `ip addr add ${remote}/${length} dev ${plain.device}; ip route add ${local} dev ${plain.device}`,
    );
    await this.na.start();
    await ping(network, 'h', W4);
  }

  events(to: 'up' | 'down' | 'unknown'): LogLine[] {
    return this.na.events(`external-peer-bfd-${to}`);
  }

  /** Waits for news number `count` of this kind. */
  async told(to: 'up' | 'down' | 'unknown', count: number): Promise<LogLine> {
    await until(
      () => `BFD ${to}, ${count}: ${this.na.program.output}`,
      () => this.events(to).length >= count,
    );
    return this.events(to)[count - 1];
  }

  async isRouted(): Promise<boolean> {
    return (await this.na.call('routes', { address: W4 })).routes[0].available;
  }

  swallow(isp: Isp): void {
    this.network.run(isp, `nft 'table ip hole { chain f { type filter hook forward priority 0; drop; }; }'`);
  }

  heal(isp: Isp): void {
    this.network.run(isp, 'nft delete table ip hole');
  }
}

for (const family of [4, 6] as const) {
  rootTest(
    `IPv${family}: a router's bfdd and our node come Up through the tunnel, and each notices the other`,
    async (t) => {
      const site = new Site(t, family);
      const { na, frr } = site;
      await site.start();
      t.true(await site.isRouted(), 'a router that does not speak BFD yet is not held against it');
      await frr.start();
      await site.told('up', 1);
      await until('bfdd agrees', () => frr.show().status === 'up');
      await until('the fast pace is agreed', () => frr.show()['remote-transmit-interval'] === 75);
      t.is(frr.show()['remote-detect-multiplier'], 4);
      const [{ name, bfd, paths }] = (await na.call('paths', { peer: 'router' })).peers;
      t.like({ name, bfd, path: paths[0] }, { name: 'router', bfd: true, path: { state: 'up' } });
      // Where it is dialled, or where it speaks from by itself, as its kernel prefers: WireGuard follows.
      t.regex(String(paths[0].remote), /^(192\.0\.2\.7|198\.51\.100\.6):51820$/);

      await frr.kill();
      t.is((await site.told('down', 1))['why'], 'detection time expired');
      t.false(await site.isRouted());
      const [lost] = (await na.call('paths', { peer: 'router' })).peers;
      t.like(lost.paths[0], { state: 'down', why: 'detection time expired' });
      await frr.start();
      await site.told('up', 2);
      t.true(await site.isRouted());

      frr.configure('shutdown');
      t.is((await site.told('unknown', 1))['why'], 'they have taken BFD out of service');
      t.true(await site.isRouted(), 'its timers judge it again');
      frr.configure('no shutdown');
      await site.told('up', 3);

      await na.kill();
      await until('bfdd notices', () => frr.show().status === 'down');
      t.regex(frr.show().diagnostic, /detection time expired/i);
      await na.start();
      await site.told('up', 1);
      await ping(site.network, 'h', W4);
    },
  );
}

rootTest(
  'the ISP to a watched router falls silent: it is known at once, and the router is tried by the other',
  async (t) => {
    const site = new Site(t);
    await site.start();
    await site.frr.start();
    await site.told('up', 1);
    const cutAtMs = Date.now();
    site.swallow('isp1');
    const down = await site.told('down', 1);
    t.log(`known ${Date.parse(String(down['time'])) - cutAtMs} ms after the cut`);
    const up = await site.told('up', 2);
    t.log(`by isp2 ${Date.parse(String(up['time'])) - cutAtMs} ms after the cut`);
    t.is(site.na.events('external-peer-tried').at(-1)?.['uplink'], 'isp2');
    await ping(site.network, 'h', W4);
    t.is((await site.na.call('paths', { peer: 'router' })).peers[0].paths[0].uplink, 'isp2');
    t.is(site.plain.peer.endpoint, `203.0.113.2:${PORT}`, 'the router has followed');
    site.swallow('isp2');
    await site.told('down', 2);
    t.false(await site.isRouted());
    site.heal('isp1');
    await site.told('up', 3);
    await ping(site.network, 'h', W4);
  },
);

rootTest(
  'the member that is watched by a router dies: the next one is, under the same address',
  async (t) => {
    const { local, remote } = ENDS[4];
    const pair = new Pair(t, { weDial: true, bfd: { local, remote } });
    const { a, b, network, plain } = pair;
    const frr = new Frr(
      network,
      'w',
      `${local} local-address ${remote} interface ${plain.device}`,
      FRR_LINES,
    );
    await pair.startPlain();
    await frr.start();
    await pair.start();
    const watchedBy = async (member: Daemon): Promise<void> => {
      await until(
        () => `${member.node} and bfdd are Up: ${member.program.output}`,
        () => member.has('external-peer-bfd-up') && frr.show().status === 'up',
      );
      await ping(network, 'h', W4);
    };
    await watchedBy(a);
    t.false(b.has('external-peer-bfd-up'), 'a standby is silent');
    await a.kill();
    await watchedBy(b);
    await a.start();
    await pair.serves(a);
    await watchedBy(a);
    t.false(b.has('external-peer-bfd-down'), 'who gives back judges nobody');
  },
);
