/**
 * One of our nodes beside wireguard-go:
 *
 *   h 172.16.10.15 ── lan0 · o (our daemon) · wan0 ──── wan0 · w (wireguard-go, the site's host at once)
 *     fd00:10::15                         198.51.100.1 / .2
 *                                         fd77::1 / ::2
 *
 * `h` is 10.100.10.15 and fd10:a::15 in the overlay, `w` is 10.100.100.15 and fd10:100::15. To our node wireguard-go
 * is a node of a second cluster. Its program is $WIREGUARD_GO, else the one in PATH.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Daemon, type KeyPair, newKey } from '../support/daemon.js';
import { Network, type Program, until } from '../support/namespaces.js';

export const PORT = 51820;
export const H4 = '10.100.10.15';
export const H6 = 'fd10:a::15';
export const W4 = '10.100.100.15';
export const W6 = 'fd10:100::15';
const H4_LOCAL = '172.16.10.15';
const OURS = { 4: '198.51.100.1', 6: '[fd77::1]' };
const THEIRS = { 4: '198.51.100.2', 6: '[fd77::2]' };

/** Both ends of a Flow through the tunnel. */
export const FLOW_ENDS = [
  { host: 'h', from: H4_LOCAL, to: W4 },
  { host: 'w', from: W4, to: H4_LOCAL.replace('172.16', '10.100') },
];

/** Timers of our node short enough that a test sees several renewals. */
export const SHORT_TIMERS = {
  TWINSPAN_TIMERS: JSON.stringify({
    rekeyAfterMs: 1_500,
    rejectAfterMs: 10_000,
    rekeyTimeoutMs: 1_000,
    keepaliveTimeoutMs: 1_000,
  }),
};

export interface Options {
  readonly underlay?: 4 | 6;
  /** Whether our node knows where wireguard-go is. */
  readonly weDial?: boolean;
  readonly preshared?: boolean;
  /** Data-plane workers of our node; 1 if left out. Where there are more its peer is not the first one's. */
  readonly workers?: number;
}

/** wireguard-go in namespace `w`, configured by `wg`. */
export class Plain {
  readonly key: KeyPair;
  readonly device: string;
  readonly #network: Network;
  #program: Program | undefined;

