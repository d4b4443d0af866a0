/** A node with several data-plane workers: they share its flows, its peers and its sockets, and nothing is seen of it outside. */
import type { ExecutionContext } from 'ava';
import { rootTest } from '../../support/privileged.js';
import { datagrams, ping, startEcho, stream } from '../../support/traffic.js';
import { HA, HB, Line } from './line.js';

const WORKERS = 2;

/** A line whose nodes have two workers each. */
async function start(t: ExecutionContext): Promise<Line> {
  const line = new Line(t);
  for (const node of [line.na, line.nb]) node.configure({ workers: WORKERS });
  await line.start();
  await ping(line.network, 'ha', HB);
  return line;
}

rootTest('two workers carry all kinds of traffic, and the counters are of both', async (t) => {
  const line = await start(t);
  const { network, na, nb } = line;
  await Promise.all([startEcho(network, 'ha'), startEcho(network, 'hb')]);
  await Promise.all([
    stream(network, 'ha', HB),
    stream(network, 'hb', HA),
    stream(network, 'ha', HB),
    datagrams(network, 'ha', HB),
    datagrams(network, 'hb', HA),
  ]);
  const status = await na.status();
  t.deepEqual(
    status.workers.map(({ index, state }) => [index, state]),
    [
      [0, 'running'],
      [1, 'running'],
    ],
  );
  t.deepEqual(
    status.pauses.map(({ thread }) => thread),
    ['worker 0', 'worker 1', 'control'],
  );
  const peer = await na.peer('nb');
  t.true(peer.txBytes > 12 << 20 && peer.rxBytes > 12 << 20, JSON.stringify(peer));
  t.is(await na.stop(), 0, na.program.output);
  t.is(await nb.stop(), 0);
});
