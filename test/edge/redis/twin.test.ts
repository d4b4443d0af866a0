/** The Lua scripts and their twin in TypeScript, given the same calls and the same garbage, give the same answers. */
import fc from 'fast-check';
import type { Epoch, Register } from '../../../src/core/cluster/register.js';
import { MemoryRedis, openMemoryRegister } from '../../../src/edge/redis/memory-register.js';
import { openRegister } from '../../../src/edge/redis/open-register.js';
import { KEY, OPTIONS } from '../../support/redis/harness.js';
import { eventually, HOST, RedisServer, redisTest } from '../../support/redis/server.js';

const epochs = fc.record({ n: fc.integer({ min: 0, max: 12 }), member: fc.integer({ min: 0, max: 2 }) });
const perhaps = fc.option(epochs, { nil: undefined });
const operations = fc.oneof(
  fc.record({
    kind: fc.constant('beat' as const),
    member: fc.integer({ min: 0, max: 2 }),
    text: fc.oneof(fc.string({ maxLength: 20 }), fc.constant('')),
    acting: perhaps,
  }),
  fc.record({
    kind: fc.constant('claim' as const),
    epoch: epochs,
    expected: perhaps,
    notAfterRedisMs: fc.constantFrom(0, 1e15),
  }),
  fc.record({
    kind: fc.constant('garbage' as const),
    field: fc.constantFrom('epoch', 'c0', 'c1', 'c2', 'r0', 'r1', 'i0', 'network', 'seen'),
    value: fc.constantFrom(
      '',
      '7',
      '007.01',
      '7.1',
      '7.100',
      '-1',
      '1e3',
      'x',
      '1234567890123456',
      OPTIONS.fingerprint,
    ),
  }),
);
type Operation = typeof operations extends fc.Arbitrary<infer T> ? T : never;

/** The answer without its time, or that there was none. */
async function outcome(register: Register, operation: Operation): Promise<unknown> {
  if (operation.kind === 'garbage') return undefined;
  const call = operation.kind === 'beat' ? register.beat(operation) : register.claim(operation);
  return await call.then(
    (answer) => ({ ...answer, redisMs: 0, register: answer.register satisfies Epoch | undefined }),
    () => 'refused',
  );
}

redisTest('scripts and twin agree on random calls over random garbage', async (t) => {
  const server = await RedisServer.start({ save: '""', appendonly: 'no' });
  const told: string[][] = [[], []];
  const options = (side: number) => ({
    ...OPTIONS,
    onCondition: (error: { message: string }) => told[side].push(error.message),
  });
  const real = openRegister({ ...options(0), url: `redis://${HOST}:${server.port}`, timeoutMs: 5_000 });
  const redis = new MemoryRedis();
  const twin = openMemoryRegister(redis, options(1));
  const admin = server.admin();
  const hash = (): Map<string, string> => {
    const value = redis.store.values.get(KEY);
    const map = value instanceof Map ? value : new Map<string, string>();
    redis.store.values.set(KEY, map);
    return map;
  };
  try {
    await eventually(() => real.beat({ member: 0, text: '', acting: undefined }));
    await twin.beat({ member: 0, text: '', acting: undefined });
    const property = fc.asyncProperty(fc.array(operations, { maxLength: 25 }), async (sequence) => {
      await admin.flushall();
      redis.restore();
      for (const operation of sequence) {
        if (operation.kind === 'garbage') {
          await admin.hset(KEY, operation.field, operation.value);
          hash().set(operation.field, operation.value);
        }
        t.deepEqual(await outcome(real, operation), await outcome(twin, operation), JSON.stringify(sequence));
      }
    });
    await fc.assert(property, { numRuns: 300 });
    t.deepEqual(told[0], told[1]);
  } finally {
    await real.close();
    admin.disconnect();
    await server.stop();
  }
});
