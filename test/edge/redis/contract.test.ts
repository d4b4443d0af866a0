/**
 * The contract of the register, kept by the one in memory and by a real redis-server alike: what it answers, and what a
 * caller sees while Redis fails in each way. Times in here are bounds of the contract (a call ends), not measurements.
 */
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { TwinspanError } from '../../../src/core/base/errors.js';
import type { Beat, Claim, Epoch, Register } from '../../../src/core/cluster/register.js';
import { type Fault, type Harness, memoryHarness, realHarness } from '../../support/redis/harness.js';
import { eventually, redisTest } from '../../support/redis/server.js';

function both(title: string, body: (t: ExecutionContext, harness: Harness) => Promise<void>): void {
  const run = (make: () => Promise<Harness>) => async (t: ExecutionContext) => {
    const harness = await make();
    try {
      await body(t, harness);
    } finally {
      await harness.close();
    }
  };
  test.serial(`memory: ${title}`, run(memoryHarness));
  redisTest(`redis: ${title}`, run(realHarness));
}

const beatOf = (member: number, text = `record of ${member}`, acting?: Epoch): Beat => ({
  member,
  text,
  acting,
});
const epoch = (n: number, member: number): Epoch => ({ n, member });

/** A claim that may be executed for the next minute. */
async function claimOf(harness: Harness, claimed: Epoch, expected: Epoch | undefined): Promise<Claim> {
  return { epoch: claimed, expected, notAfterRedisMs: (await harness.nowMs()) + 60_000 };
}

/** Waits for an answer: a connection may still be on its way. */
function answered(register: Register, beat: Beat) {
  return eventually(() => register.beat(beat));
}

async function refused(t: ExecutionContext, call: Promise<unknown>): Promise<TwinspanError> {
  const error = await t.throwsAsync(call, { instanceOf: TwinspanError });
  t.is(error?.code, 'TS_REDIS');
  return error as TwinspanError;
}

both('an empty register answers, and each beat is counted and seen by the others', async (t, harness) => {
  const a = harness.open();
  const b = harness.open({ process: 'p1' });
  const first = await answered(a, beatOf(0));
  t.deepEqual([first.register, first.records], [undefined, []]);
  const seen = await answered(b, beatOf(1));
  t.deepEqual(seen.records, [{ member: 0, counter: 1, text: 'record of 0' }]);
  await a.beat(beatOf(0, 'changed — näher'));
  t.deepEqual((await b.beat(beatOf(1))).records, [{ member: 0, counter: 2, text: 'changed — näher' }]);
  const records = (await a.beat(beatOf(0))).records;
  t.deepEqual(records, [{ member: 1, counter: 2, text: 'record of 1' }]);
  t.true(Math.abs(first.redisMs - (await harness.nowMs())) < 60_000);
});

both('a beat raises the register to the acting epoch and never lowers it', async (t, harness) => {
  const a = harness.open();
  t.deepEqual((await answered(a, beatOf(0, '', epoch(7, 0)))).register, epoch(7, 0));
  t.deepEqual((await a.beat(beatOf(0, '', epoch(7, 1)))).register, epoch(7, 1), 'same n, higher member');
  t.deepEqual((await a.beat(beatOf(0, '', epoch(7, 0)))).register, epoch(7, 1));
  t.deepEqual((await a.beat(beatOf(0, '', epoch(6, 2)))).register, epoch(7, 1));
  t.deepEqual((await a.beat(beatOf(0, '', epoch(10, 0)))).register, epoch(10, 0), 'as numbers, not as text');
  t.deepEqual((await a.beat(beatOf(0))).register, epoch(10, 0));
});

both('a claim is taken where the register is as expected, once, and may be repeated', async (t, harness) => {
  const a = harness.open();
  await answered(a, beatOf(0));
  const claim = await claimOf(harness, epoch(1, 0), undefined);
  t.like(await a.claim(claim), { taken: true, register: epoch(1, 0) });
  t.like(await a.claim(claim), { taken: true, register: epoch(1, 0) }, 'a repetition after a lost reply');
  const rival = await claimOf(harness, epoch(1, 1), undefined);
  t.like(await a.claim(rival), { taken: false, register: epoch(1, 0) }, 'the register is not as expected');
  t.like(await a.claim({ ...rival, expected: epoch(1, 0) }), { taken: true, register: epoch(1, 1) });
  t.like(await a.claim(claim), { taken: false, register: epoch(1, 1) }, 'overtaken');
  const lower = await claimOf(harness, epoch(1, 0), epoch(1, 1));
  t.like(await a.claim(lower), { taken: false, register: epoch(1, 1) }, 'never lowers');
  t.deepEqual((await a.beat(beatOf(0))).register, epoch(1, 1));
});

