import test from 'ava';
import { isLossFree, searchRate, type Trial } from './search.js';

/** A router that forwards at most `capacity`, asked by a sender that can offer `limit`. */
function router(capacity: number, limit: number) {
  const asked: number[] = [];
  const attempt = async (rate: number): Promise<Trial> => {
    asked.push(rate);
    const sent = Math.min(rate, limit);
    return { sent, received: Math.min(sent, capacity), seconds: 1 };
  };
  return { asked, attempt };
}

test('the search ends near the capacity, never above, within its trials', async (t) => {
  for (const capacity of [1_000, 30_000, 70_123, 499_000]) {
    const { asked, attempt } = router(capacity, 500_000);
    const found = await searchRate(attempt, 10);
    t.true(found <= capacity * 1.0001 && found > capacity * 0.95, `${found} of ${capacity}`);
    t.true(asked.length <= 20);
  }
});

test('where the sender is the limit, the search says what it could offer', async (t) => {
  const { asked, attempt } = router(900_000, 100_000);
  t.is(await searchRate(attempt, 10), 100_000);
  t.is(asked.length, 1);
});

test('a router that loses more the more it is flooded is still found out', async (t) => {
  const attempt = async (rate: number): Promise<Trial> => {
    const sent = Math.min(rate, 200_000);
    return { sent, received: sent <= 50_000 ? sent : Math.max(0, 50_000 - sent / 5), seconds: 1 };
  };
  const found = await searchRate(attempt, 10);
  t.true(found <= 50_000 && found > 46_000, String(found));
});

test('one unlucky trial is forgiven, two are not', async (t) => {
  const { attempt } = router(50_000, 200_000);
  let unlucky = 0;
  const found = await searchRate(async (rate) => {
    const trial = await attempt(rate);
    return unlucky++ === 1 ? { ...trial, received: trial.sent * 0.9 } : trial;
  }, 10);
  t.true(found > 48_000);
  t.is(await searchRate(async (rate) => ({ sent: rate, received: rate * 0.9, seconds: 1 }), 5), 0);
});

test('loss-free means at most one in ten thousand', (t) => {
  t.true(isLossFree({ sent: 20_000, received: 19_998, seconds: 1 }));
  t.false(isLossFree({ sent: 20_000, received: 19_997, seconds: 1 }));
  t.false(isLossFree({ sent: 0, received: 0, seconds: 1 }));
});
