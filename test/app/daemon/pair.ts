/**
 * A cluster of two of our nodes, a third elsewhere, and what a takeover touches:
 *
 *   site 172.16.10.15, Redis, EC2 API ── bridge ──┬── lan0 · n1 · wan0 ──┬── bridge ── wan0 · nb · lan0 ── hb
 *                                                 └── lan0 · n2 · wan0 ──┘
 *
 * The site's hosts send to the cluster's address, 172.16.10.1. Failback is by hand, so that nothing moves but for the
 * reason that is tested. Which of the two acts first depends on how busy the machine is.
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { EC2_ENVIRONMENT, type Ec2Spec, ec2Command } from '../../../src/app/lab/programs/ec2.js';
import { Daemon } from '../../support/daemon.js';
import { Network, type Program, until } from '../../support/namespaces.js';
import { PORT } from './line.js';

export const VIP = '172.16.10.1';
const SITE = '172.16.10.15';
export const REGION = 'us-east-1';
export const TABLE = 'rtb-0a1b2c3d';
/** n1's interface is found by its MAC, n2's by its address. */
export const ENI: Readonly<Record<string, string>> = { n1: 'eni-0aaa', n2: 'eni-0bbb' };
const MAC_1 = '02:00:00:00:00:31';
const EC2_PORT = 5100;
const TAMPER = new URL('../../support/tamper.js', import.meta.url);
const RELAY = new URL('../../support/aws/relay_child.js', import.meta.url);

export class Pair {
  readonly network: Network;
  readonly n1: Daemon;
  readonly n2: Daemon;
  readonly nb: Daemon;
  readonly #t: ExecutionContext;

  /** Namespaces, keys and configuration; nothing runs yet. `aws`: the VPC's routes follow the role. */
  constructor(t: ExecutionContext, { aws = false, node = {} }: { aws?: boolean; node?: object } = {}) {
    const network = new Network(t);
    this.#t = t;
    this.network = network;
    network.add('site', 'n1', 'n2', 'wan', 'nb', 'hb');
    for (const name of ['site', 'wan']) {
      network.run(name, 'ip link add br0 type bridge forward_delay 0; ip link set br0 up');
    }
    for (const [node, number] of [
      ['n1', 3],
      ['n2', 4],
    ] as const) {
      network.cable(node, 'lan0', 'site', node);
      network.cable(node, 'wan0', 'wan', node);
      network.run('site', `ip link set ${node} master br0`);
      network.run('wan', `ip link set ${node} master br0`);
      network.run(
        node,
        `ip addr add 172.16.10.${number}/24 dev lan0; ip addr add 198.51.100.${number}/24 dev wan0`,
      );
    }
    network.run('n1', `ip link set lan0 address ${MAC_1}`);
    network.cable('nb', 'wan0', 'wan', 'nb');
    network.run('wan', 'ip link set nb master br0');
    network.cable('nb', 'lan0', 'hb', 'lan0');
    network.run('site', `ip addr add ${SITE}/24 dev br0; ip route add default via ${VIP}`);
    network.run('nb', 'ip addr add 192.168.10.1/24 dev lan0; ip addr add 198.51.100.2/24 dev wan0');
    network.run('hb', 'ip addr add 192.168.10.15/24 dev lan0; ip route add default via 192.168.10.1');
    this.n1 = new Daemon(network, 'n1', 'n1');
    this.n2 = new Daemon(network, 'n2', 'n2');
    this.nb = new Daemon(network, 'nb', 'nb');
    this.n1.configure(node);
    this.n2.configure(node);
    this.nb.configure();
    this.describe(aws ? { aws: { region: REGION, routeTables: [TABLE], endpoint: this.relayUrl } } : {});
  }

  get relayUrl(): string {
    return `http://${SITE}:${EC2_PORT + 1}`;
  }

