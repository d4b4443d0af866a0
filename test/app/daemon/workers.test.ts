/** Nodes with several data-plane workers, which share flows, peers and sockets: nothing of it is seen from outside. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { Daemon } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { type Refusal, RefusingKernel } from '../../support/refusing_kernel.js';
import { datagrams, Flow, ping, startEcho, stream } from '../../support/traffic.js';
import { FLOW_ENDS, HA, HB, Line, PORT } from './line.js';
import { Pair } from './pair.js';
import { PER_SECOND, Two } from './two.js';

const FLOWS = 8;
const GHOST_KEY = `${'A'.repeat(42)}E=`;

/** A line whose nodes have two workers each; a node between them that never is makes nb the second peer of na. */
async function start(t: ExecutionContext, kernel?: (line: Line) => RefusingKernel): Promise<Line> {
  const line = new Line(t);
  const { na, nb } = line;
  for (const node of [na, nb]) node.configure({ workers: 2 });
  line.describe({
    clusters: {
      A: { members: ['na'], site: '172.16.10.0/24' },
      G: { members: ['ghost'] },
      B: { members: ['nb'], site: '192.168.10.0/24' },
    },
    nodes: {
      na: { publicKey: na.key.publicKey, endpoints: [`198.51.100.1:${PORT}`] },
      ghost: { publicKey: GHOST_KEY },
      nb: { publicKey: nb.key.publicKey, endpoints: [`198.51.100.2:${PORT}`] },
    },
  });
  await line.start(kernel?.(line).env);
  await ping(line.network, 'ha', HB);
  return line;
}

/** What the workers of a node have done, and that they are two. */
async function work(t: ExecutionContext, node: Daemon): Promise<{ sealed: number[]; opened: number[] }> {
  const { workers, pauses } = await node.status();
  t.deepEqual(
    workers.map(({ index, state, strays }) => [index, state, strays < 10]),
    [0, 1].map((index) => [index, 'running', true]),
  );
  t.deepEqual(
    pauses.map(({ thread }) => thread),
    ['worker 0', 'worker 1', 'control'],
  );
  return { sealed: workers.map(({ sealed }) => sealed), opened: workers.map(({ opened }) => opened) };
}

rootTest("streams and datagrams of all sizes pass two workers; both seal, a peer's own opens", async (t) => {
  const line = await start(t);
  const { network, na, nb } = line;
  await Promise.all([startEcho(network, 'ha'), startEcho(network, 'hb')]);
  const streams = ['ha', 'hb'].flatMap((host) =>
    [0, 1, 2, 3].map(() => stream(network, host, host === 'ha' ? HB : HA)),
  );
  await Promise.all([...streams, datagrams(network, 'ha', HB), datagrams(network, 'hb', HA)]);
  for (const [node, name, owner] of [
    [na, 'nb', 1],
    [nb, 'na', 0],
  ] as const) {
    const { sealed, opened } = await work(t, node);
    t.true(Math.min(...sealed) > 1_000, `both seal: ${sealed}`);
    t.true(opened[owner] > 10_000, `${opened}`);
    t.is(opened[1 - owner], 0);
    const peer = await node.peer(name);
    t.true(Math.min(peer.txBytes, peer.rxBytes) > 30 << 20, 'the counters are of both');
  }
  t.is(await na.stop(), 0, na.program.output);
  t.is(await nb.stop(), 0);
});

rootTest(
  'within a flow nothing changes its order and nothing is lost, while sessions are renewed',
  async (t) => {
    const line = new Line(t);
    const { network, na, nb } = line;
    for (const node of [na, nb]) node.configure({ workers: 2 });
    await line.start({
      TWINSPAN_TIMERS: JSON.stringify({ rekeyAfterMs: 1_500, rejectAfterMs: 10_000, rekeyTimeoutMs: 1_000 }),
    });
    await ping(network, 'ha', HB);
    const before = na.events('session-established').length;
    const flows = await Promise.all(
      Array.from({ length: FLOWS }, (_, flow) => Flow.start(network, FLOW_ENDS, PER_SECOND, 7_000 + flow)),
    );
    await sleep(4_000);
    await until('two renewals', () => na.events('session-established').length >= before + 2);
    const ways = (await Promise.all(flows.map((flow) => flow.finish()))).flat();
    t.is(ways.length, 2 * FLOWS);
    for (const { sent, received, missing, late } of ways) {
      t.is(received, sent, `lost, among others: ${missing}`);
      t.is(late, 0);
    }
    for (const node of [na, nb]) {
      const { sealed } = await work(t, node);
      t.true(Math.min(...sealed) > 100, `both seal: ${sealed}`);
    }
  },
);

