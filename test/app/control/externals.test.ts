/** Two members that serve a plain WireGuard peer in turn. */
import { writeFileSync } from 'node:fs';
import test from 'ava';
import { Directory } from '../../../src/app/control/directory.js';
import { compileSnapshot } from '../../../src/app/control/snapshot.js';
import { SnapshotView } from '../../../src/core/router/snapshot.js';
import {
  clock,
  crypto,
  ELSEWHERE,
  Member,
  networkText,
  PLACE,
  pair,
  Router,
  SECRETS,
} from '../../support/external_peers.js';
import { configurationOf, edit, SEED_NODE } from '../../support/seed_config.js';
import { tempDir } from '../../support/temp_dir.js';

const HOUR_MS = 3_600_000;

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
      clock.nowMs += 100;
      b.setActing(true);
      t.is(await router.answer(b), 1, 'its first initiation is answered');
      t.is(b.serving, b.peer);
      b.tell(a);
      a.setActing(false);
      clock.nowMs += 100;
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
    clock.nowMs += 100;
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
  a.pass(1_000);
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
  clock.nowMs += 100;
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