  /** Writes network.yaml; `takeover` goes beside the cluster's address. */
  describe(takeover: object = {}): void {
    const { n1, n2, nb, network } = this;
    const member = ({ key }: Daemon, number: number): object => ({
      publicKey: key.publicKey,
      endpoints: [`198.51.100.${number}:${PORT}`],
      lanAddress: `172.16.10.${number}:${PORT}`,
    });
    const file = {
      network: { name: 'pair', cidr: '10.100.0.0/16' },
      clusters: {
        A: {
          members: ['n1', 'n2'],
          failback: 'manual',
          site: '172.16.10.0/24',
          takeover: { vip: `${VIP}/24`, ...takeover },
        },
        B: { members: ['nb'], site: '192.168.10.0/24' },
      },
      nodes: {
        n1: member(n1, 3),
        n2: member(n2, 4),
        nb: { publicKey: nb.key.publicKey, endpoints: [`198.51.100.2:${PORT}`] },
      },
      routes: [
        { cidr: '10.100.10.0/24', to: 'A' },
        { cidr: '10.100.100.0/24', to: 'B' },
      ],
      insideNat: [
        { local: '172.16.10.0/24', network: '10.100.10.0/24', at: 'A' },
        { local: '192.168.10.0/24', network: '10.100.100.0/24', at: 'B' },
      ],
    };
    writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  }

  /** Starts all three and waits for the roles to settle. Returns the one of the pair that acts, and the other. */
  async start(): Promise<[Daemon, Daemon]> {
    const { n1, n2 } = this;
    await Promise.all([this.launch(n1), this.launch(n2), this.nb.start()]);
    const acting = async (): Promise<[Daemon, Daemon] | undefined> => {
      const [one, other] = [(await n1.status()).role, (await n2.status()).role];
      if (one === 'active' && other === 'standby') return [n1, n2];
      return one === 'standby' && other === 'active' ? [n2, n1] : undefined;
    };
    return await until(
      () => `one acts: ${n1.program.output} ${n2.program.output}`,
      async () => {
        const before = await acting();
        // Two may claim at once where the machine is busy; one of them then yields.
        await sleep(500);
        return before?.[0] === (await acting())?.[0] ? before : undefined;
      },
    );
  }

  /** Starts one of the pair, open to `tamper`. */
  async launch(daemon: Daemon): Promise<void> {
    await daemon.start({
      ...EC2_ENVIRONMENT,
      NODE_OPTIONS: `--import=${TAMPER.pathname}`,
      TEST_TAMPER: daemon.folder,
    });
  }

  /** See support/tamper.ts; undefined: all is well again. */
  tamper(daemon: Daemon, what: 'worker' | 'control' | 'clock', how: string | undefined): void {
    const file = `${daemon.folder}/${what}`;
    if (how === undefined) rmSync(file);
    else writeFileSync(file, how);
  }

  /** Waits until `one` acts and `other`, where it still runs, does not. */
  async active(one: Daemon, other?: Daemon): Promise<void> {
    await until(
      () => `${one.node} acts: ${one.program.output}`,
      async () =>
        (await one.status()).role === 'active' &&
        (other === undefined || (await other.status()).role === 'standby'),
    );
  }

  /** Whether `daemon`'s LAN device has the cluster's address. */
  hasVip(daemon: Daemon): boolean {
    return this.network.run(daemon.node, 'ip -4 addr show dev lan0').includes(`inet ${VIP}/32`);
  }

  /** Starts the EC2 API with one VPC and the relay before it; needs moto. */
  async startEc2(): Promise<Ec2> {
    const faults = `${this.network.folder}/ec2-fault`;
    const spec: Ec2Spec = {
      host: '127.0.0.1',
      port: EC2_PORT,
      region: REGION,
      vpc: '172.16.10.0/24',
      tables: [TABLE],
      interfaces: [
        { id: ENI['n1'], address: '172.16.10.53', mac: MAC_1 },
        { id: ENI['n2'], address: '172.16.10.4', sourceDestCheck: true },
      ],
      faults,
    };
    const server = this.network.start('site', ec2Command(spec) ?? ['false']);
    await until('the EC2 API serves', () => server.output.includes('port'));
    const argv = [process.execPath, RELAY.pathname, String(EC2_PORT + 1), String(EC2_PORT)];
    const relay = this.network.start('site', argv);
    await until('the relay serves', () => relay.output.includes('ready'));
    return new Ec2(this.network, relay, faults);
  }

