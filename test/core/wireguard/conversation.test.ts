import test from 'ava';
import { golden } from '../../support/golden.js';
import { connectedPair, type WireGuardNetwork } from '../../support/wireguard-network.js';

const SECOND = 1_000;

function textOf(title: string, network: WireGuardNetwork): string {
  return `# ${title}\n# seconds  what happened\n${network.lines.join('\n')}\n`;
}

test('a plain handshake, passive keepalives and a renewal', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'request');
  network.runFor(1 * SECOND);
  b.send(0, 'answer');
  network.runFor(60 * SECOND);
  a.send(0, 'unanswered');
  network.runFor(65 * SECOND);
  a.send(0, 'asks for a renewal');
  network.runFor(5 * SECOND);
  b.send(0, 'unanswered');
  network.runFor(900 * SECOND);
  golden(t, 'wireguard-renewal.txt', textOf('A calls, both talk, A renews, all falls silent', network));
});

test('both call at the same moment', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 }, { initiateA: 'always', initiateB: 'always' });
  network.runFor(1 * SECOND);
  a.send(0, 'hello');
  b.send(0, 'hello');
  network.runFor(130 * SECOND);
  golden(
    t,
    'wireguard-both-call.txt',
    textOf(
      'Both are always to be reached and start together; the first renewal makes one session of two',
      network,
    ),
  );
});

test('the other end is gone and comes back', (t) => {
  const { network, a, b } = connectedPair({ seed: 1 });
  a.send(0, 'hello');
  network.runFor(20 * SECOND);
  network.cut.add(b);
  a.send(0, 'lost');
  network.runFor(22 * SECOND);
  network.cut.clear();
  b.boot();
  network.runFor(10 * SECOND);
  a.send(0, 'hello again');
  network.runFor(15 * SECOND);
  golden(t, 'wireguard-return.txt', textOf('B is cut off, restarts, and A finds it again', network));
});
