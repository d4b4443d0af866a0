/**
 * A pair of our nodes that serves wireguard-go as an external peer, and a node of another site:
 *
 *   h 172.16.10.15 ─┐ lan · VIP .215             ┌─ w 198.51.100.7 (wireguard-go, the site's host at once)
 *                   ├── lan0 · a · wan0 .1 ──────┤
 *                   └── lan0 · b · wan0 .2 ──────┴─ c .3 · lan0 ── 172.16.20.15 hc
 *
 * In the overlay `h` is 10.100.10.15, `hc` 10.100.20.15, and `w` is itself 10.100.100.15.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Daemon, newKey } from '../support/daemon.js';
import { Network, until } from '../support/namespaces.js';
import { Plain, PORT } from './rig.js';

export const HC = '10.100.20.15';
export const W_ENDPOINT = `198.51.100.7:${PORT}`;
export const A_ENDPOINT = `198.51.100.1:${PORT}`;
export const B_ENDPOINT = `198.51.100.2:${PORT}`;

export interface PairOptions {
  /** Whether the cluster knows where wireguard-go is. */
  readonly weDial?: boolean;
  readonly preshared?: boolean;
  /** Whether wireguard-go's host speaks BFD with the cluster, between these addresses. */
  readonly bfd?: { readonly local: string; readonly remote: string };
}

export class Pair {
  readonly network: Network;
  readonly a: Daemon;
  readonly b: Daemon;
  readonly c: Daemon;
  readonly plain: Plain;
  readonly #clusterKey;
  readonly #pskFile: string | undefined;
  readonly #bfd: PairOptions['bfd'];

