/**
 * A member that serves a plain WireGuard peer, and that peer, without sockets and workers: what is sent is kept, keys are
 * installed at once, and what one member tells another arrives when the test says so.
 */
import type { ExecutionContext } from 'ava';
import type { Dataplane } from '../../src/app/control/dataplane.js';
import { Dialler } from '../../src/app/control/dialler.js';
import { Directory, targetCount } from '../../src/app/control/directory.js';
import { Externals } from '../../src/app/control/externals.js';
import { createLogger } from '../../src/app/control/log.js';
import type { Node } from '../../src/app/control/node.js';
import { Peering } from '../../src/app/control/peering.js';
import { createSharedTables, PathSlots } from '../../src/app/control/tables.js';
import { encodeEndpoint, endpointAddress, endpointPort } from '../../src/core/base/endpoint.js';
import { formatKey } from '../../src/core/base/key.js';
import { WireGuard } from '../../src/core/wireguard/device.js';
import { PeerTable, SessionTable } from '../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../src/core/wireguard/tai64n.js';
import { createCrypto } from '../../src/edge/crypto/node.js';
import type { Secrets } from '../../src/edge/file/configuration.js';
import { generatePrivateKey, publicKeyOf } from '../../src/edge/file/key-file.js';
import { configurationOf, edit, SEED_NETWORK, SEED_NODE } from './seed_config.js';
import { tempDir } from './temp_dir.js';

export const ELSEWHERE = 2;
export const PLACE = encodeEndpoint(Uint8Array.of(198, 51, 100, 7), 51_820, 0);
const CLUSTER_KEY = generatePrivateKey();
const ROUTER_KEY = generatePrivateKey();
export const crypto = createCrypto();
/** The monotonic clock of all. */
export const clock = { nowMs: 1_000_000 };

/** The seed's network with `branch` at EdgeCluster1. */
export function networkText(endpoints = '["198.51.100.7:51820"]'): string {
  const keyed = edit(
    SEED_NETWORK,
    'members: [edge1-a, edge1-b]\n',
    `members: [edge1-a, edge1-b]\n    publicKey: "${formatKey(publicKeyOf(CLUSTER_KEY))}"\n`,
  );
  const peer = `branch: { at: EdgeCluster1, publicKey: "${formatKey(publicKeyOf(ROUTER_KEY))}", endpoints: ${endpoints} }`;
  return edit(
    keyed,
    'routes:\n',
    `externalPeers:\n  ${peer}\nroutes:\n  - { cidr: 10.100.77.0/24, to: branch }\n`,
  );
}

export const SECRETS: Secrets = {
  privateKey: generatePrivateKey(),
  presharedKeys: new Map(),
  clusterKey: CLUSTER_KEY,
  externalPresharedKeys: new Map(),
};

export class Member {
  readonly told: Uint8Array[] = [];
  readonly sent: { readonly bytes: Uint8Array; readonly to: string }[] = [];
  readonly externals: Externals;
  readonly peering: Peering;
  readonly directory: Directory;
  readonly tables;
  readonly paths: PathSlots;
  readonly stateDir: string;
  readonly name: string;
  /** What its wall clock shows beside the true one. */
  skewMs = 0;