both('a claim past its time is not executed, unless it already was', async (t, harness) => {
  const a = harness.open();
  await answered(a, beatOf(0));
  const late = { epoch: epoch(3, 0), expected: undefined, notAfterRedisMs: (await harness.nowMs()) - 1 };
  t.like(await a.claim(late), { taken: false, register: undefined });
  t.like(await a.claim({ ...late, notAfterRedisMs: (await harness.nowMs()) + 60_000 }), { taken: true });
  t.like(await a.claim(late), { taken: true, register: epoch(3, 0) });
});

both('a lost reply: the claim has happened, and its repetition says so', async (t, harness) => {
  const a = harness.open();
  await answered(a, beatOf(0));
  const claim = await claimOf(harness, epoch(5, 0), undefined);
  for (const fault of ['lose-reply', 'cut-reply'] as const) {
    await harness.fault(fault);
    await refused(t, a.claim(claim));
    await harness.fault(undefined);
    await eventually(async () => t.like(await a.claim(claim), { taken: true, register: epoch(5, 0) }));
  }
});

both(
  'cut in the middle of a request: nothing has happened, and the register comes back',
  async (t, harness) => {
    const a = harness.open();
    await answered(a, beatOf(0));
    await harness.fault('cut-request');
    await refused(t, a.claim(await claimOf(harness, epoch(5, 0), undefined)));
    await harness.fault(undefined);
    t.is((await answered(a, beatOf(0))).register, undefined);
  },
);

const REFUSALS: readonly (readonly [Fault, RegExp])[] = [
  ['down', /ECONNREFUSED|closed|no connection|Reached the max retries/],
  ['read-only', /READONLY/],
  ['out-of-memory', /OOM/],
  ['wrong-password', /NOAUTH|WRONGPASS/],
];
for (const [fault, says] of REFUSALS) {
  both(`${fault}: every call fails with its cause, and heals by itself`, async (t, harness) => {
    const a = harness.open();
    await answered(a, beatOf(0, '', epoch(2, 0)));
    await harness.fault(fault);
    await eventually(async () => {
      const error = await refused(t, a.beat(beatOf(0)));
      if (!says.test(error.message)) throw error;
    });
    await refused(t, a.claim({ epoch: epoch(3, 0), expected: epoch(2, 0), notAfterRedisMs: 1e15 }));
    await harness.fault(undefined);
    await eventually(() => a.beat(beatOf(0, '', epoch(2, 0))));
    t.deepEqual((await a.beat(beatOf(0))).register, epoch(2, 0));
  });
}

both('frozen: calls end in time, and an old claim is not executed when it thaws', async (t, harness) => {
  const a = harness.open();
  const b = harness.open({ process: 'p1' });
  await answered(a, beatOf(0));
  await answered(b, beatOf(1, '', epoch(1, 1)));
  const notAfterRedisMs = (await harness.nowMs()) + 150;
  await harness.fault('frozen');
  const beganMs = performance.now();
  const call = a.claim({ epoch: epoch(2, 0), expected: epoch(1, 1), notAfterRedisMs });
  for (let k = 0; k < 20; k++) await refused(t, a.beat(beatOf(0, 'old', epoch(1, 1))));
  await refused(t, call);
  t.true(performance.now() - beganMs < 60_000, 'twenty calls of at most 200 ms');
  await delay(300);
  await harness.fault(undefined);
  t.deepEqual((await answered(b, beatOf(1))).register, epoch(1, 1), 'the claim came too late');
  t.deepEqual((await answered(a, beatOf(0))).register, epoch(1, 1));
});

both(
  'restarted empty: the acting member restores the register, epochs stay monotonic',
  async (t, harness) => {
    const a = harness.open();
    await answered(a, beatOf(0, '', epoch(41, 0)));
    await harness.restartEmpty();
    const b = harness.open({ process: 'p1' });
    t.is((await answered(b, beatOf(1))).register, undefined);
    t.deepEqual((await answered(a, beatOf(0, '', epoch(41, 0)))).register, epoch(41, 0));
    const blind = await claimOf(harness, epoch(1, 1), undefined);
    t.like(await b.claim(blind), { taken: false, register: epoch(41, 0) });
  },
);

