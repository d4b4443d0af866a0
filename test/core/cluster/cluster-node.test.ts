/** One node by itself: what it does with garbage, with its own past, and alone. */
import test from 'ava';
import { ClusterNode, type ClusterNodeOptions } from '../../../src/core/cluster/cluster-node.js';
import {
  encodeAcknowledgement,
  encodeHello,
  encodeItems,
  parseHello,
} from '../../../src/core/cluster/hello.js';
import type { Output } from '../../../src/core/cluster/outputs.js';
import { type MemberRecord, ONE_UPLINK } from '../../../src/core/cluster/record.js';
import { CLUSTER_DEFAULTS } from '../../../src/core/cluster/settings.js';

const B = 1;
const X = 2;

function nodeOf(members: readonly string[], change: Partial<ClusterNodeOptions> = {}): ClusterNode {
  return new ClusterNode({
    roster: {
      clusters: [
        {
          name: 'site',
          gateway: false,
          members: members.map((name, index) => ({ name, peer: index === 0 ? -1 : index })),
        },
        { name: 'branch', gateway: false, members: [{ name: 'x', peer: X }] },
      ],
      ownCluster: 0,
      ownMember: 0,
    },
    settings: { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: true },
    incarnation: 1_000,
    storedN: 0,
    now: 0,
    ...change,
  });
}

function drain(node: ClusterNode): Output[] {
  const outputs: Output[] = [];
  for (let output = node.pollOutput(); output !== undefined; output = node.pollOutput()) outputs.push(output);
  return outputs;
}

const typesOf = (outputs: readonly Output[]): string[] => outputs.map(({ type }) => type);

function recordOf(change: Partial<MemberRecord>): MemberRecord {
  return {
    incarnation: 50,
    sequence: 1,
    role: 'standby',
    epoch: undefined,
    able: true,
    lan: true,
    lanProven: false,
    serve: true,
    held: false,
    score: 1,
    uplinks: ONE_UPLINK,
    ...change,
  };
}

function helloOf(
  record: MemberRecord,
  sequence = 1,
  epochs: { cluster: string; epoch: { n: number; member: number } }[] = [],
) {
  const { incarnation } = record;
  return encodeHello(
    { incarnation, sequence, record, shows: [] },
    encodeItems({ epochs, direct: [], throughHub: [] }),
  )[0];
}

test('the only member of a cluster is active at once, without Redis', (t) => {
  const node = nodeOf(['a'], { settings: { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: false } });
  node.handleTimeout(0);
  const outputs = drain(node);
  t.deepEqual(
    outputs.filter(({ type }) => type !== 'send' && type !== 'routes').map((output) => output.type),
    ['persist', 'event', 'act', 'event'],
  );
  t.is(node.member.role, 'active');
  node.handleTimeout(60_000);
  t.is(node.member.role, 'active', 'whatever happens: it stood still for a minute');
});

test('hosts of the LAN are asked for often, unless the owner does that by itself', (t) => {
  const asked = (ownLanProbes: boolean): number => {
    const settings = { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: false, ownLanProbes } as const;
    const node = nodeOf(['a', 'b'], { settings });
    let count = 0;
    for (let now = 0; now < 3_000; now += 50) {
      node.handleTimeout(now);
      count += typesOf(drain(node)).filter((type) => type === 'probe-lan').length;
    }
    return count;
  };
  t.true(asked(false) >= 3_000 / CLUSTER_DEFAULTS.lanProbeMs);
  t.is(asked(true), 0);
});

test('an epoch is stored before it is announced, announced before it is acted on', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  node.handleSession(B, true, 10);
  drain(node);
  node.handleHello(B, helloOf(recordOf({ serve: false, score: 0 })), 20);
  const outputs = drain(node).filter(({ type }) => type !== 'routes');
  const types = ['send', 'event', 'persist', 'event', 'send', 'send', 'act', 'event'];
  t.deepEqual(typesOf(outputs), types);
  const acknowledgement = outputs[0];
  t.true(acknowledgement.type === 'send' && parseHello(acknowledgement.bytes)?.kind === 'acknowledgement');
  const announced = outputs[4];
  t.like(announced.type === 'send' ? parseHello(announced.bytes) : undefined, {
    record: { role: 'active', epoch: { n: 1, member: 0 } },
  });
});

