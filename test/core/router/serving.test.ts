/** Who serves which cluster, case by case and against the rule written down naively. */
import test from 'ava';
import fc from 'fast-check';
import { AVAILABLE_HERE, chooseServing, type ServedCluster } from '../../../src/core/router/serving.js';

/** Clusters: 0 ours with a partner, 1 a gateway with two members, 2 an edge that we can reach, 3 one that we cannot. */
const CLUSTERS: readonly ServedCluster[] = [
  { members: [-1, 0], gateway: false },
  { members: [1, 2], gateway: true },
  { members: [3, 4], gateway: false },
  { members: [-1, -1], gateway: false },
];

function serving(up: readonly number[], clusters = CLUSTERS): number[] {
  const available = new Int32Array(clusters.length + 1).fill(-1);
  chooseServing(clusters, 0, (peer) => up.includes(peer), available);
  return [...available];
}

test('members in order of preference, then a hub, then nobody', (t) => {
  const here = AVAILABLE_HERE;
  t.deepEqual(serving([]), [here, -1, -1, -1, here]);
  t.deepEqual(serving([1, 2, 3, 4]), [here, 1, 3, 1, here]);
  t.deepEqual(serving([2, 4]), [here, 2, 4, 2, here]);
  t.deepEqual(serving([1]), [here, 1, 1, 1, here]);
  t.deepEqual(serving([3]), [here, -1, 3, -1, here], 'an edge is no hub');
  t.deepEqual(serving([0]), [here, -1, -1, -1, here], 'our partner serves nobody else');
});

test('a change is told once', (t) => {
  const available = new Int32Array(5).fill(-1);
  const choose = (up: readonly number[]) =>
    chooseServing(CLUSTERS, 0, (peer) => up.includes(peer), available);
  t.true(choose([]), 'our own cluster and the WAN become usable');
  t.false(choose([]));
  t.true(choose([1]));
  t.false(choose([1, 2]), 'the second member changes nothing while the first is up');
  t.true(choose([2]));
  t.true(choose([]));
});

const clustersArbitrary = fc.array(
  fc.record({
    members: fc.array(fc.integer({ min: -1, max: 9 }), { minLength: 1, maxLength: 3 }),
    gateway: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

test('the same as the rule in words, on any clusters', (t) => {
  fc.assert(
    fc.property(clustersArbitrary, fc.nat(5), fc.array(fc.nat(9)), (clusters, ownNumber, up) => {
      const own = ownNumber % clusters.length;
      const available = new Int32Array(clusters.length + 1).fill(-1);
      chooseServing(clusters, own, (peer) => up.includes(peer), available);
      const direct = clusters.map(({ members }) => members.filter((peer) => up.includes(peer))[0] ?? -1);
      const hubs = direct.filter((peer, index) => clusters[index].gateway && index !== own && peer >= 0);
      const expected = direct.map((peer, index) =>
        index === own ? AVAILABLE_HERE : peer >= 0 ? peer : (hubs[0] ?? -1),
      );
      t.deepEqual([...available], [...expected, AVAILABLE_HERE]);
    }),
  );
});
