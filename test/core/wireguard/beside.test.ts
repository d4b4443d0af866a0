/** Two devices with a key each behind the same tables, as a cluster member has them: its own, and its cluster's. */
import test, { type ExecutionContext } from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SeededRandom } from '../../../src/core/base/random.js';
import { WireGuard } from '../../../src/core/wireguard/device.js';
import type { Output } from '../../../src/core/wireguard/outputs.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import {
  compareTai64n,
  encodeTai64n,
  MemoryTimestampStore,
  TimestampSource,
} from '../../../src/core/wireguard/tai64n.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';

const UNIX_MS = 1.8e12;
const SOURCE = encodeEndpoint(Uint8Array.of(198, 51, 100, 7), 51_820, 0);

/** A peer of `own`, and one of `cluster`; both are number 0 at home, and 0 and 1 with us. */
class Rig {
  now = 1_000;
  readonly random = new SeededRandom(5);
  readonly crypto = createCrypto((length) => this.random.bytes(length));
  readonly sessions = SessionTable.create(64);
  readonly peers = PeerTable.create(4);
  readonly own = this.device();
  readonly cluster = this.device(this.own);
  readonly node = this.stranger(this.own, 0);
  readonly router = this.stranger(this.cluster, 1);

  device(beside?: WireGuard): WireGuard {
    return new WireGuard({
      privateKey: this.random.bytes(32),
      crypto: this.crypto,
      sessions: beside === undefined && this.own !== undefined ? SessionTable.create(64) : this.sessions,
      peers: beside === undefined && this.own !== undefined ? PeerTable.create(4) : this.peers,
      timestamps: new TimestampSource(new MemoryTimestampStore()),
      ...(beside !== undefined && { beside }),
    });
  }

  /** Another end that knows `device`, which knows it as `index`. */
  stranger(device: WireGuard, index: number): WireGuard {
    const other = this.device();
    const options = { initiate: 'on-demand', endpointKnown: true } as const;
    other.addPeer({ index: 0, publicKey: device.publicKey, ...options });
    device.addPeer({ index, publicKey: other.publicKey, ...options });
    return other;
  }

  /** Outputs until there is none; keys are installed at once. Returns what was sent. */
  drain(device: WireGuard): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (let output: Output | undefined = device.pollOutput(); output; output = device.pollOutput()) {
      if (output.type === 'send') sent.push(output.bytes);
      if (output.type === 'install') device.handleInstalled(output.slot, this.now);
    }
    return sent;
  }

  initiate(device: WireGuard, index: number): Uint8Array {
    this.now += 5_000;
    device.startHandshake(index, this.now, UNIX_MS + this.now);
    return this.drain(device)[0];
  }

  give(device: WireGuard, bytes: Uint8Array): Uint8Array[] {
    device.handleDatagram(bytes, SOURCE, this.now);
    return this.drain(device);
  }

  /** What our side does with a datagram: the device that it is for takes it. */
  receive(bytes: Uint8Array): Uint8Array[] {
    return this.give(this.cluster.isFor(bytes) ? this.cluster : this.own, bytes);
  }

  /** A whole handshake, begun by the other end or by us. */
  connect(t: ExecutionContext, other: WireGuard, device: WireGuard, index: number, begunByUs: boolean): void {
    const before = this.peers.session[index];
    if (begunByUs) {
      for (const response of this.give(other, this.initiate(device, index))) this.receive(response);
      t.not(this.peers.session[index], before);
    } else {
      const responses = this.receive(this.initiate(other, 0));
      t.is(responses.length, 1);
      t.deepEqual(this.give(other, responses[0]), []);
      t.true((other.peerStatus(0)?.slot ?? -1) >= 0);
    }
  }
}

test('each handshake finds its device, in both directions', (t) => {
  const rig = new Rig();
  for (const begunByUs of [true, false, true]) {
    rig.connect(t, rig.router, rig.cluster, 1, begunByUs);
    rig.connect(t, rig.node, rig.own, 0, begunByUs);
  }
  t.true(Object.values(rig.own.drops).every((count) => count === 0));
});

test('the devices share one space of session indices', (t) => {
  const rig = new Rig();
  for (let i = 0; i < 3; i++) {
    rig.connect(t, rig.router, rig.cluster, 1, true);
    rig.connect(t, rig.node, rig.own, 0, true);
  }
  const taken = [...rig.sessions.localIndex.entries()].filter(([, index]) => index !== 0);
  t.true(taken.length >= 4);
  const owners = taken.map(([slot]) => rig.sessions.peer[slot]);
  t.deepEqual([...new Set(owners)].sort(), [0, 1]);
});

test('what is for nobody is for the first device, and counted once for both', (t) => {
  const rig = new Rig();
  const stray = rig.stranger(rig.device(), 2);
  const initiation = rig.initiate(stray, 0);
  t.false(rig.cluster.isFor(initiation));
  t.deepEqual(rig.receive(initiation), []);
  t.is(rig.own.drops.mac1, 1);
  t.is(rig.cluster.drops, rig.own.drops);
  for (const length of [0, 1, 4, 32, 64, 92, 148]) t.false(rig.cluster.isFor(new Uint8Array(length)));
});

test('a silent device answers nobody and counts what it leaves', (t) => {
  const rig = new Rig();
  rig.cluster.silent = true;
  t.deepEqual(rig.receive(rig.initiate(rig.router, 0)), []);
  t.is(rig.own.drops.standby, 1);
  rig.connect(t, rig.node, rig.own, 0, false);
  rig.cluster.silent = false;
  rig.connect(t, rig.router, rig.cluster, 1, false);
});

test('a timestamp that another holder of the key has seen is a replay here', (t) => {
  const rig = new Rig();
  const initiation = rig.initiate(rig.router, 0);
  rig.cluster.raiseTimestamp(1, encodeTai64n(BigInt(UNIX_MS + rig.now + 60_000) * 1_000_000n));
  t.deepEqual(rig.receive(initiation), []);
  t.is(rig.own.drops['timestamp-replayed'], 1);
  // A lower one takes nothing back, and a peer that is added anew may be given what is known.
  const newest = rig.cluster.peerStatus(1)!.newestTimestamp.slice();
  rig.cluster.raiseTimestamp(1, encodeTai64n(1n));
  t.is(compareTai64n(rig.cluster.peerStatus(1)!.newestTimestamp, newest), 0);
  const options = { index: 1, publicKey: rig.router.publicKey, endpointKnown: false } as const;
  rig.cluster.removePeer(1, rig.now);
  rig.cluster.addPeer({ ...options, initiate: 'always', newestTimestamp: newest });
  t.deepEqual(rig.receive(rig.initiate(rig.router, 0)), []);
  t.is(rig.own.drops['timestamp-replayed'], 2);
  rig.now += 70_000;
  rig.connect(t, rig.router, rig.cluster, 1, false);
});
