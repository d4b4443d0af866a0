/** When a reload edits the table of the workers, and when it gives them another one. */
import test from 'ava';
import { Directory } from '../../../src/app/control/directory.js';
import { compileSnapshot } from '../../../src/app/control/snapshot.js';
import type { Configuration } from '../../../src/core/config/configuration.js';
import { LiveRoutes } from '../../../src/core/route/live.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { configurationOf, SEED_NETWORK } from '../../support/seed_config.js';

const lan = { v4: undefined, v6: undefined };
const { hash } = createCrypto();
const seed = configurationOf(SEED_NETWORK);

/** Whether a reload from the seed to `next` leaves workers the same route table. */
function isInPlace(next: Configuration): boolean {
  const routes = new LiveRoutes();
  const first = compileSnapshot(seed, new Directory(seed), lan, hash, 1, routes);
  const second = compileSnapshot(next, new Directory(next), lan, hash, 2, routes, first);
  return second.routes === first.routes;
}

test('where routes alone differ, their table is edited', (t) => {
  t.true(isInPlace(seed));
  t.true(isInPlace({ ...seed, routes: seed.routes.slice(1) }));
  t.true(
    isInPlace({ ...seed, routes: seed.routes.map((route) => ({ ...route, metric: route.metric + 1 })) }),
  );
});

test('where NATs, the MTU or the clusters differ too, workers get all anew at once', (t) => {
  const routes = seed.routes.slice(1);
  t.false(isInPlace({ ...seed, routes, nats: [] }));
  t.false(isInPlace({ ...seed, routes, network: { ...seed.network, mtu: 1344 } }));
  const own = seed.clusters[seed.cluster];
  t.false(
    isInPlace({ ...seed, routes, clusters: [...seed.clusters, { ...own, name: 'more', members: [] }] }),
  );
});
