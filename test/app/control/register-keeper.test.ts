import type { ExecutionContext } from 'ava';
import type { Logger } from '../../../src/app/control/log.js';
import { RegisterKeeper } from '../../../src/app/control/register-keeper.js';
import type { Beat } from '../../../src/core/cluster/register.js';
import type { Configuration } from '../../../src/core/config/configuration.js';
import { eventually, HOST, RedisServer, redisTest } from '../../support/redis/server.js';
import { configurationOf, edit, SEED_NETWORK, SEED_NODE, testKey } from '../../support/seed_config.js';

const KEY = 'twinspan:{acme/EdgeCluster1}';
const BEAT: Beat = { member: 0, text: '', acting: undefined };

/** A hash that tests can read. */
const hash = (data: Uint8Array): Uint8Array => data.slice(-24);

interface Told {
  readonly code: string;
  readonly reason: string;
  readonly hint?: string;
}

async function rig(t: ExecutionContext, requirepass?: string) {
  const server = await RedisServer.start(requirepass === undefined ? {} : { requirepass });
  const admin = server.admin(requirepass === undefined ? {} : { password: requirepass });
  const told: Told[] = [];
  const log = { error: (line: Told) => void told.push(line) } as unknown as Logger;
  const at = (network: string): Configuration =>
    configurationOf(network, edit(SEED_NODE, '172.16.10.250:6379', `${HOST}:${server.port}`));
  const clock = { nowMs: 0 };
  const keeper = new RegisterKeeper({
    configuration: at(SEED_NETWORK),
    log,
    hash,
    timeoutMs: 500,
    now: () => clock.nowMs,
  });
  t.teardown(async () => {
    await keeper.close();
    admin.disconnect();
    await server.stop();
  });
  const answered = () =>
    eventually(async () => {
      if ((await keeper.beat(BEAT)) === undefined) throw new Error(`no answer: ${JSON.stringify(told)}`);
    });
  return { admin, told, at, clock, keeper, answered };
}

redisTest('members that a reload changes make it another register', async (t) => {
  const { admin, keeper, at, answered, told } = await rig(t);
  await answered();
  const before = await admin.hget(KEY, 'network');
  keeper.configure(at(edit(SEED_NETWORK, '10.100.20.0/24,  to', '10.100.20.0/24, metric: 7,  to')));
  await answered();
  t.is(await admin.hget(KEY, 'network'), before, 'other routes leave it as it is');
  keeper.configure(at(edit(SEED_NETWORK, testKey(4), testKey(99))));
  await admin.hset(KEY, 'seen', '1');
  await answered();
  t.not(await admin.hget(KEY, 'network'), before);
  t.deepEqual(told, []);
});

redisTest('why Redis does not answer is told once it has lasted, and anew the next time', async (t) => {
  const { admin, keeper, clock, told, answered } = await rig(t, 'secret');
  t.is(await keeper.beat(BEAT), undefined);
  t.deepEqual(told, [], 'a connection takes a moment');
  clock.nowMs = 2_000;
  const isTold = (times: number) =>
    eventually(async () => {
      clock.nowMs += 500;
      t.is(await keeper.beat(BEAT), undefined);
      const count = told.filter(({ reason }) => reason.includes('NOAUTH')).length;
      if (count !== times) throw new Error(JSON.stringify(told));
    });
  await isTold(1);
  t.like(told.at(-1), { code: 'TS_REDIS', hint: 'Check user and password in redis.url.' });
  for (let k = 0; k < 5; k++) await keeper.beat(BEAT);
  await isTold(1);
  await admin.config('SET', 'requirepass', '');
  await answered();
  await admin.config('SET', 'requirepass', 'secret');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await isTold(2);
});