  constructor(network: Network) {
    this.#network = network;
    this.device = `${network.tag}w`;
    this.key = newKey(`${network.folder}/w.key`);
    network.onClose(() => rmSync(this.#socket, { force: true }));
  }

  get #socket(): string {
    return `/var/run/wireguard/${this.device}.sock`;
  }

  /** Starts the program and opens its side of the tunnel. */
  async start(): Promise<void> {
    const program = process.env['WIREGUARD_GO'] || 'wireguard-go';
    rmSync(this.#socket, { force: true });
    const started = this.#network.start('w', [program, '-f', this.device], { LOG_LEVEL: 'verbose' });
    this.#program = started;
    await until(
      () => `wireguard-go opens its socket: ${started.output}`,
      () => existsSync(this.#socket) || started.outcome !== undefined,
    );
    const { device } = this;
    this.wg(`set ${device} listen-port ${PORT} private-key ${this.key.file}`);
    this.#network.run(
      'w',
      `ip addr add ${W4}/32 dev ${device}; ip -6 addr add ${W6}/128 dev ${device} nodad; ip link set ${device} up
       ip route add 10.100.10.0/24 dev ${device}; ip -6 route add fd10:a::/64 dev ${device}`,
    );
  }

  async kill(): Promise<void> {
    await this.#program?.end('SIGKILL');
    rmSync(this.#socket, { force: true });
  }

  /** Everything it has said; verbose. */
  get output(): string {
    return this.#program?.output ?? '';
  }

  wg(command: string): string {
    return execFileSync('wg', command.split(' '), { encoding: 'utf8' });
  }

  /** A field of `wg show DEVICE dump` for its only peer: endpoint, handshake (Unix s), received, sent. */
  get peer(): { endpoint: string; handshakeAt: number; rx: number; tx: number } {
    const [, line = ''] = this.wg(`show ${this.device} dump`).trim().split('\n');
    const [, , endpoint = '', , handshakeAt, rx, tx] = line.split('\t');
    return { endpoint, handshakeAt: Number(handshakeAt), rx: Number(rx), tx: Number(tx) };
  }
}

export class Rig {
  readonly network: Network;
  readonly daemon: Daemon;
  readonly plain: Plain;
  readonly underlay: 4 | 6;
  readonly #pskFile: string;

  /** Namespaces and configuration; nothing runs yet. */
  constructor(t: ExecutionContext, options: Options = {}) {
    const { underlay = 4, weDial = true, preshared = false, workers } = options;
    this.underlay = underlay;
    const network = new Network(t);
    this.network = network;
    network.add('h', 'o', 'w');
    network.cable('h', 'lan0', 'o', 'lan0');
    network.cable('o', 'wan0', 'w', 'wan0');
    network.run(
      'h',
      `ip addr add ${H4_LOCAL}/24 dev lan0; ip -6 addr add fd00:10::15/64 dev lan0 nodad
       ip route add default via 172.16.10.1; ip -6 route add default via fd00:10::1`,
    );
    network.run(
      'o',
      `ip addr add 172.16.10.1/24 dev lan0; ip -6 addr add fd00:10::1/64 dev lan0 nodad
       ip addr add 198.51.100.1/24 dev wan0; ip -6 addr add fd77::1/64 dev wan0 nodad`,
    );
    network.run('w', 'ip addr add 198.51.100.2/24 dev wan0; ip -6 addr add fd77::2/64 dev wan0 nodad');
    this.plain = new Plain(network);
    this.daemon = new Daemon(network, 'o', 'ours');
    this.#pskFile = `${network.folder}/psk`;
    if (preshared) this.writePsk();
    this.daemon.configure({
      ...(preshared && { presharedKeys: { plain: this.#pskFile } }),
      ...(workers !== undefined && { workers }),
    });
    const file = this.#networkFile(weDial, workers !== undefined);
    writeFileSync(`${network.folder}/network.yaml`, JSON.stringify(file, null, 2));
  }

  /** `crowded`: our node has another peer, which never is. */
  #networkFile(weDial: boolean, crowded: boolean): object {
    const { daemon, plain, underlay } = this;
    return {
      network: { name: 'interop', cidr: ['10.100.0.0/16', 'fd10::/16'] },
      clusters: {
        Ours: { members: ['ours'], site: ['172.16.10.0/24', 'fd00:10::/64'] },
        ...(crowded && { Nobody: { members: ['nobody'] } }),
        Plain: { members: ['plain'], gateway: false },
      },
      nodes: {
        ours: { publicKey: daemon.key.publicKey, endpoints: [`${OURS[underlay]}:${PORT}`] },
        ...(crowded && { nobody: { publicKey: newKey(`${this.network.folder}/nobody.key`).publicKey } }),
        plain: {
          publicKey: plain.key.publicKey,
          ...(weDial && { endpoints: [`${THEIRS[underlay]}:${PORT}`] }),
        },
      },
      routes: [
        { cidr: '10.100.10.0/24', to: 'Ours' },
        { cidr: 'fd10:a::/64', to: 'Ours' },
        { cidr: '10.100.100.0/24', to: 'Plain' },
        { cidr: 'fd10:100::/64', to: 'Plain' },
      ],
      insideNat: [
        { local: `${H4_LOCAL}/32`, network: `${H4}/32`, at: 'Ours' },
        { local: 'fd00:10::15/128', network: `${H6}/128`, at: 'Ours' },
      ],
    };
  }

  /** A new preshared key in the file that both sides read. */
  writePsk(file = this.#pskFile): string {
    writeFileSync(file, execFileSync('wg', ['genpsk'], { encoding: 'utf8' }), { mode: 0o600 });
    return file;
  }

  /** Makes our node a peer of wireguard-go. */
  introduce(options: { readonly theyDial?: boolean; readonly pskFile?: string } = {}): void {
    const words = [
      `set ${this.plain.device} peer ${this.daemon.key.publicKey} allowed-ips 10.100.10.0/24,fd10:a::/64`,
    ];
    if (options.pskFile !== undefined) words.push(`preshared-key ${options.pskFile}`);
    if (options.theyDial) words.push(`endpoint ${OURS[this.underlay]}:${PORT}`);
    this.plain.wg(words.join(' '));
  }

  get pskFile(): string {
    return this.#pskFile;
  }

  /** Sessions that our daemon has logged. */
  sessions(detail?: 'initiator' | 'responder'): number {
    return this.daemon
      .events('session-established')
      .filter((line) => detail === undefined || line['detail'] === detail).length;
  }
}
