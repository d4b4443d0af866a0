/** A data plane that hangs or fails in a member of a pair: it gives the role up, and the partner takes it. */
import { rmSync, writeFileSync } from 'node:fs';
import type { Daemon } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB } from './line.js';
import { Pair } from './pair.js';

const BREAKER = new URL('../../support/faulty_worker.js', import.meta.url);

rootTest('a worker that hangs, then one that fails: the partner takes the role', async (t) => {
  const pair = new Pair(t);
  const { n1, n2, nb, network } = pair;
  const faultOf = (daemon: Daemon): string => `${daemon.folder}/fault`;
  const breakable = (daemon: Daemon) =>
    daemon.start({ NODE_OPTIONS: `--import=${BREAKER.pathname}`, TWINSPAN_TEST_FAULT: faultOf(daemon) });
  await Promise.all([breakable(n1), breakable(n2), nb.start()]);
  await pair.active(n1, n2);
  await ping(network, 'site', HB);

  writeFileSync(faultOf(n1), 'hang');
  await pair.active(n2, n1);
  await until('the hang is told', () => n1.has('data-plane-stalled'));
  t.is(n1.events('data-plane-stalled')[0].level, 60);
  t.true(pair.hasVip(n2) && !pair.hasVip(n1));
  await ping(network, 'site', HB);
  rmSync(faultOf(n1));
  await until('it breathes again', () => n1.has('data-plane-breathes'));
  await n1.up('nb');
  await n1.up('n2');
  t.is((await n1.status()).role, 'standby');

  writeFileSync(faultOf(n2), 'throw');
  t.is(await n2.program.ended, 70);
  await pair.active(n1);
  const gaveUp = n2.events('role-changed').at(-1);
  t.like(gaveUp, { to: 'standby', why: 'the data plane has failed' });
  t.false(pair.hasVip(n2));
  await ping(network, 'site', HB);
  const [, took] = n1.events('role-changed').filter(({ to }) => to === 'active');
  const tookMs = Date.parse(String(took['time'])) - Date.parse(String(gaveUp?.['time']));
  t.log(`n1 acts ${tookMs} ms after n2 has failed, without Redis`);
});
