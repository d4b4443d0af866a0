/**
 * Two members that serve a plain WireGuard peer in turn, without sockets and workers: what is sent is kept, keys are
 * installed at once, and what one member tells the other arrives when the test says so.
 */
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { Dataplane } from '../../../src/app/control/dataplane.js';
import { Dialler } from '../../../src/app/control/dialler.js';
import { Directory, targetCount } from '../../../src/app/control/directory.js';
import { Externals } from '../../../src/app/control/externals.js';
import { createLogger } from '../../../src/app/control/log.js';
import type { Node } from '../../../src/app/control/node.js';
import { Peering } from '../../../src/app/control/peering.js';
import { compileSnapshot } from '../../../src/app/control/snapshot.js';
import { createSharedTables, PathSlots } from '../../../src/app/control/tables.js';
import { encodeEndpoint, endpointAddress, endpointPort } from '../../../src/core/base/endpoint.js';
import { formatKey } from '../../../src/core/base/key.js';
import { SnapshotView } from '../../../src/core/router/snapshot.js';
import { WireGuard } from '../../../src/core/wireguard/device.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { MemoryTimestampStore, TimestampSource } from '../../../src/core/wireguard/tai64n.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import type { Secrets } from '../../../src/edge/file/configuration.js';
import { generatePrivateKey, publicKeyOf } from '../../../src/edge/file/key-file.js';
import { configurationOf, edit, SEED_NETWORK, SEED_NODE } from '../../support/seed_config.js';
import { tempDir } from '../../support/temp_dir.js';

const HOUR_MS = 3_600_000;
const ELSEWHERE = 2;
const PLACE = encodeEndpoint(Uint8Array.of(198, 51, 100, 7), 51_820, 0);
const CLUSTER_KEY = generatePrivateKey();
const ROUTER_KEY = generatePrivateKey();
const crypto = createCrypto();
let clockMs = 1_000_000;

