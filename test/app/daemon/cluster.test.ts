/** A pair of daemons in real namespaces: the operator moves the role, and is told what became of it. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Evidence } from '../../../src/core/cluster/outputs.js';
import { TWINSPAN } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HR, Pair } from './site-pair.js';

rootTest('drain, undrain and failover, given to either member', async (t) => {
  const pair = new Pair(t);
  const { na, nb, network } = pair;
  await pair.start();
  await ping(network, 'ha', HR);
  const serves = async (): Promise<string[]> =>
    await Promise.all([na, nb].map(async (node) => (await node.status()).role));

  const handed = await na.call('failover', {});
  t.like(handed, { active: 'nb', moved: true, held: true, stillServes: false });
  t.deepEqual(await serves(), ['standby', 'active']);
  t.like(await na.call('failover', { to: 'nb' }), { active: 'nb', moved: false });
  // The one that does not act asks for itself.
  t.like(await na.call('failover', { to: 'na' }), { active: 'na', moved: true });
  t.deepEqual(await serves(), ['active', 'standby']);

  const drained = await na.call('drain', {});
  t.like(drained, { node: 'na', active: 'nb', moved: true, drained: true, stillServes: false, held: false });
  t.true((await na.status()).drained);
  t.like(await na.call('drain', {}), { active: 'nb', moved: false, drained: true });
  await t.throwsAsync(na.call('failover', {}), { code: 'TS_ROLE', message: /to na: this member is drained/ });
  await t.throwsAsync(nb.call('failover', {}), {
    code: 'TS_ROLE',
    message: /no partner is heard that could/,
  });
  await t.throwsAsync(nb.call('failover', { to: 'nr' }), { code: 'TS_ROLE', message: /no member of Site/ });
  t.like(await nb.call('drain', {}), { active: 'nb', drained: true, stillServes: true });
  t.like(await nb.call('undrain', {}), { active: 'nb', drained: false });
  t.like(await na.call('undrain', {}), { drained: false });
  await until('nobody was without a role', async () => (await serves()).includes('active'));
  await ping(network, 'ha', HR);
  t.like(na.events('role-command')[0], { command: { kind: 'failover' }, result: { ok: true } });
  for (const node of [na, nb]) {
    for (const { why, from, to, evidence } of node.events('role-changed')) {
      t.true([why, from, to].every((text) => typeof text === 'string' && text !== ''));
      t.true((evidence as Evidence).partners.length === 1);
    }
  }
});

rootTest('the active is killed: the other tells when, why and what it did', async (t) => {
  const pair = new Pair(t);
  const { na, nb, network } = pair;
  writeFileSync(`${network.folder}/hook`, '#!/bin/sh\nenv | grep ^TWINSPAN_\n', { mode: 0o755 });
  nb.configure({ redis: pair.redis, hooks: { onActive: `${network.folder}/hook` } });
  await pair.start();
  const elsewhere = await pair.nr.call('cluster', {});
  t.deepEqual(elsewhere.redis, { state: 'not configured' });
  t.like(elsewhere.clusters[0], { name: 'Site', way: 'direct', through: 'na' });
  t.like((await nb.call('cluster', {})).waiting, { why: 'na is active and serves no worse' });
  const beforeMs = Date.now();
  await na.kill();
  const report = await until('nb has taken the role, and its hook has run', async () => {
    const now = await nb.call('cluster', {});
    return now.failovers[0]?.steps.some(({ what }) => what.startsWith('hook')) ? now : undefined;
  });
  t.like(report, { role: 'active', active: 'nb', redis: { state: 'answers', epoch: report.epoch } });
  const silent = report.members.find(({ name }) => name === 'na')?.heard;
  t.like(silent, { now: false, witnesses: [] });
  const [failover] = report.failovers;
  t.like(failover, { from: 'standby', to: 'active', why: 'no partner is heard on any channel' });
  t.true(Date.parse(failover.at) > beforeMs && Date.parse(failover.at) <= Date.now());
  t.like(failover.evidence.partners[0], { name: 'na', heard: false, role: 'active', witnesses: [] });
  const at = (start: string): number => {
    const step = failover.steps.find(({ what }) => what.startsWith(start));
    if (step === undefined) throw new Error(`no '${start}' in ${JSON.stringify(failover.steps)}`);
    return step.offsetMs;
  };
  const order = [
    'na last heard',
    'na is not heard',
    'claiming',
    'active',
    'VIP added',
    'VIP announced',
    'hook',
  ];
  const offsets = order.map(at);
  t.deepEqual(
    offsets,
    [...offsets].sort((a, b) => a - b),
  );
  t.true(offsets[0] < 0 && offsets[2] === 0);
  const told = nb.events('hook-output').map(({ line }) => line);
  t.true(told.includes('TWINSPAN_REASON=no partner is heard on any channel'), String(told));
});

rootTest('what the command line says of it', async (t) => {
  const pair = new Pair(t);
  await pair.start();
  const cli = (node: string, ...args: string[]): string => {
    const argv = [TWINSPAN, ...args, '--socket', node === 'na' ? pair.na.socket : pair.nb.socket];
    return execFileSync(process.execPath, argv, { encoding: 'utf8' });
  };
  t.regex(cli('nb', 'failover'), /^nb took the role of Site in \d+ ms, epoch \d+\.1\./);
  t.regex(cli('nb', 'failover', '--to', 'nb'), /^nb is active already, epoch \d+\.1\./);
  t.regex(cli('nb', 'drain'), /^nb is drained; na took the role of Site in \d+ ms/);
  t.regex(cli('nb', 'cluster'), /^Waits +this member is drained$/m);
  t.regex(
    cli('na', 'cluster', '--last', '1'),
    /^ +\S+Z {2}standby → active, epoch \d+\.0: nb gives the role up$/m,
  );
  t.regex(cli('nb', 'undrain'), /^nb is in service; na serves Site/);
});