  /** Starts a Redis at the site. */
  async startRedis(port: number): Promise<SiteRedis> {
    const redis = new SiteRedis(this.network, port);
    this.#t.teardown(() => redis.close());
    await redis.start();
    return redis;
  }
}

export interface Ec2Call {
  readonly atMs: number;
  readonly action: string;
  readonly eni: string | null;
  readonly dryRun: boolean;
}

export class Ec2 {
  readonly #network: Network;
  readonly #relay: Program;
  readonly #faults: string;

  constructor(network: Network, relay: Program, faults: string) {
    this.#network = network;
    this.#relay = relay;
    this.#faults = faults;
  }

  /** See Ec2Spec.faults; '' = all is well. */
  fault(mode: string): void {
    writeFileSync(this.#faults, mode);
  }

  /** Calls so far. */
  get calls(): Ec2Call[] {
    return this.#relay.lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Ec2Call);
  }

  /** Where each of the VPC's routes leads. */
  async routes(): Promise<{ cidr: string; interface: string }[]> {
    const script = `fetch('http://127.0.0.1:${EC2_PORT}/lab/routes').then((r) => r.text()).then(console.log)`;
    const { output } = await this.#network.try('site', `exec '${process.execPath}' -e "${script}"`);
    return JSON.parse(output) as { cidr: string; interface: string }[];
  }

  /** Waits until the one route leads to `daemon`. */
  async leadsTo({ node, program }: Daemon): Promise<void> {
    await until(
      () => `the route leads to ${node}: ${JSON.stringify(this.calls)} ${program.output}`,
      async () => {
        const routes = await this.routes();
        return routes.length === 1 && routes[0].interface === ENI[node];
      },
    );
  }
}

export class SiteRedis {
  readonly url: string;
  readonly file: string;
  readonly #network: Network;
  readonly #port: number;
  readonly #socket: string;
  #program: Program | undefined;
  /** Past every network, by a socket in the file system. */
  readonly admin: Redis;

  constructor(network: Network, port: number) {
    this.#network = network;
    this.#port = port;
    this.#socket = `${network.folder}/redis-${port}.sock`;
    this.file = `${network.folder}/redis-${port}.rdb`;
    this.url = `redis://${SITE}:${port}`;
    this.admin = new Redis({ path: this.#socket, lazyConnect: true, retryStrategy: () => 20 });
    this.admin.on('error', () => {});
  }

  async start(): Promise<void> {
    const { folder } = this.#network;
    const options = `--port ${this.#port} --bind ${SITE} --protected-mode no --unixsocket ${this.#socket}`;
    const disk = `--save '' --appendonly no --dir ${folder} --dbfilename redis-${this.#port}.rdb`;
    this.#program = this.#network.start('site', ['sh', '-c', `exec redis-server ${options} ${disk}`]);
    await until('Redis answers', async () => (await this.admin.ping().catch(() => '')) === 'PONG');
  }

  async kill(): Promise<void> {
    await this.#program?.end('SIGKILL');
  }

  close(): void {
    this.admin.disconnect();
  }
}

/** Writes a program that appends what it is told to a file, one line of its environment's TWINSPAN_ values a run. */
export function recordingHook(folder: string): {
  readonly program: string;
  runs(): Record<string, string>[];
} {
  const program = `${folder}/hook`;
  const file = `${folder}/hook-runs`;
  writeFileSync(file, '');
  writeFileSync(
    program,
    `#!/bin/sh\nenv | grep ^TWINSPAN_ | tr '\\n' '|' >>${file}; echo >>${file}\necho done\n`,
  );
  chmodSync(program, 0o755);
  const parse = (line: string): Record<string, string> =>
    Object.fromEntries(line.split('|').flatMap((pair) => (pair === '' ? [] : [pair.split('=', 2)])));
  return {
    program,
    runs: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map(parse),
  };
}
