/**
 * Two of our nodes with two uplinks each, and an ISP on each line that may fail:
 *
 *   ha ── lan0 · na · wan0 ── isp1 ── wan0 · nb · lan0 ── hb
 *                 └ wan1 ── isp2 ── wan1 ┘
 *
 * isp1 costs less.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Daemon } from '../../support/daemon.js';
import { Network, until } from '../../support/namespaces.js';
import { Flow, ping } from '../../support/traffic.js';
import { FLOW_ENDS, HB, NATS, PORT, ROUTES } from './line.js';

export const PER_SECOND = 200;
/** First two numbers of an ISP's lines: the third is 1 towards na and 2 towards nb. */
export const LINES = { isp1: '198.51', isp2: '203.0' } as const;
export type Isp = keyof typeof LINES;

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