both('older data restored: the register rises again with the next beat', async (t, harness) => {
  const a = harness.open();
  await answered(a, beatOf(0, '', epoch(3, 0)));
  const restore = await harness.backup();
  await a.beat(beatOf(0, '', epoch(9, 0)));
  await restore();
  const b = harness.open({ process: 'p1' });
  t.deepEqual((await answered(b, beatOf(1))).register, epoch(3, 0));
  t.deepEqual((await answered(a, beatOf(0, '', epoch(9, 0)))).register, epoch(9, 0));
  const old = await claimOf(harness, epoch(4, 1), epoch(3, 0));
  t.like(await b.claim(old), { taken: false, register: epoch(9, 0) });
});

both('garbage counts as empty, is told once, and is written over', async (t, harness) => {
  const told: string[] = [];
  const onCondition = (error: TwinspanError) => told.push(`${error.code}: ${error.message}`);
  const a = harness.open({ onCondition });
  await answered(a, beatOf(0));
  const wrecks: [string, string][] = [
    ['epoch', 'nonsense'],
    ['epoch', '99999999999999999999.1'],
    ['epoch', '-1.0'],
    ['c1', 'NaN'],
    ['r1', 'x'.repeat(5000)],
  ];
  for (const [field, value] of wrecks) {
    await a.beat(beatOf(0));
    await harness.setField(field, value);
    told.length = 0;
    const answer = await a.beat(beatOf(0));
    t.deepEqual([answer.register, answer.records], [undefined, []], `${field} ${value.slice(0, 30)}`);
    await a.beat(beatOf(0));
    t.is(told.length, 1);
    t.regex(told[0], field === 'epoch' ? /^TS_REDIS_GARBAGE.*the epoch/ : /record of member 1/);
    await a.beat(beatOf(0, '', epoch(4, 0)));
    await harness.setField('epoch', '');
    await harness.setField('c1', '7');
    await harness.setField('r1', 'fine');
    await a.beat(beatOf(0, '', epoch(4, 0)));
    await harness.restartEmpty();
    await answered(a, beatOf(0));
  }
  await harness.setField('c0', 'not mine');
  t.is((await a.beat(beatOf(0))).records.length, 0, 'my own counter begins anew');
  t.is(await harness.getField('c0'), '1');
});

both('a key of the wrong type is moved aside and told', async (t, harness) => {
  const told: string[] = [];
  await harness.setString('somebody wrote here');
  const a = harness.open({ onCondition: (error) => told.push(`${error.code}: ${error.message}`) });
  t.is((await answered(a, beatOf(0, '', epoch(2, 0)))).register?.n, 2);
  t.regex(told.join(), /^TS_REDIS_GARBAGE: .*a string in place of a hash/);
  await harness.setString('again');
  t.like(await a.claim(await claimOf(harness, epoch(8, 0), undefined)), { taken: true });
  t.deepEqual((await a.beat(beatOf(0))).register, epoch(8, 0));
});

both('a network of the same name is noticed and left alone while it lives', async (t, harness) => {
  const told: string[] = [];
  const theirs = harness.open({ fingerprint: 'other-keys', process: 'theirs' });
  await answered(theirs, beatOf(0, 'theirs', epoch(50, 0)));
  const a = harness.open({ onCondition: (error) => told.push(error.code) });
  await eventually(() => (told.length > 0 ? undefined : a.beat(beatOf(0)).catch(() => Promise.reject(told))));
  await refused(t, a.beat(beatOf(0, 'ours', epoch(60, 0))));
  await refused(t, a.claim(await claimOf(harness, epoch(60, 0), undefined)));
  t.deepEqual(told, ['TS_REDIS_FOREIGN']);
  t.is((await theirs.beat(beatOf(0))).register?.n, 50);
  await harness.setField('seen', String((await harness.nowMs()) - 20_000));
  t.deepEqual((await a.beat(beatOf(0))).register, undefined, 'silent for long: the key is ours, and empty');
  await refused(t, theirs.beat(beatOf(0)));
});

both('a second process that beats as the same member is noticed', async (t, harness) => {
  const told: string[] = [];
  const a = harness.open({ onCondition: (error) => told.push(error.code) });
  const twin = harness.open({ process: 'p1' });
  await answered(twin, beatOf(0));
  await answered(a, beatOf(0));
  t.deepEqual(told, [], 'a restart of the same member is nothing special');
  await a.beat(beatOf(0));
  await twin.beat(beatOf(0));
  await a.beat(beatOf(0));
  await twin.beat(beatOf(0));
  await a.beat(beatOf(0));
  t.deepEqual(told, ['TS_REDIS_DUPLICATE']);
});

both('a closed register refuses', async (t, harness) => {
  const a = harness.open();
  await answered(a, beatOf(0));
  await a.close();
  await eventually(async () => void (await refused(t, a.beat(beatOf(0)))));
});
