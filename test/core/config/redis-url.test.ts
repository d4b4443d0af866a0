import test from 'ava';
import fc from 'fast-check';
import { parseRedisUrl } from '../../../src/core/config/redis-url.js';

const NOTHING = { tls: false, user: undefined, password: undefined, database: 0, sentinel: undefined };

test('one server', (t) => {
  t.deepEqual(parseRedisUrl('redis://172.16.10.250'), {
    ...NOTHING,
    hosts: [{ host: '172.16.10.250', port: 6379 }],
  });
  t.deepEqual(parseRedisUrl('rediss://edge:p%40ss%2F@[fd00::1]:6390/4'), {
    ...NOTHING,
    tls: true,
    user: 'edge',
    password: 'p@ss/',
    database: 4,
    hosts: [{ host: 'fd00::1', port: 6390 }],
  });
  t.like(parseRedisUrl('redis://:word@redis.example.net/'), {
    user: undefined,
    password: 'word',
    database: 0,
  });
});

test('Sentinels', (t) => {
  const url =
    'rediss+sentinel://:w@s1.example.net,10.0.0.2:26380,[fd00::3]/site1/2?sentinelUser=u&sentinelPassword=p%26';
  t.deepEqual(parseRedisUrl(url), {
    tls: true,
    user: undefined,
    password: 'w',
    database: 2,
    hosts: [
      { host: 's1.example.net', port: 26_379 },
      { host: '10.0.0.2', port: 26_380 },
      { host: 'fd00::3', port: 26_379 },
    ],
    sentinel: { master: 'site1', user: 'u', password: 'p&' },
  });
});

test('what is no Redis URL is refused', (t) => {
  const wrong = [
    '',
    'redis://',
    'http://10.0.0.1',
    'redis:/10.0.0.1',
    'redis://10.0.0.256',
    'redis://10.0.0.1:0',
    'redis://10.0.0.1:65536',
    'redis://fd00::1',
    'redis://[10.0.0.1]',
    'redis://a,b',
    'redis://a/x',
    'redis://a/1/2',
    'redis://a?sentinelUser=u',
    'redis://%zz@a',
    'redis+sentinel://a',
    'redis+sentinel://a/',
    'redis+sentinel://a/m/1/2',
    'redis+sentinel://a/m?other=1',
    `redis+sentinel://${Array.from({ length: 17 }, (_, k) => `s${k}.net`)}/m`,
  ];
  for (const text of wrong) t.is(parseRedisUrl(text), undefined, text);
});

test('no text breaks the parser', (t) => {
  const part = fc.constantFrom(
    'redis',
    's',
    '+sentinel',
    '://',
    ':',
    '@',
    '/',
    ',',
    '[',
    ']',
    '?',
    '=',
    '%',
    'a',
    '1',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(part).map((parts) => `redis://${parts.join('')}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const target = parseRedisUrl(text);
      return target === undefined || target.hosts.length > 0;
    }),
  );
  t.pass();
});
