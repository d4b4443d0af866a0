/**
 * Two of our nodes with two uplinks each, and an ISP on each line that may fail:
 *
 *   ha ── lan0 · na · wan0 ── isp1 ── wan0 · nb · lan0 ── hb
 *                 └ wan1 ── isp2 ── wan1 ┘
 *
 * isp1 costs less. Printed, not judged: how long traffic was out. No flow, and no session of the tunnel, may be lost.
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
/** First two numbers of an ISP's lines: the third is 1 towards na and 2 towards nb. */
const LINES = { isp1: '198.51', isp2: '203.0' } as const;
type Isp = keyof typeof LINES;

export class Two {
  readonly network: Network;
  readonly na: Daemon;
  readonly nb: Daemon;

  constructor(t: ExecutionContext) {
    const network = new Network(t);
    this.network = network;
    network.add('ha', 'na', 'isp1', 'isp2', 'nb', 'hb');
    network.cable('ha', 'lan0', 'na', 'lan0');
    network.cable('nb', 'lan0', 'hb', 'lan0');
    network.run('ha', 'ip addr add 172.16.10.15/24 dev lan0; ip route add default via 172.16.10.1');
    network.run('hb', 'ip addr add 192.168.10.15/24 dev lan0; ip route add default via 192.168.10.1');
    network.run('na', 'ip addr add 172.16.10.1/24 dev lan0');
    network.run('nb', 'ip addr add 192.168.10.1/24 dev lan0');
    (['isp1', 'isp2'] as const).forEach((isp, index) => {
      network.run(isp, 'sysctl -qw net.ipv4.ip_forward=1');
      (['na', 'nb'] as const).forEach((node, side) => {
        const line = `${LINES[isp]}.${side + 1}`;
        network.cable(node, `wan${index}`, isp, node);
        network.run(isp, `ip addr add ${line}.1/24 dev ${node}`);
        network.run(
          node,
          `ip addr add ${line}.2/24 dev wan${index}
           ip route add default via ${line}.1 dev wan${index} metric ${100 + index}`,
        );
      });
    });
    this.na = new Daemon(network, 'na', 'na');
    this.nb = new Daemon(network, 'nb', 'nb');
    for (const node of [this.na, this.nb]) {
      node.configure({
        uplinks: [
          { name: 'isp1', device: 'wan0', cost: 10 },
          { name: 'isp2', device: 'wan1', cost: 20 },
        ],
      });
    }
  }