rootTest(
  'a device comes back, and a file is read anew: its sockets are opened again under the flow',
  async (t) => {
    const two = new Two(t);
    const { network, na, nb } = two;
    const uplinks = [
      { name: 'isp1', device: 'wan0', cost: 10 },
      { name: 'isp2', device: 'wan1', cost: 20 },
    ];
    for (const node of [na, nb]) node.configure({ workers: 2, uplinks });
    two.describe();
    await two.start();
    const { sessions } = two;
    await two.under(t, 'device removed', async () => {
      network.run('na', 'ip link del wan0');
      await two.bothUse('isp2');
    });
    const back = await two.under(t, 'device added, file read', async () => {
      network.cable('na', 'wan0', 'isp1', 'na');
      network.run('isp1', 'ip addr add 198.51.1.1/24 dev na');
      network.run(
        'na',
        'ip addr add 198.51.1.2/24 dev wan0; ip route add default via 198.51.1.1 dev wan0 metric 100',
      );
      await two.bothUse('isp1');
      t.true((await na.call('reload', {})).applied);
    });
    t.is(back, 0);
    t.is(two.sessions, sessions);
    t.is(na.events('uplink-bound').length, 1);
    const ports = network.run('na', 'ss -Hlun').match(/%wan\d:51820/g);
    t.deepEqual(ports?.sort(), ['%wan0:51820', '%wan0:51820', '%wan1:51820', '%wan1:51820']);
    await work(t, na);
  },
);

rootTest('one of two workers hangs, then one fails: the partner takes the role', async (t) => {
  const pair = new Pair(t, { node: { workers: 2 } });
  const { network } = pair;
  const [first, second] = await pair.start();
  await ping(network, 'site', HB);
  writeFileSync(`${first.folder}/worker`, 'hang 1');
  await pair.active(second, first);
  t.is(first.events('data-plane-stalled').length, 1);
  t.like(first.events('data-plane-stalled')[0], { level: 60, worker: 1 });
  await ping(network, 'site', HB);
  pair.tamper(first, 'worker', undefined);
  await until('it breathes again', () => first.has('data-plane-breathes'));
  await first.up('nb');
  await first.up(second.node);
  writeFileSync(`${second.folder}/worker`, 'throw 1');
  t.is(await second.program.ended, 70);
  await pair.active(first);
  await ping(network, 'site', HB);
});

/** The kernel of both nodes. */
function kernelThat(refusal: Refusal): (line: Line) => RefusingKernel {
  return ({ network }) => {
    const kernel = new RefusingKernel(network.folder);
    kernel.refuse(refusal);
    return kernel;
  };
}

rootTest('a kernel that cannot steer gets one worker, and the log says so', async (t) => {
  const { network, na } = await start(t, kernelThat('steering'));
  t.like(na.events('workers-reduced')[0], {
    level: 40,
    workers: 1,
    reason: 'SO_ATTACH_REUSEPORT_CBPF: ENOPROTOOPT',
  });
  t.is((await na.status()).workers.length, 1);
  await startEcho(network, 'hb');
  await stream(network, 'ha', HB, 1 << 20);
});

rootTest('messages that all come to the wrong worker are opened by their own, in their order', async (t) => {
  const { network, na } = await start(t, kernelThat('astray'));
  await startEcho(network, 'hb');
  const flow = await Flow.start(network, FLOW_ENDS, PER_SECOND);
  await datagrams(network, 'ha', HB, [1, 512, 1_300]);
  await sleep(2_000);
  for (const { sent, received, late } of await flow.finish()) {
    t.is(received, sent);
    t.is(late, 0);
  }
  const [first, second] = (await na.status()).workers;
  t.is(first.opened, 0);
  t.true(second.opened > 300 && second.strays >= second.opened, JSON.stringify(second));
});
