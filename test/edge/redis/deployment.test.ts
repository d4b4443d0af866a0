/** The ways in which Redis is deployed: with passwords, with TLS, with Sentinel. Real servers only. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { TwinspanError } from '../../../src/core/base/errors.js';
import type { Register } from '../../../src/core/cluster/register.js';
import { openRegister } from '../../../src/edge/redis/open-register.js';
import { KEY, OPTIONS } from '../../support/redis/harness.js';
import { eventually, freePort, HOST, RedisServer, redisTest } from '../../support/redis/server.js';

const NOT_ON_DISK = { save: '""', appendonly: 'no' };

/** Runs `body` with a way to open registers and a way to have servers ended, and ends all of them. */
function deploymentTest(
  title: string,
  body: (
    t: ExecutionContext,
    open: (url: string, ca?: string) => Register,
    keep: (server: RedisServer) => RedisServer,
  ) => Promise<void>,
): void {
  redisTest(title, async (t) => {
    const registers: Register[] = [];
    const servers: RedisServer[] = [];
    try {
      await body(
        t,
        (url, ca) => {
          const register = openRegister({ ...OPTIONS, url, ...(ca !== undefined && { ca }) });
          registers.push(register);
          return register;
        },
        (server) => {
          servers.push(server);
          return server;
        },
      );
    } finally {
      for (const register of registers) await register.close();
      for (const server of servers) {
        server.signal('SIGCONT');
        await server.stop();
      }
    }
  });
}

const acting = (n: number) => ({ member: 0, text: 'record', acting: { n, member: 0 } });

async function reason(register: Register, wanted: RegExp): Promise<TwinspanError> {
  return await eventually(async () => {
    const error = await register.beat(acting(1)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof TwinspanError && wanted.test(error.message)) return error;
    throw new Error(`not so: ${error}`);
  });
}

deploymentTest('a password, and a user with a password', async (t, open, keep) => {
  const users = { ...NOT_ON_DISK, requirepass: 'se:cret/@', user: 'edge on >word +@all ~twinspan:*' };
  const { port } = keep(await RedisServer.start(users));
  const encoded = encodeURIComponent('se:cret/@');
  const standard = open(`redis://:${encoded}@${HOST}:${port}/3`);
  t.is((await eventually(() => standard.beat(acting(1)))).register?.n, 1);
  const user = open(`redis://edge:word@${HOST}:${port}/3`);
  t.is((await eventually(() => user.beat(acting(0)))).register?.n, 1);
  const wrong = await reason(open(`redis://edge:worse@${HOST}:${port}`), /WRONGPASS/);
  t.is(wrong.code, 'TS_REDIS');
  t.regex(wrong.hint ?? '', /password/);
  await reason(open(`redis://${HOST}:${port}`), /NOAUTH/);
});

deploymentTest('TLS with an authority of its own; none other is trusted', async (t, open, keep) => {
  const plain = keep(await RedisServer.start(NOT_ON_DISK));
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(plain.directory, name));
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const make = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  execFileSync('openssl', [...make, ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const admin = plain.admin();
  const port = await freePort();
  await admin.config('SET', 'tls-cert-file', certificate, 'tls-key-file', key, 'tls-auth-clients', 'no');
  await admin.config('SET', 'tls-port', String(port));
  admin.disconnect();
  const ca = readFileSync(certificate, 'utf8');
  const secure = open(`rediss://${HOST}:${port}`, ca);
  t.is((await eventually(() => secure.beat(acting(1)))).register?.n, 1);
  const refused = await reason(open(`rediss://${HOST}:${port}`), /certificate/);
  t.regex(refused.hint ?? '', /certificate/);
  await reason(open(`redis://${HOST}:${port}`), /.*/);
});

interface Site {
  master: RedisServer;
  replica: RedisServer;
  url: string;
}

/** A master, a replica in step with it, and one Sentinel that decides alone. */
async function sentinelSite(keep: (server: RedisServer) => RedisServer): Promise<Site> {
  const master = keep(await RedisServer.start(NOT_ON_DISK));
  const follow = { replicaof: `${HOST} ${master.port}`, 'replica-read-only': 'no' };
  const replica = keep(await RedisServer.start({ ...NOT_ON_DISK, ...follow }));
  const directives = {
    'sentinel monitor site1': `${HOST} ${master.port} 1`,
    'sentinel down-after-milliseconds site1': '500',
    'sentinel failover-timeout site1': '3000',
  };
  const sentinel = keep(await RedisServer.start(directives, ['--sentinel']));
  const admin = sentinel.admin();
  await eventually(async () => {
    const replicas = (await admin.call('SENTINEL', 'REPLICAS', 'site1')) as string[][];
    const healthy = replicas.some((fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok');
    if (!healthy) throw new Error('Sentinel does not know the replica');
  }, 30_000);
  admin.disconnect();
  return { master, replica, url: `redis+sentinel://${HOST}:${sentinel.port}/site1` };
}

for (const fault of ['killed', 'frozen'] as const) {
  deploymentTest(`Sentinel: the master is ${fault}, a stale replica is promoted`, async (t, open, keep) => {
    const { master, replica, url } = await sentinelSite(keep);
    const register = open(url);
    t.is((await eventually(() => register.beat(acting(9)))).register?.n, 9);
    const admin = replica.admin();
    await eventually(async () => {
      if ((await admin.hget(KEY, 'epoch')) !== '9.0') throw new Error('the replica lags');
    });
    await admin.hset(KEY, 'epoch', '3.0');
    if (fault === 'killed') await master.kill();
    else master.signal('SIGSTOP');
    const idle = { member: 1, text: 'partner', acting: undefined };
    const stale = await eventually(async () => {
      const answer = await register.beat(idle);
      if ((await admin.role())[0] !== 'master') throw new Error('not promoted yet');
      return answer;
    }, 30_000);
    t.is(stale.register?.n, 3, 'the promoted replica is behind');
    t.is((await register.beat(acting(9))).register?.n, 9, 'the acting member mends it');
    const late = { epoch: { n: 4, member: 1 }, expected: { n: 3, member: 0 }, notAfterRedisMs: 1e15 };
    t.like(await register.claim(late), { taken: false });
    if (fault === 'frozen') {
      master.signal('SIGCONT');
      t.is((await eventually(() => register.beat(acting(9)))).register?.n, 9);
      t.is(await admin.hget(KEY, 'epoch'), '9.0', 'the old master takes no part');
    }
    admin.disconnect();
  });
}

deploymentTest('Sentinel away: no answer, at once, and it comes back', async (t, open, keep) => {
  const { url } = await sentinelSite(keep);
  const nobody = open('redis+sentinel://127.0.0.1:1/site1');
  t.is((await reason(nobody, /.*/)).code, 'TS_REDIS');
  const unknown = open(url.replace('site1', 'site2'));
  t.is((await reason(unknown, /.*/)).code, 'TS_REDIS');
  const register = open(url);
  t.is((await eventually(() => register.beat(acting(1)))).register?.n, 1);
});
