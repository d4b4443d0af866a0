/**
 * Two of our nodes in a line, each with a site host behind it:
 *
 *   ha 172.16.10.15 ── lan0 · na · wan0 ── 198.51.100.1 / .2 ── wan0 · nb · lan0 ── 192.168.10.15 hb
 *
 * Whole sites have inside NATs: ha is 10.100.10.15, hb is 10.100.100.15. The default route of na leads to nb's side of
 * the cable, as to an ISP, so that a packet which misses the tunnel would be seen there in the clear.
 */
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Daemon } from '../../support/daemon.js';
import { Network } from '../../support/namespaces.js';

export const HA = '10.100.10.15';
export const HB = '10.100.100.15';
export const PORT = 51820;

/** Both ends of a Flow through the tunnel. */
export const FLOW_ENDS = [
  { host: 'ha', from: '172.16.10.15', to: HB },
  { host: 'hb', from: '192.168.10.15', to: HA },
];

export class Line {
  readonly network: Network;
  readonly na: Daemon;
  readonly nb: Daemon;

  /** Namespaces, keys and configuration; nothing runs yet. */
  constructor(t: ExecutionContext) {
    const network = new Network(t);
    this.network = network;
    network.add('ha', 'na', 'nb', 'hb');
    network.cable('ha', 'lan0', 'na', 'lan0');
    network.cable('na', 'wan0', 'nb', 'wan0');
    network.cable('nb', 'lan0', 'hb', 'lan0');
    network.run('ha', 'ip addr add 172.16.10.15/24 dev lan0; ip route add default via 172.16.10.1');
    network.run('hb', 'ip addr add 192.168.10.15/24 dev lan0; ip route add default via 192.168.10.1');
    network.run(
      'na',
      `ip addr add 172.16.10.1/24 dev lan0; ip addr add 198.51.100.1/24 dev wan0
       ip route add default via 198.51.100.2`,
    );
    network.run('nb', 'ip addr add 192.168.10.1/24 dev lan0; ip addr add 198.51.100.2/24 dev wan0');
    this.na = new Daemon(network, 'na', 'na');
    this.nb = new Daemon(network, 'nb', 'nb');
    this.na.configure();
    this.nb.configure();
    this.describe();
  }

  /** Writes network.yaml; `changes` replace whole keys. */
  describe(changes: object = {}): void {
    const { na, nb, network } = this;
    const file = {
      network: { name: 'line', cidr: '10.100.0.0/16' },
      clusters: {
        A: { members: ['na'], site: '172.16.10.0/24' },
        B: { members: ['nb'], site: '192.168.10.0/24' },
      },
      nodes: {
        na: { publicKey: na.key.publicKey, endpoints: [`198.51.100.1:${PORT}`] },
        nb: { publicKey: nb.key.publicKey, endpoints: [`198.51.100.2:${PORT}`] },
      },
      routes: ROUTES,
      insideNat: NATS,
      ...changes,
    };
    writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  }

  /** Both daemons run and hear each other. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await Promise.all([this.na.start(env), this.nb.start(env)]);
    await Promise.all([this.na.up('nb'), this.nb.up('na')]);
  }

  /** Everything an operator would look at in a namespace, without what the kernel counts by itself. */
  picture(name: string): string {
    return this.network.run(
      name,
      `ip addr; ip -4 route show table all; ip -6 route show table all; ip rule; ip -6 rule; nft list ruleset
       sysctl -a 2>/dev/null | grep ^net | grep -v nf_conntrack_count`,
    );
  }
}

/** The lines in which two pictures differ, `-` gone and `+` new. */
export function changes(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((text) => !now.includes(text)).map((text) => `- ${text}`),
    ...now.filter((text) => !old.includes(text)).map((text) => `+ ${text}`),
  ];
}

export const ROUTES: readonly object[] = [
  { cidr: '10.100.10.0/24', to: 'A' },
  { cidr: '10.100.100.0/24', to: 'B' },
];
export const NATS: readonly object[] = [
  { local: '172.16.10.0/24', network: '10.100.10.0/24', at: 'A' },
  { local: '192.168.10.0/24', network: '10.100.100.0/24', at: 'B' },
];