  /** Writes network.yaml; `dialled`: nodes that have endpoints. */
  describe(dialled: readonly string[] = ['na', 'nb']): void {
    const node = ({ node, key }: Daemon, side: number) => ({
      publicKey: key.publicKey,
      ...(dialled.includes(node) && {
        endpoints: [`${LINES.isp1}.${side}.2:${PORT}`, `${LINES.isp2}.${side}.2:${PORT}`],
      }),
    });
    const file = {
      network: { name: 'two', cidr: '10.100.0.0/16' },
      clusters: {
        A: { members: ['na'], site: '172.16.10.0/24' },
        B: { members: ['nb'], site: '192.168.10.0/24' },
      },
      nodes: { na: node(this.na, 1), nb: node(this.nb, 2) },
      routes: ROUTES,
      insideNat: NATS,
    };
    writeFileSync(`${this.network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  }

  async start(): Promise<void> {
    await Promise.all([this.na.start(), this.nb.start()]);
    await ping(this.network, 'ha', HB);
    await this.bothUse('isp1');
  }

  async bothUse(isp: Isp): Promise<void> {
    for (const node of [this.na, this.nb]) {
      await until(
        () => `${node.node} goes by ${isp}: ${node.program.output}`,
        () => String(node.events('path-in-use').at(-1)?.['path']).startsWith(`${isp} →`),
      );
    }
  }

  /** Runs `fault` under a flow; returns the longest gap of either way, ms, and what was lost in all. */
  async under(t: ExecutionContext, what: string, fault: () => Promise<void>): Promise<number> {
    const flow = await Flow.start(this.network, FLOW_ENDS, PER_SECOND);
    await sleep(500);
    await fault();
    await sleep(500);
    const ways = await flow.finish();
    const lost = ways.map(({ sent, received }) => sent - received);
    t.log(`${what}: outage ${lost.map((count) => `${(count * 1_000) / PER_SECOND} ms`).join(' / ')}`);
    return Math.max(...lost);
  }

  get sessions(): number {
    return this.na.events('session-established').length + this.nb.events('session-established').length;
  }
}

rootTest(
  'an ISP falls silent: traffic goes by the other, and comes back when it has proven itself',
  async (t) => {
    const two = new Two(t);
    two.describe();
    await two.start();
    const { sessions } = two;
    const lost = await two.under(t, 'black hole', async () => {
      two.network.run(
        'isp1',
        `nft 'table ip hole { chain f { type filter hook forward priority 0; drop; }; }'`,
      );
      await two.bothUse('isp2');
    });
    t.true(lost > 0 && lost < 5 * PER_SECOND, `${lost} datagrams`);
    const why = /detection time expired|neighbor signaled/;
    t.regex(String(two.na.events('path-down').at(-1)?.['why']), why);
    const [{ paths }] = (await two.na.call('paths', { peer: 'nb' })).peers;
    const [silent, used] = ['isp1', 'isp2'].map((isp) =>
      paths.find(({ uplink, remote }) => uplink === isp && remote.startsWith(LINES[isp as Isp])),
    );
    t.like(silent, { state: 'down', inUse: false });
    t.regex(String(silent?.why), why);
    t.like(used, { state: 'up', inUse: true, why: '' });
    t.true((used?.rttMs ?? 0) > 0 && used?.lossPercent.s60 !== null, JSON.stringify(used));
    const failback = await two.under(t, 'failback', async () => {
      two.network.run('isp1', 'nft delete table ip hole');
      await two.bothUse('isp1');
    });
    t.is(failback, 0);
    t.regex(String(two.na.events('path-in-use').at(-1)?.['why']), /costs less/);
    t.is(two.sessions, sessions, 'the tunnel kept its session');
  },
);

rootTest('a line loses its carrier: it is left at once', async (t) => {
  const two = new Two(t);
  two.describe();
  await two.start();
  const { sessions } = two;
  const lost = await two.under(t, 'carrier', async () => {
    two.network.run('isp1', 'ip link set na down');
    await two.bothUse('isp2');
  });
  t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
  await until('it says why', () => /carrier/.test(String(two.na.events('path-down').at(-1)?.['why'])));
  two.network.run('isp1', 'ip link set na up');
  await two.bothUse('isp1');
  t.is(two.sessions, sessions);
});

rootTest('a node behind NAT is learned by each uplink, and again when its mapping changes', async (t) => {
  const two = new Two(t);
  two.describe(['nb']);
  for (const isp of ['isp1', 'isp2'] as const) {
    two.network.run(
      isp,
      `nft 'table ip nat { chain p { type nat hook postrouting priority 100; oifname "nb" masquerade; }; }'`,
    );
  }
  await two.start();
  const { sessions } = two;
  await until(
    () => `both are learned: ${two.nb.program.output}`,
    () => two.nb.events('path-up').length >= 2,
  );
  const lost = await two.under(t, 'new mapping', async () => {
    two.network.run(
      'isp1',
      `nft 'flush chain ip nat p; add rule ip nat p oifname "nb" ip protocol udp masquerade to :40000-40100'
       conntrack -F 2>/dev/null`,
    );
    await until(
      () => `nb follows: ${two.nb.program.output}`,
      () => two.nb.events('path-moved').length > 0,
    );
  });
  t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
  await ping(two.network, 'ha', HB);
  t.is(two.sessions, sessions);
});

rootTest(
  'an ISP that has lost a flow admits a new one: a dead path is dialled from a new port',
  async (t) => {
    const two = new Two(t);
    two.describe();
    await two.start();
    const sockets = (): number => two.network.run('na', 'ss -Hlun').trim().split('\n').length;
    const before = sockets();
    two.network.run(
      'isp1',
      `nft 'table ip lost { chain f {
       type filter hook forward priority 0; ip saddr 198.51.1.2 udp sport ${PORT} drop; }; }'`,
    );
    await two.bothUse('isp2');
    await two.bothUse('isp1');
    t.true(two.na.events('path-moved').some(({ why }) => why === 'dialled anew'));
    const [{ paths }] = (await two.nb.call('paths', { peer: 'na' })).peers;
    t.regex(String(paths.find(({ inUse }) => inUse)?.remote), /^198\.51\.1\.2:(?!51820$)/);
    await ping(two.network, 'ha', HB);
    await until(
      () => `unused sockets are closed: ${sockets()}`,
      () => sockets() <= before + 3,
    );
  },
);
