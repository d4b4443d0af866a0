/** `scheduling: realtime`: which threads and programs of a node come before others, and which do not. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { SCHED_OTHER, SCHED_RR, scheduledThreads } from '../../support/scheduling.js';
import { ping } from '../../support/traffic.js';
import { HB, Line } from './line.js';

rootTest(
  'a node runs its threads before other programs, its workers first, and hooks as usual',
  async (t) => {
    const line = new Line(t);
    const { network, na, nb } = line;
    const hook = `${na.folder}/on-active`;
    writeFileSync(
      hook,
      `#!/bin/sh\nsleep 0.3\ncat /proc/$$/stat > ${hook}.tmp\nmv ${hook}.tmp ${hook}.stat\n`,
    );
    chmodSync(hook, 0o755);
    na.configure({ workers: 1, scheduling: 'realtime', hooks: { onActive: hook } });
    await Promise.all([na.start(), nb.start()]);
    await ping(network, 'ha', HB);

    const status = await na.status();
    t.deepEqual(status.scheduling, { realtime: true });
    t.deepEqual((await nb.status()).scheduling, { realtime: false });
    const threads = scheduledThreads(na.program.child.pid ?? 0);
    const priorityOf = (name: string): number => threads.find((one) => one.name === name)?.priority ?? 0;
    t.true(threads.every(({ policy }) => policy === SCHED_RR));
    t.true(
      priorityOf('ts-worker') >
        Math.max(...threads.filter((one) => one.name !== 'ts-worker').map((one) => one.priority)),
    );
    t.true(scheduledThreads(nb.program.child.pid ?? 0).every(({ policy }) => policy === SCHED_OTHER));

    const stat = await until('the hook has run', () => {
      try {
        return readFileSync(`${hook}.stat`, 'utf8');
      } catch {
        return undefined;
      }
    });
    t.is(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[41 - 3]), SCHED_OTHER);
  },
);

rootTest('realtime is refused where the workers could take every processor, and told', async (t) => {
  const line = new Line(t);
  const { na } = line;
  na.configure({ workers: 16, scheduling: 'realtime' });
  await na.start();
  const [{ reason }] = na.events('scheduling-refused');
  t.regex(String(reason), /^realtime needs more processors than workers/);
  t.deepEqual((await na.status()).scheduling, { realtime: false, reason });
  t.true(scheduledThreads(na.program.child.pid ?? 0).every(({ policy }) => policy === SCHED_OTHER));
});
