import { execFileSync, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { native } from '../../../src/edge/native.js';
import { rootTest } from '../../support/privileged.js';
import { SCHED_OTHER, SCHED_RR } from '../../support/scheduling.js';
import { LOOPBACK } from './rig.js';

const addon = new URL('../../../src/edge/native.js', import.meta.url).href;
const scheduling = new URL('../../support/scheduling.js', import.meta.url).href;
const rig = new URL('./rig.js', import.meta.url).href;

test('the clock goes forward in milliseconds', (t) => {
  const before = native().now();
  const uptimeMs = Number(execFileSync('cat', ['/proc/uptime'], { encoding: 'utf8' }).split(' ')[0]) * 1000;
  const after = native().now();
  t.true(before <= uptimeMs + 20 && uptimeMs <= after + 20);
  t.true(native().now() >= after);
});

test('a watched event tells of all signals since it was last taken, and then is quiet', async (t) => {
  const event = native().eventOpen();
  let calls = 0;
  const taken = await new Promise<number>((resolve) => {
    const watch = native().watchOpen(event, () => {
      calls++;
      native().watchClose(watch);
      resolve(native().eventTake(event));
    });
    native().eventSignal(event);
    native().eventSignal(event);
    // Alone, a watch does not keep the process alive.
    setTimeout(() => {}, 100);
  });
  t.deepEqual([calls, taken], [1, 2]);
  t.is(native().eventTake(event), 0);
  t.is(native().closeFd(event), 0);
  t.true(native().eventTake(-1) < 0);
});

test('a thread that is named has this name in /proc', async (t) => {
  const code = `const { readFileSync } = await import('node:fs'); const { parentPort } = await import('node:worker_threads');
    const { native } = await import('${addon}'); const named = native().threadName('ts-test');
    parentPort.postMessage([named, readFileSync('/proc/thread-self/comm', 'utf8').trim(), native().threadName('x'.repeat(16))]);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const [named, comm, tooLong] = await new Promise<[number, string, number]>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  await worker.terminate();
  t.deepEqual([named, comm], [0, 'ts-test']);
  t.true(tooLong < 0);
});

rootTest('a thread of some priority is scheduled so until it is lowered', async (t) => {
  const code = `const { parentPort } = await import('node:worker_threads'); const { native } = await import('${addon}');
    const { scheduledThreads } = await import('${scheduling}');
    native().threadName('ts-test');
    const mine = () => scheduledThreads('self').find(({ name }) => name === 'ts-test');
    const raised = [native().threadPriority(0, 7), mine()];
    const lowered = [native().threadPriority(mine().tid, 0), mine()];
    parentPort.postMessage([raised, lowered, native().threadPriority(0, 100), native().threadPriority(-1, 0)]);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  // A test below closes a descriptor twice: no other thread may open one meanwhile.
  await worker.terminate();
  t.like(answer, [
    [0, { policy: SCHED_RR, priority: 7 }],
    [0, { policy: SCHED_OTHER, priority: 0 }],
    -constants.errno.EINVAL,
    -constants.errno.EINVAL,
  ]);
});

test('a wait answers the readable descriptors, drains events and times out with 0', (t) => {
  const events = [native().eventOpen(), native().eventOpen()];
  const socket = native().udpOpen({
    address: '127.0.0.1',
    port: 0,
    device: '',
    mark: 0,
    offloads: 0,
    reusePort: false,
  });
  const poller = native().pollerOpen([events[0], socket.fd, events[1]]);
  t.is(native().wait(poller, 0), 0);
  t.is(native().eventSignal(events[1]), 0);
  t.is(native().eventSignal(events[1]), 0);
  t.is(native().wait(poller, 1000), 0b100);
  t.is(native().wait(poller, 0), 0);
  native().datagramSend(socket.fd, new Uint8Array(1), encodeEndpoint(LOOPBACK, socket.port, 0));
  native().eventSignal(events[0]);
  t.is(native().wait(poller, 1000), 0b011);
  t.is(native().wait(poller, 1.5), 0b010);
  t.is(native().pollerClose(poller), 0);
  t.true(native().wait(poller, 0) < 0);
  t.true(native().pollerClose(poller) < 0);
  for (const fd of [...events, socket.fd]) t.is(native().closeFd(fd), 0);
  t.true(native().closeFd(events[0]) < 0);
  t.true(native().closeFd(1) < 0);
});

test('a wait without end is ended by a signal of another thread', async (t) => {
  const event = native().eventOpen();
  const body = `
    import { native } from ${JSON.stringify(addon)};
    import { parentPort, workerData } from 'node:worker_threads';
    const poller = native().pollerOpen([workerData]);
    parentPort.postMessage(native().wait(poller, -1));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(body)}`), {
    workerData: event,
  });
  const answered = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  native().eventSignal(event);
  t.is(await answered, 1);
  await worker.terminate();
  native().closeFd(event);
});

test('several threads load the addon, and one that ends leaves the others alone', async (t) => {
  const body = `
    import { native } from ${JSON.stringify(addon)};
    import { Rig } from ${JSON.stringify(rig)};
    import { parentPort, workerData } from 'node:worker_threads';
    const rig = new Rig();
    const { fd } = rig.socket(0, 3);
    rig.key(0);
    native().pollerOpen([fd]);
    let good = 0;
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 20; i++) rig.row(i, new Uint8Array(200 + i).fill(0x45), { 2: 4 }, rig.slot(0) + i * 300);
      native().sealSend(rig.context, 0, 20);
      good += rig.receive(fd, 0, 20).length;
    }
    if (workerData % 2 === 0) rig.close();
    parentPort.postMessage(good);`;
  const workers = Array.from(
    { length: 6 },
    (_, i) => new Worker(new URL(`data:text/javascript,${encodeURIComponent(body)}`), { workerData: i }),
  );
  const answers = await Promise.all(
    workers.map(
      (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)),
    ),
  );
  t.deepEqual(answers, new Array(6).fill(1000));
  await Promise.all(workers.map((worker) => worker.terminate()));
  t.is(native().wait(native().pollerOpen([native().eventOpen()]), 0), 0);
});

/** Receives one datagram on the AF_UNIX address in argv[1] (a first \\0 stands for an abstract name) and prints it. */
const RECEIVE_ONE = `
import os, socket, sys
address = sys.argv[1].replace('\\\\0', chr(0))
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.settimeout(20)
receiver.bind(address)
data = receiver.recv(4096)
if address[0] == '/': os.unlink(address)
sys.stdout.write(data.decode())`;

/** sdNotify in a process of its own, for the environment of a test's thread is only a copy; tries for four seconds. */
function notifyOnce(socket: string): number {
  const body = `
    import { native } from ${JSON.stringify(addon)};
    for (let left = 200; left > 0; left--) {
      const answer = native().sdNotify('READY=1\\nSTATUS=up');
      if (answer >= 0) { console.log(answer); break; }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }`;
  const environment = { ...process.env, NOTIFY_SOCKET: socket };
  const options = { encoding: 'utf8', env: environment } as const;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', body], options));
}

test('the service manager is notified over a path and over an abstract name', async (t) => {
  for (const address of ['/tmp/twinspan-notify', '@twinspan-notify']) {
    const name = `${address}-${process.pid}`;
    const receiver = spawn('python3', ['-c', RECEIVE_ONE, name.replace('@', '\\0')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const heard = new Promise<string>((resolve) =>
      receiver.stdout.once('data', (data) => resolve(String(data))),
    );
    t.is(notifyOnce(name), 1);
    t.is(await heard, 'READY=1\nSTATUS=up');
  }
  t.is(notifyOnce(''), 0);
});