test('garbage is counted, from known and unknown peers, and changes nothing', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  node.handleHello(B, Uint8Array.of(1, 2, 3), 1);
  node.handleHello(77, helloOf(recordOf({})), 2);
  t.is(node.counters.hellosRefused, 2);
  const stored = (text: string, counter: number) => ({
    register: undefined,
    redisMs: 1,
    records: [
      { member: 1, counter, text },
      { member: 0, counter, text },
      { member: 9, counter, text },
    ],
  });
  node.handleBeat(stored('x', 1), 3);
  node.handleBeat(stored('{"garbage":[', 2), 4);
  t.is(node.recordsRefused, 1);
  t.is(node.member.role, 'standby');
  t.is(node.directory.partners[0].record, undefined);
});

test('what a hello says of clusters and members that do not exist is ignored', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  const epochs = [
    { cluster: 'nowhere', epoch: { n: 9, member: 0 } },
    { cluster: 'branch', epoch: { n: 9, member: 5 } },
  ];
  node.handleHello(X, helloOf(recordOf({}), 1, epochs), 1);
  t.is(node.directory.clusters[1].epoch, undefined);
});

test('a node whose clock went back goes beyond what its peers remember of it', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  node.handleHello(
    B,
    encodeAcknowledgement({ incarnation: 1_000, sequence: 1, part: 0, known: 5_000, lists: 0 }),
    1,
  );
  t.is(node.record.incarnation, 5_001);
  const events = drain(node).flatMap((output) => (output.type === 'event' ? [output.event.name] : []));
  t.true(events.includes('incarnation-raised'));
});

test('a peer whose clock went back is told so, and not believed before it has gone beyond', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  node.handleHello(X, helloOf(recordOf({ incarnation: 900 })), 1);
  drain(node);
  node.handleHello(X, helloOf(recordOf({ incarnation: 800, epoch: { n: 5, member: 0 } })), 2);
  const [reply] = drain(node).filter(({ type }) => type === 'send');
  t.like(reply.type === 'send' ? parseHello(reply.bytes) : undefined, { incarnation: 800, known: 900 });
  t.is(node.directory.clusters[1].epoch, undefined);
  t.is(node.counters.hellosStale, 1);
});

test('n goes above what the disk, the register and the hellos hold', (t) => {
  const node = nodeOf(['a'], { storedN: 41 });
  node.handleHello(X, helloOf(recordOf({}), 1, [{ cluster: 'site', epoch: { n: 7, member: 0 } }]), 0);
  t.deepEqual(node.member.epoch, { n: 42, member: 0 });
  node.handleBeat({ register: { n: 99, member: 0 }, records: [], redisMs: 1 }, 1);
  t.deepEqual(node.member.epoch, { n: 100, member: 0 }, 'its own forgotten epoch is no rival');
  t.is(node.member.role, 'active');
});

test('commands that cannot be carried out are refused with a reason', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  t.deepEqual(node.handleCommand({ kind: 'failover', to: undefined }, 1), {
    ok: false,
    why: 'this member cannot serve',
  });
  t.deepEqual(node.handleCommand({ kind: 'failover', to: 1 }, 2), {
    ok: false,
    why: 'give the command to that member, or to the active one',
  });
  t.deepEqual(node.handleCommand({ kind: 'drain' }, 3), { ok: true });
  t.false(node.record.able);
});

