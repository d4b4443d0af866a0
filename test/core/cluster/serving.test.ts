import test from 'ava';
import { type MemberRecord, ONE_UPLINK } from '../../../src/core/cluster/record.js';
import { Directory, type KnownNode } from '../../../src/core/cluster/roster.js';
import { chooseServing } from '../../../src/core/cluster/serving.js';

const HERE = 0x7fff_ffff;
const RECORD: MemberRecord = {
  incarnation: 1,
  sequence: 1,
  role: 'standby',
  epoch: undefined,
  able: true,
  lan: true,
  lanProven: true,
  serve: true,
  held: false,
  score: 3,
  uplinks: ONE_UPLINK,
};

/** We are `a`; the target is the pair c and d, a hub is the pair h1 and h2. */
function site() {
  const member = (name: string, peer: number) => ({ name, peer });
  const directory = new Directory({
    clusters: [
      { name: 'site', gateway: false, members: [member('a', -1), member('b', 1)] },
      { name: 'target', gateway: false, members: [member('c', 2), member('d', 3)] },
      { name: 'hub', gateway: true, members: [member('h1', 4), member('h2', 5)] },
    ],
    ownCluster: 0,
    ownMember: 0,
  });
  const available = new Int32Array(4).fill(-1);
  const node = (name: string): KnownNode => directory.node(name) as KnownNode;
  const choose = (): string | undefined => {
    chooseServing(directory, HERE, available);
    return directory.others.find(({ peer }) => peer === available[1])?.name;
  };
  return { directory, available, node, choose };
}

test('peers are tried in the order of the design, and the last path is never given up', (t) => {
  const { directory, node, choose } = site();
  const say = (name: string, lan: boolean): void => {
    node(name).record = { ...RECORD, lan };
  };
  for (const name of ['b', 'c', 'd', 'h1', 'h2']) node(name).up = true;
  t.is(choose(), 'c', 'the preferred member while no epoch is known');
  directory.clusters[1].epoch = { n: 1, member: 1 };
  t.is(choose(), 'd', 'the member of the highest epoch');
  say('d', false);
  t.is(choose(), 'c', 'the other, where that one has no LAN');
  node('c').up = false;
  say('c', true);
  t.is(choose(), 'd', 'a dead LAN does not remove the last path');
  node('h2').direct = new Set(['c']);
  t.is(choose(), 'h2', 'a hub that reaches a live LAN comes before a dead one');
  say('c', false);
  node('h2').direct = new Set(['c', 'd']);
  t.is(choose(), 'd', 'direct, where both LANs are dead');
  node('d').up = false;
  t.is(choose(), 'h2', 'a hub, where there is no session');
  directory.clusters[2].epoch = { n: 4, member: 0 };
  node('h1').direct = new Set(['d']);
  t.is(choose(), 'h1', 'the active member of the hub first');
  node('h1').up = false;
  node('h2').up = false;
  t.is(choose(), undefined);
  node('b').throughHub = new Set(['c']);
  t.is(choose(), 'b', 'the partner, over the LAN');
  node('b').up = false;
  t.is(choose(), undefined);
});

test('our own cluster and the WAN are here, and changes are told', (t) => {
  const { directory, available } = site();
  t.true(chooseServing(directory, HERE, available));
  t.deepEqual([...available], [HERE, -1, -1, HERE]);
  t.false(chooseServing(directory, HERE, available));
});

test('a changed roster keeps what is known of those who stay, and begins anew where places changed', (t) => {
  const { directory } = site();
  const roster = (members: string[]) => ({
    clusters: [
      { name: 'site', gateway: false, members: [{ name: 'a', peer: -1 }] },
      { name: 'target', gateway: false, members: members.map((name, index) => ({ name, peer: 2 + index })) },
    ],
    ownCluster: 0,
    ownMember: 0,
  });
  directory.clusters[1].epoch = { n: 7, member: 1 };
  (directory.node('d') as KnownNode).up = true;
  const kept = new Directory(roster(['c', 'd']), directory);
  t.deepEqual(kept.clusters[1].epoch, { n: 7, member: 1 });
  t.true(kept.node('d')?.up);
  t.is(kept.node('d')?.cluster, kept.clusters[1]);
  const moved = new Directory(roster(['d', 'c']), directory);
  t.is(moved.clusters[1].epoch, undefined);
  t.false(moved.node('d')?.up);
});