  /** Namespaces and configuration; nothing runs yet. */
  constructor(t: ExecutionContext, { weDial = false, preshared = false, bfd }: PairOptions = {}) {
    this.#bfd = bfd;
    const network = new Network(t);
    this.network = network;
    network.add('lan', 'net', 'a', 'b', 'c', 'h', 'hc', 'w');
    for (const bridge of ['lan', 'net'])
      network.run(bridge, 'ip link add br0 type bridge; ip link set br0 up');
    this.#plug('lan', 'a', 'lan0', '172.16.10.200/24');
    this.#plug('lan', 'b', 'lan0', '172.16.10.201/24');
    this.#plug('lan', 'h', 'lan0', '172.16.10.15/24');
    this.#plug('net', 'a', 'wan0', '198.51.100.1/24');
    this.#plug('net', 'b', 'wan0', '198.51.100.2/24');
    this.#plug('net', 'c', 'wan0', '198.51.100.3/24');
    this.#plug('net', 'w', 'wan0', '198.51.100.7/24');
    network.cable('c', 'lan0', 'hc', 'lan0');
    network.run('c', 'ip addr add 172.16.20.1/24 dev lan0');
    network.run('hc', 'ip addr add 172.16.20.15/24 dev lan0; ip route add default via 172.16.20.1');
    network.run('h', 'ip route add default via 172.16.10.215');
    this.plain = new Plain(network);
    [this.a, this.b, this.c] = ['a', 'b', 'c'].map((name) => new Daemon(network, name, `n${name}`));
    this.#clusterKey = newKey(`${network.folder}/cluster.key`);
    if (preshared) {
      this.#pskFile = `${network.folder}/psk`;
      writeFileSync(this.#pskFile, execFileSync('wg', ['genpsk'], { encoding: 'utf8' }), { mode: 0o600 });
    }
    const presharedKeys = this.#pskFile === undefined ? {} : { router: this.#pskFile };
    for (const member of [this.a, this.b]) {
      member.configure({ clusterKeyFile: this.#clusterKey.file, presharedKeys });
    }
    this.c.configure();
    const file = JSON.stringify(this.#networkFile(weDial), null, 2);
    writeFileSync(`${network.folder}/network.yaml`, file);
  }

  /** Connects a namespace to a bridge. */
  #plug(bridge: string, name: string, device: string, address: string): void {
    this.network.cable(name, device, bridge, `${name}-${device}`);
    this.network.run(bridge, `ip link set ${name}-${device} master br0`);
    this.network.run(name, `ip addr add ${address} dev ${device}`);
  }

  #networkFile(weDial: boolean): object {
    const { a, b, c, plain } = this;
    return {
      network: { name: 'pair', cidr: '10.100.0.0/16' },
      clusters: {
        P: {
          members: ['na', 'nb'],
          publicKey: this.#clusterKey.publicKey,
          site: '172.16.10.0/24',
          takeover: { vip: '172.16.10.215/24' },
        },
        C: { members: ['nc'], site: '172.16.20.0/24' },
      },
      nodes: {
        na: { publicKey: a.key.publicKey, lanAddress: '172.16.10.200' },
        nb: { publicKey: b.key.publicKey, lanAddress: '172.16.10.201' },
        nc: { publicKey: c.key.publicKey, endpoints: [`198.51.100.3:${PORT}`] },
      },
      externalPeers: {
        router: {
          at: 'P',
          publicKey: plain.key.publicKey,
          persistentKeepalive: 5,
          ...(weDial && { endpoints: [W_ENDPOINT] }),
          ...(this.#bfd && { bfd: this.#bfd }),
        },
      },
      routes: [
        { cidr: '10.100.10.0/24', to: 'P' },
        { cidr: '10.100.20.0/24', to: 'C' },
        { cidr: '10.100.100.0/24', to: 'router' },
      ],
      insideNat: [
        // A host by its address: the members ask it whether their LAN works.
        { local: '172.16.10.15/32', network: '10.100.10.15/32', at: 'P' },
        { local: '172.16.20.0/24', network: '10.100.20.0/24', at: 'C' },
      ],
    };
  }

  /** Starts wireguard-go, whose peer is the cluster; `endpoint`: where it dials it. */
  async startPlain(endpoint?: string): Promise<void> {
    const { plain, network } = this;
    await plain.start();
    network.run('w', `ip route add 10.100.20.0/24 dev ${plain.device}`);
    const watched = this.#bfd === undefined ? '' : `,${this.#bfd.local}/32`;
    const words = [this.#peer, `allowed-ips 10.100.10.0/24,10.100.20.0/24${watched}`];
    if (this.#bfd !== undefined) {
      const { local, remote } = this.#bfd;
      network.run(
        'w',
        `ip addr add ${remote}/32 dev ${plain.device}; ip route add ${local} dev ${plain.device}`,
      );
    }
    if (this.#pskFile !== undefined) words.push(`preshared-key ${this.#pskFile}`);
    if (endpoint !== undefined) words.push(`endpoint ${endpoint}`);
    plain.wg(words.join(' '));
  }

  /** From now on wireguard-go dials `endpoint`. */
  redirect(endpoint: string): void {
    this.plain.wg(`${this.#peer} endpoint ${endpoint}`);
  }

  get #peer(): string {
    return `set ${this.plain.device} peer ${this.#clusterKey.publicKey}`;
  }

  /** Starts our three nodes; `na` with `envA` is active, `nb` with `envB` is its standby. */
  async start(
    envA: Readonly<Record<string, string>> = {},
    envB: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await Promise.all([this.a.start(envA), this.c.start()]);
    await this.serves(this.a);
    await this.b.start(envB);
    await Promise.all([this.b.up('na'), this.b.up('nc'), this.a.up('nb'), this.a.up('nc')]);
  }

  /** Waits until a member serves the external peer. */
  async serves(member: Daemon): Promise<void> {
    await until(
      () => `${member.node} serves the router: ${member.program.output}`,
      () => member.has('external-peers-served'),
    );
  }

  /** Waits until a member has a session with wireguard-go. */
  async connected(member: Daemon): Promise<void> {
    await until(
      () => `${member.node} has a session with the router: ${member.program.output}`,
      async () =>
        (await member.status()).peers.some(({ name, state }) => name === 'router' && state === 'up'),
    );
  }
}
