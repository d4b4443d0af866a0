import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { startWatchdog, watchdogMs } from '../../../src/app/control/watchdog.js';

test('signs are wanted where the service manager says so, of the process that it means', (t) => {
  t.is(watchdogMs({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '7' }, 7), 10_000);
  t.is(watchdogMs({ WATCHDOG_USEC: '10000000' }, 7), 10_000);
  t.is(watchdogMs({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '8' }, 7), undefined);
  for (const text of ['', '0', '-1', 'often', undefined])
    t.is(watchdogMs({ WATCHDOG_USEC: text }, 7), undefined);
});

test('signs come while the data plane works and only then', async (t) => {
  const told: string[] = [];
  let works = true;
  const watched = { works: () => works, notify: (text: string) => told.push(text) };
  const end = startWatchdog(watched, { WATCHDOG_USEC: '6000' }, 7);
  while (told.length < 3) await sleep(1);
  works = false;
  const before = told.length;
  await sleep(30);
  t.is(told.length, before);
  works = true;
  while (told.length === before) await sleep(1);
  end();
  const after = told.length;
  await sleep(30);
  t.is(told.length, after);
  t.deepEqual([...new Set(told)], ['WATCHDOG=1']);
});
