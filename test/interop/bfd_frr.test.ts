/**
 * Our BFD session and FRR's bfdd, another implementation of RFC 5880 and 5881: over a cable, IPv4 and IPv6, and through a
 * plain WireGuard tunnel.
 */
import type { ExecutionContext } from 'ava';
import type { Pace } from '../../src/core/path/pacing.js';
import { Network, until } from '../support/namespaces.js';
import { rootTest } from '../support/privileged.js';
import { Frr, Speaker, type SpeakerReport } from './frr.js';
import { tunnel } from './tunnel.js';

const PACE: Pace = { desiredMinTxMs: 75, requiredMinRxMs: 75, multiplier: 4 };
const FRR_LINES = ['detect-multiplier 3', 'receive-interval 100', 'transmit-interval 120'];

interface Ends {
  readonly network: Network;
  readonly frr: Frr;
  readonly ours: string;
  readonly theirs: string;
}

/** Two namespaces and a cable: `o` is ours, `f` is FRR's. */
function cable(t: ExecutionContext, family: 4 | 6 = 4): Ends {
  const network = new Network(t);
  network.add('o', 'f');
  network.cable('o', 'v0', 'f', 'v0');
  const [ours, theirs] = family === 4 ? ['198.51.100.1', '198.51.100.2'] : ['fd77::1', 'fd77::2'];
  const bits = family === 4 ? '24' : '64 nodad';
  for (const [name, address] of [
    ['o', ours],
    ['f', theirs],
  ]) {
    const [length, ...flags] = bits.split(' ');
    network.run(name, `ip addr add ${address}/${length} dev v0 ${flags.join(' ')}`);
  }
  const frr = new Frr(network, 'f', `${ours} local-address ${theirs} interface v0`, FRR_LINES);
  return { network, frr, ours, theirs };
}

/** Both ends Up, and the Poll Sequences of their fast pace done. */
async function agreed({
  network,
  frr,
  ours,
  theirs,
}: Ends): Promise<{ speaker: Speaker; report: SpeakerReport }> {
  await frr.start();
  const speaker = new Speaker(network, 'o', ours, theirs, PACE);
  await until(
    () => `both are Up: ${JSON.stringify(frr.show())}`,
    () => speaker.state === 'Up' && frr.show().status === 'up',
  );
  await until('intervals are agreed', async () => {
    const { polling, detectionMs } = await speaker.report();
    return !polling && detectionMs === 360 && frr.show()['remote-transmit-interval'] === 75;
  });
  return { speaker, report: await speaker.report() };
}

for (const family of [4, 6] as const) {
  rootTest(`IPv${family}: both come Up and agree on their intervals`, async (t) => {
    const ends = cable(t, family);
    const { speaker, report } = await agreed(ends);
    // Ours: the slower of our 75 and their 100. Theirs: 3 × the slower of our 75 and their 120.
    t.is(report.intervalMs, 100);
    t.is(report.detectionMs, 360);
    t.is(report.refused, 0);
    t.is(ends.frr.show()['remote-receive-interval'], 75);
    t.is(ends.frr.show()['remote-detect-multiplier'], 4);
    t.is(ends.frr.show()['remote-id'], 0x7457_0001);
    await until(
      'packets repeat each other: a worker could take over',
      async () => (await speaker.report()).absorbs,
    );
    const changes = speaker.changes.length;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    t.is(speaker.changes.length, changes, 'and it holds');
  });
}

rootTest('intervals change while Up, from either side, by a Poll Sequence', async (t) => {
  const ends = cable(t);
  const { speaker } = await agreed(ends);
  const changes = speaker.changes.length;
  speaker.order({ pace: { desiredMinTxMs: 300, requiredMinRxMs: 200, multiplier: 5 } });
  await until('FRR has heard of our pace', () => {
    const peer = ends.frr.show();
    return peer['remote-transmit-interval'] === 300 && peer['remote-receive-interval'] === 200;
  });
  await until('FRR has answered the Poll', async () => {
    const { polling, intervalMs, detectionMs } = await speaker.report();
    return !polling && intervalMs === 300 && detectionMs === 600;
  });
  t.is(ends.frr.show()['remote-detect-multiplier'], 5);
  ends.frr.configure('transmit-interval 250', 'receive-interval 400', 'detect-multiplier 4');
  await until('we count by what FRR has announced', async () => {
    const { intervalMs, detectionMs } = await speaker.report();
    return intervalMs === 400 && detectionMs === 1_000;
  });
  speaker.order({ pace: PACE });
  await until('back to a fast pace', async () => {
    const { polling, intervalMs } = await speaker.report();
    return !polling && intervalMs === 400 && ends.frr.show()['remote-transmit-interval'] === 75;
  });
  t.is(speaker.changes.length, changes, 'the session stayed Up through all of it');
  t.is(ends.frr.show().status, 'up');
});

rootTest('either side is taken out of service and put back', async (t) => {
  const ends = cable(t);
  const { speaker } = await agreed(ends);
  speaker.order('disable');
  await until('FRR is told', () => ends.frr.show().status === 'down');
  t.regex(ends.frr.show()['remote-diagnostic'], /administratively down/i);
  speaker.order('enable');
  await until('Up again', () => speaker.state === 'Up' && ends.frr.show().status === 'up');
  ends.frr.configure('shutdown');
  await until('we are told', () => speaker.state === 'Down');
  t.is(speaker.changes.at(-1)?.why, 'neighbor signaled session down');
  t.is((await speaker.report()).theirs, 'AdminDown');
  ends.frr.configure('no shutdown');
  await until('Up again', () => speaker.state === 'Up' && ends.frr.show().status === 'up');
});

/** Kills either side, sees the other one notice, and brings it back. */
async function killAndReturn(t: ExecutionContext, ends: Ends): Promise<void> {
  const { speaker } = await agreed(ends);
  const killedAtMs = performance.now();
  await ends.frr.kill();
  await until('we notice', () => speaker.state === 'Down');
  t.log(`noticed and seen by the test ${Math.round(performance.now() - killedAtMs)} ms after the kill`);
  t.is(speaker.changes.at(-1)?.why, 'detection time expired');
  await ends.frr.start();
  await until('Up again', () => speaker.state === 'Up' && ends.frr.show().status === 'up');
  await speaker.kill();
  await until('FRR notices', () => ends.frr.show().status === 'down');
  t.regex(ends.frr.show().diagnostic, /detection time expired/i);
  const again = new Speaker(ends.network, 'o', ends.ours, ends.theirs, PACE);
  await until('Up again', () => again.state === 'Up' && ends.frr.show().status === 'up');
}

rootTest('either side is killed and comes back', (t) => killAndReturn(t, cable(t)));

rootTest('through a plain WireGuard tunnel either side is killed and comes back', async (t) => {
  const network = new Network(t);
  network.add('o', 'f');
  network.cable('o', 'v0', 'f', 'v0');
  const ends = [
    { name: 'o', outer: '198.51.100.1', inner: '10.9.0.1' },
    { name: 'f', outer: '198.51.100.2', inner: '10.9.0.2' },
  ];
  const [device] = (await tunnel(network, ends)).slice(1);
  const [ours, theirs] = ends.map(({ inner }) => inner);
  const frr = new Frr(network, 'f', `${ours} local-address ${theirs} interface ${device}`, FRR_LINES);
  await killAndReturn(t, { network, frr, ours, theirs });
});
