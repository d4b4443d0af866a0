/** A peer's endpoint is a DNS name: one that does not resolve, does later, and moves while its paths are dead. */
import type { ExecutionContext } from 'ava';
import { Names } from '../../support/names.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB, Line } from './line.js';

const NAME = 'hub.example.net';
const ENDPOINT = `${NAME}:51820`;

/** nb is found by its name alone, and cannot dial: after a restart only na can find it. */
function begin(t: ExecutionContext): { line: Line; names: Names } {
  const line = new Line(t);
  line.describe({
    nodes: {
      na: { publicKey: line.na.key.publicKey },
      nb: { publicKey: line.nb.key.publicKey, endpoints: [ENDPOINT] },
    },
  });
  return { line, names: new Names(line.network, 'na') };
}

rootTest(
  'a name that does not resolve is told, asked for again, and asked for anew when its paths die',
  async (t) => {
    const { line, names } = begin(t);
    const { network, na, nb } = line;
    await Promise.all([na.start(), nb.start()]);
    const reasons = (): string[] => na.events('endpoint-unresolved').map(({ reason }) => String(reason));
    await until('nobody answers', () => reasons().length > 0);
    t.like(na.events('endpoint-unresolved')[0], {
      endpoint: ENDPOINT,
      reason: 'no name server answers (EAI_AGAIN)',
    });
    const [peer] = (await na.call('paths', {})).peers;
    t.deepEqual(peer.unresolved, [ENDPOINT]);
    await names.serve();
    await until('it does not exist', () => reasons().length > 1);
    t.is(reasons()[1], 'the name does not exist, or has no address (ENOTFOUND)');

    names.set({ [NAME]: ['198.51.100.2'] });
    await ping(network, 'ha', HB);
    t.like(na.events('endpoint-resolved').at(-1), { endpoint: ENDPOINT, address: '198.51.100.2' });
    t.is((await na.call('paths', {})).peers[0].unresolved, undefined);

    await nb.kill();
    network.run('nb', 'ip addr del 198.51.100.2/24 dev wan0; ip addr add 198.51.100.99/24 dev wan0');
    names.set({ [NAME]: ['198.51.100.99'] });
    await nb.start();
    await ping(network, 'ha', HB);
    t.like(na.events('endpoint-resolved').at(-1), { endpoint: ENDPOINT, address: '198.51.100.99' });
    t.deepEqual(reasons().length, 2, 'told once for each fault');
  },
);

rootTest('a name has several addresses: each has its turn until one works', async (t) => {
  const { line, names } = begin(t);
  const { network, na, nb } = line;
  names.set({ [NAME]: ['198.51.100.50', '198.51.100.2'] });
  await names.serve();
  await Promise.all([na.start(), nb.start()]);
  await ping(network, 'ha', HB);
  t.is(na.events('endpoint-resolved').at(-1)?.['address'], '198.51.100.2');
});
