/** A data plane that hangs or fails in a member of a pair: it gives the role up, and the partner takes it. */
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB } from './line.js';
import { Pair } from './pair.js';

rootTest('a worker that hangs, then one that fails: the partner takes the role', async (t) => {
  const pair = new Pair(t);
  const { network } = pair;
  const [first, second] = await pair.start();
  await ping(network, 'site', HB);

  pair.tamper(first, 'worker', 'hang');
  await pair.active(second, first);
  await until('the hang is told', () => first.has('data-plane-stalled'));
  t.is(first.events('data-plane-stalled')[0].level, 60);
  t.true(pair.hasVip(second) && !pair.hasVip(first));
  await ping(network, 'site', HB);
  pair.tamper(first, 'worker', undefined);
  await until('it breathes again', () => first.has('data-plane-breathes'));
  await first.up('nb');
  await first.up(second.node);
  t.is((await first.status()).role, 'standby');

  pair.tamper(second, 'worker', 'throw');
  t.is(await second.program.ended, 70);
  await pair.active(first);
  const gaveUp = second.events('role-changed').at(-1);
  t.like(gaveUp, { to: 'standby', why: 'the data plane has failed' });
  t.false(pair.hasVip(second));
  await ping(network, 'site', HB);
  const took = first.events('role-changed').at(-1);
  t.is(took?.['to'], 'active');
  const tookMs = Date.parse(String(took?.['time'])) - Date.parse(String(gaveUp?.['time']));
  t.log(`the partner acts ${tookMs} ms after the data plane has failed, without Redis`);
});

rootTest(
  'a control thread that hangs: the partner takes the role, and the other yields when it wakes',
  async (t) => {
    const pair = new Pair(t);
    const { network } = pair;
    const [first, second] = await pair.start();
    await ping(network, 'site', HB);
    pair.tamper(first, 'control', 'hang');
    await pair.active(second);
    await until('the address has moved', () => pair.hasVip(second) && !pair.hasVip(first));
    await ping(network, 'site', HB);
    pair.tamper(first, 'control', undefined);
    await pair.active(second, first);
    t.is(first.events('role-changed').at(-1)?.['to'], 'standby');
    t.is(second.events('role-changed').at(-1)?.['to'], 'active');
    await first.up('nb');
    await ping(network, 'site', HB);
  },
);
