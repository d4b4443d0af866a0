import test from 'ava';
import { connectedPair } from '../../support/wireguard-network.js';

test('data makes a session and arrives', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(1_000);
  t.deepEqual(b.received, ['hello']);
  b.send(0, 'hello yourself');
  network.runFor(1_000);
  t.deepEqual(a.received, ['hello yourself']);
  t.deepEqual(network.sent.slice(1, 3), [1, 1]);
});