  constructor(name: string, stateDir: string, endpoints?: string) {
    this.name = name;
    this.stateDir = stateDir;
    const configuration = this.configuration(endpoints);
    this.directory = new Directory(configuration);
    this.tables = createSharedTables(this.directory.capacity, targetCount(configuration));
    this.paths = new PathSlots(this.tables);
    const log = createLogger('silent', name);
    const now = (): number => clock.nowMs;
    const wireguard = new WireGuard({
      privateKey: SECRETS.privateKey,
      crypto,
      sessions: this.tables.sessions,
      peers: this.tables.peers,
      timestamps: new TimestampSource(new MemoryTimestampStore()),
    });
    const post = (order: { kind: string; slot?: number }): void => {
      if (order.kind === 'install') queueMicrotask(() => this.peering.handleInstalled(order.slot as number));
    };
    const dialler = new Dialler(log, now, () => {});
    this.peering = new Peering({
      wireguard,
      dataplane: () => ({ post, seal: () => {} }) as unknown as Dataplane,
      tables: this.tables,
      paths: this.paths,
      dialler,
      pathing: () => ({ handshakeRecords: () => undefined, handleSession: () => {} }),
      log,
      now,
      send: (bytes, record) => {
        this.sent.push({ bytes, to: `${endpointAddress(record).join('.')}:${endpointPort(record)}` });
      },
      peerName: String,
      onSession: () => this.externals.handleTimeout(clock.nowMs),
    });
    const node = {
      native: { now },
      log,
      wireguard,
      tables: this.tables,
      directory: this.directory,
      paths: this.paths,
      cluster: { servingElsewhere: ELSEWHERE },
      peerName: String,
    } as unknown as Node;
    this.externals = new Externals(node, {
      peering: this.peering,
      dialler,
      crypto,
      timers: undefined,
      send: (_peer, bytes) => this.told.push(bytes),
    });
    this.externals.configure(configuration, SECRETS);
  }

  configuration(endpoints?: string) {
    const node = edit(SEED_NODE, 'node: edge1-a', `node: ${this.name}`);
    return configurationOf(networkText(endpoints), `${node}clusterKeyFile: k\nstateDir: ${this.stateDir}\n`);
  }

  /** Number of the external peer, and the target of its routes. */
  get peer(): number {
    return this.directory.externals[0].number;
  }

  get serving(): number {
    return this.tables.available[this.directory.externals[0].target];
  }

  get partner(): number {
    return [...this.directory.all].find(({ partner }) => partner)!.number;
  }

  /** Does something by its own wall clock. */
  by<T>(action: () => T): T {
    const { now } = Date;
    Date.now = () => now() + this.skewMs;
    try {
      return action();
    } finally {
      Date.now = now;
    }
  }

  setActing(acting: boolean): void {
    this.by(() => this.externals.setActing(acting));
  }

  pass(ms: number): void {
    clock.nowMs += ms;
    this.by(() => {
      this.peering.handleTimeout();
      this.externals.handleTimeout(clock.nowMs);
    });
  }

  /** What it has told goes to `other`. */
  tell(other: Member): void {
    for (const bytes of this.told.splice(0)) other.externals.handleNews(other.partner, bytes);
  }

  /** What it has sent since the last call. */
  take(): Uint8Array[] {
    return this.sent.splice(0).map(({ bytes }) => bytes);
  }
}

/** The plain router: one device with one peer, the cluster. */
export class Router {
  readonly device = new WireGuard({
    privateKey: ROUTER_KEY,
    crypto,
    sessions: SessionTable.create(64),
    peers: PeerTable.create(1),
    timestamps: new TimestampSource(new MemoryTimestampStore()),
  });

  constructor() {
    const publicKey = publicKeyOf(CLUSTER_KEY);
    this.device.addPeer({ index: 0, publicKey, initiate: 'on-demand', endpointKnown: true });
  }

  drain(): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (let output = this.device.pollOutput(); output; output = this.device.pollOutput()) {
      if (output.type === 'send') sent.push(output.bytes);
      if (output.type === 'install') this.device.handleInstalled(output.slot, clock.nowMs);
    }
    return sent;
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    this.device.handleDatagram(bytes, PLACE, clock.nowMs);
    return this.drain();
  }

  initiate(): Uint8Array {
    this.device.startHandshake(0, clock.nowMs, Date.now());
    return this.drain()[0];
  }

  /** Answers what `member` has sent; returns how many answers there were. */
  async answer(member: Member): Promise<number> {
    const responses = member.take().flatMap((bytes) => this.receive(bytes));
    for (const response of responses) member.peering.handleDatagram(response, PLACE);
    await Promise.resolve();
    return responses.length;
  }
}

/** Two members that start, and their peer; `endpoints`: where the cluster dials it. */
export function pair(t: ExecutionContext, endpoints?: string): { a: Member; b: Member; router: Router } {
  return {
    a: new Member('edge1-a', tempDir(t), endpoints),
    b: new Member('edge1-b', tempDir(t), endpoints),
    router: new Router(),
  };
}
