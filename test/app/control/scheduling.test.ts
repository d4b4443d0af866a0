import { constants } from 'node:os';
import test from 'ava';
import { beginScheduling } from '../../../src/app/control/scheduling.js';
import { ownThreads } from '../../../src/edge/linux/threads.js';

/** The addon's call; `refuse` answers for a thread, 0 where it is done. */
function rig(refuse: (thread: number) => number = () => 0) {
  const priorities = new Map<number, number>();
  const native = {
    threadPriority(thread: number, priority: number): number {
      const result = priority === 0 ? 0 : refuse(thread);
      if (result === 0) priorities.set(thread, priority);
      return result;
    },
  };
  return { native, priorities };
}

test('as usual: nothing is asked of the kernel', (t) => {
  const { native, priorities } = rig();
  t.deepEqual(beginScheduling(native, 'normal', 4, 2), { workerPriority: 0, refusal: '' });
  t.is(priorities.size, 0);
});

test('realtime: all threads come before others, and workers before them', (t) => {
  const { native, priorities } = rig();
  const { workerPriority, refusal } = beginScheduling(native, 'realtime', 1, 2);
  t.is(refusal, '');
  t.true(priorities.has(process.pid));
  for (const priority of priorities.values()) t.true(priority > 0 && priority < workerPriority);
});

test('as many workers as processors could keep the control thread waiting for ever: refused', (t) => {
  const { native, priorities } = rig();
  t.deepEqual(beginScheduling(native, 'realtime', 2, 2), {
    workerPriority: 0,
    refusal: 'realtime needs more processors than workers: 2 for 2',
  });
  t.is(priorities.size, 0);
});

test('the kernel refuses: all are as they were', (t) => {
  const last = ownThreads().at(-1);
  const { native, priorities } = rig((thread) => (thread === last ? -constants.errno.EPERM : 0));
  t.deepEqual(beginScheduling(native, 'realtime', 1, 2), {
    workerPriority: 0,
    refusal: 'the kernel refuses realtime priorities (EPERM)',
  });
  t.true(priorities.size > 0);
  t.true([...priorities.values()].every((priority) => priority === 0));
});

test('a thread that ends meanwhile is no refusal', (t) => {
  const last = ownThreads().at(-1);
  const { native } = rig((thread) => (thread === last ? -constants.errno.ESRCH : 0));
  t.is(beginScheduling(native, 'realtime', 1, 2).refusal, '');
});
