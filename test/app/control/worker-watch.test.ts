import test from 'ava';
import type { Logger } from '../../../src/app/control/log.js';
import { STALLED_MS, WorkerWatch } from '../../../src/app/control/worker-watch.js';

function rig() {
  const told: string[] = [];
  const tell = ({ event }: { event: string }) => void told.push(event);
  const worker = {
    breaths: 0,
    wakes: 0,
    greets: 0,
    wake: () => void worker.wakes++,
    greet: () => void worker.greets++,
  };
  const watch = new WorkerWatch([worker], { warn: tell, fatal: tell } as unknown as Logger);
  /** Looks every `everyMs` for `forMs`; returns what the last look said. */
  let now = 0;
  const look = (forMs: number, everyMs: number): boolean => {
    let works = true;
    for (const endMs = now + forMs; now < endMs; ) {
      now += everyMs;
      works = watch.look(now, true);
    }
    return works;
  };
  return { told, worker, watch, look };
}

test('a worker that breathes works; a quiet one is woken and shows itself', (t) => {
  const { told, worker, look } = rig();
  for (let second = 0; second < 10; second++) {
    t.true(look(900, 75));
    worker.breaths++;
  }
  t.true(worker.wakes > 0);
  worker.wakes = 0;
  for (let step = 0; step < 100; step++) {
    worker.breaths++;
    t.true(look(300, 75));
  }
  t.is(worker.wakes, 0, 'a busy worker is not disturbed');
  t.deepEqual(told, []);
});

test('one that stands still is told once, and again when it breathes', (t) => {
  const { told, worker, look } = rig();
  t.true(look(STALLED_MS - 100, 75));
  t.false(look(200, 75));
  t.false(look(5_000, 75));
  t.deepEqual(told, ['data-plane-stalled']);
  worker.breaths = -1;
  t.true(look(75, 75));
  t.deepEqual(told, ['data-plane-stalled', 'data-plane-breathes']);
});

test('a pause of the process is not the fault of the worker', (t) => {
  const { told, worker, look } = rig();
  worker.breaths++;
  look(75, 75);
  t.true(look(60_000, 60_000));
  t.deepEqual(told, []);
});

test('a worker is greeted where somebody could take over', (t) => {
  const { worker, watch } = rig();
  watch.look(0, false);
  t.is(worker.greets, 0);
  watch.look(75, true);
  t.is(worker.greets, 1);
});

test('a worker that has failed stays failed, whatever it counts', (t) => {
  const { worker, watch, look } = rig();
  watch.fail();
  worker.breaths++;
  t.false(look(75, 75));
});
