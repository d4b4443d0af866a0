/**
 * What Redis and the wall clock can do to a running pair: each is told, and moves nothing; and when a member then dies,
 * its partner takes over under a higher epoch.
 */
import { copyFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { hasRedis, redisTest } from '../../support/redis/server.js';
import { ping } from '../../support/traffic.js';
import { HB } from './line.js';
import { Pair, type SiteRedis } from './pair.js';

const testWithRedis = hasRedis ? rootTest : redisTest;

const KEY = 'twinspan:{pair/A}';
const HOUR_MS = 3_600_000;

/** Does `what`, and waits until one of `daemons` (or `every` one) has told a condition of `code` since. */
async function told(
  daemons: readonly Daemon[],
  which: 'one' | 'every',
  code: string,
  says: RegExp,
  what: () => Promise<unknown>,
): Promise<void> {
  const before = daemons.map((daemon) => daemon.events('redis-condition').length);
  await what();
  const tells = (daemon: Daemon, index: number): boolean =>
    daemon
      .events('redis-condition')
      .slice(before[index])
      .some(
        (line) => line['code'] === code && says.test(`${String(line['reason'])} ${String(line['hint'])}`),
      );
  await until(
    () => `${code} is told: ${daemons.map(({ program }) => program.output).join('\n')}`,
    () => (which === 'every' ? daemons.every(tells) : daemons.some(tells)),
  );
}

/** Does `what`, and waits until Redis answers each of `daemons`. An absence too short to be noticed is none. */
async function backAfter(daemons: readonly Daemon[], what: () => Promise<unknown>): Promise<void> {
  await what();
  await until('Redis answers again', async () => {
    const reports = await Promise.all(daemons.map((daemon) => daemon.call('cluster', {})));
    return reports.every(({ redis }) => redis.state === 'answers');
  });
}

/** Who acts, under which epoch, and how often any role has changed. */
async function standing(pair: Pair): Promise<unknown> {
  const members = [pair.n1, pair.n2];
  const status = await Promise.all(members.map((daemon) => daemon.status()));
  const changes = members.map((daemon) => daemon.events('role-changed').length);
  return [status.map(({ role, epoch }) => [role, epoch]), changes];
}

/** Puts an older state of Redis back. */
async function rewind(redis: SiteRedis): Promise<void> {
  await redis.admin.save();
  copyFileSync(redis.file, `${redis.file}.old`);
  await sleep(500);
  await redis.kill();
  copyFileSync(`${redis.file}.old`, redis.file);
  await redis.start();
}

testWithRedis(
  'garbage, a wrong type, old data, a wrong password, another network, a wrong clock',
  async (t) => {
    const pair = new Pair(t);
    const { n1, n2, network } = pair;
    const redis = await pair.startRedis(6379);
    const { admin } = redis;
    for (const node of [n1, n2]) node.configure({ redis: { url: redis.url } });
    await pair.start();
    const members = [n1, n2];
    await until('Redis answers', () => members.every((daemon) => daemon.has('register-back')));
    t.false(
      members.some((daemon) => daemon.has('redis-condition')),
      'all is well',
    );
    const before = await standing(pair);
    const unmoved = async (what: string) => t.deepEqual(await standing(pair), before, what);
    const epoch = await admin.hget(KEY, 'epoch');

    await told(members, 'one', 'TS_REDIS_GARBAGE', /the epoch/, async () => {
      await admin.hset(KEY, 'epoch', 'nonsense', 'c0', 'many', 'r1', '{}');
    });
    await unmoved('garbage');

    await told(members, 'one', 'TS_REDIS_GARBAGE', /a list in place of a hash.*:garbage/, async () => {
      await admin.multi().del(KEY).rpush(KEY, 'a', 'b').exec();
    });
    t.is(await admin.type(`${KEY}:garbage`), 'list');
    await unmoved('a list');

    await backAfter(members, async () => {
      await told(members, 'one', 'TS_REDIS_REWOUND', /older data/, () => rewind(redis));
    });
    await unmoved('older data');
    await until('the register is as it was', async () => (await admin.hget(KEY, 'epoch')) === epoch);

    await backAfter(members, async () => {
      await told(members, 'every', 'TS_REDIS', /NOAUTH.*Check user and password/, async () => {
        await admin.config('SET', 'requirepass', 'secret');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      });
      await unmoved('a wrong password');
      await admin.config('SET', 'requirepass', '');
    });

    await backAfter(members, async () => {
      await told(members, 'every', 'TS_REDIS_FOREIGN', /Another network/, async () => {
        const [seconds] = await admin.time();
        await admin.hset(KEY, 'network', 'theirs', 'seen', `${Number(seconds)}000`);
      });
      await unmoved('another network of this name');
      await admin.hset(KEY, 'seen', '1');
    });
    t.deepEqual((await admin.keys('*')).sort(), [KEY, `${KEY}:garbage`], 'another name would be another key');

    for (const hours of [1, -1]) {
      pair.tamper(n1, 'clock', String(hours * HOUR_MS));
      await sleep(500);
    }
    await unmoved('a clock that is stepped');
    await ping(network, 'site', HB);
  },
);

testWithRedis('two masters at once, and a clock that is an hour back at the next start', async (t) => {
  const pair = new Pair(t);
  const { n1, n2, network } = pair;
  const [one, other] = await Promise.all([pair.startRedis(6379), pair.startRedis(6380)]);
  n1.configure({ redis: { url: one.url } });
  n2.configure({ redis: { url: other.url } });
  for (const daemon of [n1, n2]) pair.tamper(daemon, 'clock', String(HOUR_MS));
  const [first, second] = await pair.start();
  const epochN = async (daemon: Daemon) => (await daemon.status()).epoch?.n ?? 0;
  const began = await epochN(first);
  const before = await standing(pair);
  await told([n1, n2], 'every', 'TS_REDIS_APART', /two masters/, async () => {});
  t.deepEqual(await standing(pair), before, 'two masters');

  await first.kill();
  await pair.active(second);
  t.is(await epochN(second), began + 1);
  t.true(pair.hasVip(second));
  await ping(network, 'site', HB);

  pair.tamper(first, 'clock', String(-HOUR_MS));
  await pair.launch(first);
  await first.up('nb');
  await first.up(second.node);
  t.true(
    first.events('session-established').some(({ detail }) => detail === 'initiator'),
    'its labels go on',
  );
  await until('its start counts as the later one', () => first.has('incarnation-raised'));
  // So long it must listen before it takes silence for a death.
  await sleep(2_500);
  t.deepEqual([(await first.status()).role, (await second.status()).role], ['standby', 'active']);
  await second.kill();
  await pair.active(first);
  t.is(await epochN(first), began + 2);
  await ping(network, 'site', HB);
});