/** The seed's network with `branch` at EdgeCluster1. */
function networkText(endpoints = '["198.51.100.7:51820"]'): string {
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

const SECRETS: Secrets = {
  privateKey: generatePrivateKey(),
  presharedKeys: new Map(),
  clusterKey: CLUSTER_KEY,
  externalPresharedKeys: new Map(),
};

class Member {
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
    const now = (): number => clockMs;
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
    const dialler = new Dialler(log);
    this.peering = new Peering({
      wireguard,
      dataplane: () => ({ post, seal: () => {} }) as unknown as Dataplane,
      tables: this.tables,
      paths: this.paths,
      dialler,
      log,
      now,
      send: (bytes, record) => {
        this.sent.push({ bytes, to: `${endpointAddress(record).join('.')}:${endpointPort(record)}` });
      },
      peerName: String,
      onSession: () => this.externals.handleTimeout(clockMs),
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
    clockMs += ms;
    this.by(() => {
      this.peering.handleTimeout();
      this.externals.handleTimeout(clockMs);
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
class Router {
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
      if (output.type === 'install') this.device.handleInstalled(output.slot, clockMs);
    }
    return sent;
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    this.device.handleDatagram(bytes, PLACE, clockMs);
    return this.drain();
  }

  initiate(): Uint8Array {
    this.device.startHandshake(0, clockMs, Date.now());
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

function pair(t: ExecutionContext, endpoints?: string): { a: Member; b: Member; router: Router } {
  return {
    a: new Member('edge1-a', tempDir(t), endpoints),
    b: new Member('edge1-b', tempDir(t), endpoints),
    router: new Router(),
  };
}

test.serial(
  'who becomes active initiates at once, and routes to the peer lead there; elsewhere to who serves it',
  async (t) => {
    const { a, b, router } = pair(t);
    a.pass(0);
    t.deepEqual([a.serving, b.take().length, a.take().length], [ELSEWHERE, 0, 0]);
    a.setActing(true);
    t.is(a.sent[0].to, '198.51.100.7:51820');
    t.is(a.serving, -1, 'not before it answers');
    t.is(await router.answer(a), 1);
    t.is(a.serving, a.peer);
    a.setActing(false);
    t.is(a.serving, ELSEWHERE);
    t.is(a.tables.peers.session[a.peer], -1);
    t.is(a.externals.peerStatus(a.peer), undefined);
  },
);

test.serial('with the members a route leads to the peer, at other clusters to the cluster', (t) => {
  const lan = { v4: undefined, v6: undefined };
  const targetOn = (name: string): number => {
    const node = edit(SEED_NODE, 'node: edge1-a', `node: ${name}`);
    const key = name.startsWith('edge1') ? 'clusterKeyFile: k\n' : '';
    const configuration = configurationOf(networkText(), `${node}${key}`);
    const snapshot = compileSnapshot(configuration, new Directory(configuration), lan, crypto.hash, 1);
    return new SnapshotView(snapshot).routes.targetOf(0);
  };
  t.is(targetOn('edge1-a'), 5, 'four clusters, the WAN, and then the external peer');
  t.is(targetOn('edge1-b'), 5);
  t.is(targetOn('aws-a'), 1);
});

for (const skewMs of [-HOUR_MS, 0, HOUR_MS]) {
  test.serial(
    `the heir is believed with a clock that is ${skewMs / 1_000} s off, and so is who comes back`,
    async (t) => {
      const { a, b, router } = pair(t);
      b.skewMs = skewMs;
      a.setActing(true);
      t.true(a.told.length > 0);
      // All that the partner ever hears is what was told before the first initiation.
      a.tell(b);
      t.is(await router.answer(a), 1);
      for (let renewals = 0; renewals < 3; renewals++) {
        a.pass(5_000);
        a.peering.dial(a.peer);
        t.is(await router.answer(a), 1);
      }
      a.told.splice(0);
      clockMs += 100;
      b.setActing(true);
      t.is(await router.answer(b), 1, 'its first initiation is answered');
      t.is(b.serving, b.peer);
      b.tell(a);
      a.setActing(false);
      clockMs += 100;
      a.setActing(true);
      t.is(await router.answer(a), 1);
    },
  );
}

test.serial(
  'where nothing was told, a clock that is behind locks the heir out: the rule is needed',
  async (t) => {
    const { a, b, router } = pair(t);
    b.skewMs = -HOUR_MS;
    a.setActing(true);
    t.is(await router.answer(a), 1);
    clockMs += 100;
    b.setActing(true);
    t.is(await router.answer(b), 0);
  },
);

test.serial('what the peer has said to one member is a replay to the next', async (t) => {
  const { a, b, router } = pair(t);
  a.setActing(true);
  const initiation = router.initiate();
  a.take();
  a.peering.handleDatagram(initiation, PLACE);
  await Promise.resolve();
  t.is(a.take().length, 1);
  a.pass(10);
  a.tell(b);
  b.setActing(true);
  b.take();
  b.peering.handleDatagram(initiation, PLACE);
  await Promise.resolve();
  t.deepEqual(b.take(), []);
  // It may also become known when the heir is active already.
  const late = new Member('edge1-b', tempDir(t));
  late.setActing(true);
  late.take();
  a.pass(1_000);
  a.tell(late);
  late.peering.handleDatagram(initiation, PLACE);
  await Promise.resolve();
  t.deepEqual(late.take(), []);
});

test.serial('a place that was learnt is known to the heir, and to a member that restarts', async (t) => {
  const { a, b, router } = pair(t, '[]');
  a.setActing(true);
  t.deepEqual(a.take(), [], 'nobody knows where it is');
  a.peering.handleDatagram(router.initiate(), PLACE);
  await Promise.resolve();
  for (const response of a.take()) router.receive(response);
  const slot = a.tables.sessions.localIndex.findIndex((index) => index !== 0);
  a.peering.handleSessionUsed(slot);
  a.pass(10);
  a.tell(b);
  b.setActing(true);
  t.is(b.sent[0]?.to, '198.51.100.7:51820');
  const again = new Member('edge1-a', a.stateDir, '[]');
  again.setActing(true);
  t.is(again.sent[0]?.to, '198.51.100.7:51820');
});

test.serial('a standby is silent', async (t) => {
  const { b, router } = pair(t);
  b.peering.handleDatagram(router.initiate(), PLACE);
  await Promise.resolve();
  t.deepEqual(b.take(), []);
});

test.serial('news counts from partners alone, and garbage not at all', async (t) => {
  const { a, b, router } = pair(t);
  b.skewMs = -HOUR_MS;
  a.setActing(true);
  t.is(await router.answer(a), 1);
  const [bytes] = a.told;
  const stranger = [...b.directory.all].find(({ partner }) => !partner)!.number;
  t.true(b.externals.handleNews(stranger, bytes));
  t.true(b.externals.handleNews(b.partner, bytes.subarray(0, 20)));
  t.false(b.externals.handleNews(b.partner, new TextEncoder().encode('{"v":1}')));
  clockMs += 100;
  b.setActing(true);
  t.is(await router.answer(b), 0);
});

test.serial('repetitions in vain make a peer unreachable until it is heard again', async (t) => {
  const { a, router } = pair(t);
  a.setActing(true);
  await router.answer(a);
  t.is(a.serving, a.peer);
  a.peering.dial(a.peer);
  a.pass(5_500);
  t.is(a.serving, a.peer);
  a.pass(600);
  t.is(a.serving, -1);
  a.pass(20_000);
  t.is(a.serving, -1);
  a.take();
  a.pass(5_500);
  t.is(await router.answer(a), 1);
  a.pass(10);
  t.is(a.serving, a.peer);
});

test.serial(
  'a reload keeps the session of a peer that stays, and begins anew with one that has changed',
  async (t) => {
    const { a, router } = pair(t);
    a.setActing(true);
    await router.answer(a);
    const session = a.tables.peers.session[a.peer];
    a.externals.configure(a.configuration(), SECRETS);
    t.is(a.tables.peers.session[a.peer], session);
    const presharedKey = new Uint8Array(32).fill(7);
    a.externals.configure(a.configuration(), {
      ...SECRETS,
      externalPresharedKeys: new Map([[0, presharedKey]]),
    });
    t.is(a.tables.peers.session[a.peer], -1);
    t.is(a.take().length, 1, 'it is dialled at once');
    a.externals.configure(a.configuration(), { ...SECRETS, clusterKey: undefined });
    t.is(a.externals.peerStatus(a.peer), undefined);
  },
);

test.serial('a file that is damaged is no obstacle', async (t) => {
  const stateDir = tempDir(t);
  writeFileSync(`${stateDir}/external-peers`, 'K\u0001 garbage');
  writeFileSync(`${stateDir}/cluster-tai64n`, 'garbage');
  const a = new Member('edge1-a', stateDir);
  a.setActing(true);
  t.is(await new Router().answer(a), 1);
  a.by(() => a.externals.close());
});