test('a hand-over to one of several goes to whoever asks for itself; a drained member does not ask', (t) => {
  const C = 3;
  const members = ['a', 'b', 'c'].map((name, index) => ({ name, peer: [-1, B, C][index] }));
  const clusters = [{ name: 'site', gateway: false, members }];
  const node = nodeOf([], {
    roster: { clusters, ownCluster: 0, ownMember: 0 },
    settings: { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: false },
  });
  node.handleTimeout(0);
  t.like(node.member.waiting, { claims: false, untilMs: CLUSTER_DEFAULTS.listenMs });
  for (const peer of [B, C]) node.handleHello(peer, helloOf(recordOf({ serve: false, score: 0 })), 1);
  t.is(node.member.role, 'active');
  const failover = (to: number | undefined) => node.handleCommand({ kind: 'failover', to }, 2);
  t.deepEqual(failover(undefined), { ok: false, why: 'no partner is heard that could serve' });
  node.handleHello(B, helloOf(recordOf({ sequence: 2 }), 2), 2);
  t.deepEqual(failover(2), { ok: false, why: 'that member is not heard, or could not serve' });
  node.handleHello(C, helloOf(recordOf({ sequence: 2 }), 2), 2);
  t.deepEqual(failover(2), { ok: false, why: 'give the command to that member' });
  t.deepEqual(failover(0), { ok: true });
  t.is(node.member.role, 'active');
  t.deepEqual(failover(undefined), { ok: true });
  t.is(node.member.role, 'draining');
  const drained = nodeOf(['a', 'b']);
  drained.handleCommand({ kind: 'drain' }, 0);
  t.deepEqual(drained.handleCommand({ kind: 'failover', to: undefined }, 1), {
    ok: false,
    why: 'this member is drained',
  });
  t.like(drained.member.waiting, { why: 'this member is drained', untilMs: undefined });
});

test('where there are no other clusters, who can leave by no uplink cannot serve', (t) => {
  const clusters = [
    {
      name: 'site',
      gateway: false,
      members: [
        { name: 'a', peer: -1 },
        { name: 'b', peer: B },
      ],
    },
  ];
  const node = nodeOf([], { roster: { clusters, ownCluster: 0, ownMember: 0 } });
  node.handleTimeout(0);
  t.true(node.record.serve);
  const health = { dataPlane: true, lanCarrier: true };
  node.handleHealth({ ...health, uplinks: { usable: 0, lost: 2 } }, 1);
  t.like(node.record, { serve: false, uplinks: { usable: 0, lost: 2 } });
  node.handleHealth({ ...health, uplinks: { usable: 1, lost: 1 } }, 2);
  t.like(node.record, { serve: true, uplinks: { usable: 1, lost: 1 } });
});

test('a hello that says nothing new is acknowledged, and no more', (t) => {
  const node = nodeOf(['a', 'b']);
  node.handleTimeout(0);
  node.handleSession(B, true, 10);
  node.handleHello(B, helloOf(recordOf({ serve: false, score: 0 })), 20);
  drain(node);
  const again = (sequence: number, serve: boolean): Output[] => {
    node.handleHello(B, helloOf(recordOf({ serve, sequence: serve ? 2 : 1, score: 0 }), sequence), 30);
    return drain(node);
  };
  t.deepEqual(typesOf(again(2, false)), ['send']);
  t.deepEqual(typesOf(again(3, false)), ['send']);
  t.is(node.counters.hellosStale, 0);
  t.deepEqual(again(2, false), [], 'an older one is stale nevertheless');
  t.is(node.counters.hellosStale, 1);
  t.is(node.directory.partners[0].record?.serve, false);
  again(4, true);
  t.is(node.directory.partners[0].record?.serve, true);
});

test('a peer that has no use for hellos is told nothing, and everything as soon as it has', (t) => {
  let speaks = false;
  const settings = {
    ...CLUSTER_DEFAULTS,
    failback: 'automatic',
    redis: false,
    speaks: () => speaks,
  } as const;
  const node = nodeOf(['a'], { settings });
  // Called when it wants to be, as by its owner.
  const toldWithin = (fromMs: number, toMs: number): boolean => {
    for (let now = fromMs; now < toMs; now = Math.max(now + 1, node.nextDeadline())) {
      node.handleTimeout(now);
      if (drain(node).some((output) => output.type === 'send' && output.peer === X)) return true;
    }
    return false;
  };
  node.handleTimeout(0);
  node.handleSession(X, true, 10);
  t.false(toldWithin(20, 5_000));
  speaks = true;
  t.true(toldWithin(5_000, 5_001 + CLUSTER_DEFAULTS.helloRepeatMs));
});
