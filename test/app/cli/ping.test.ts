/** `ping` against a daemon that gives fixed answers. */
import test from 'ava';
import { formatAnswer, formatSummary, summarize } from '../../../src/app/cli/commands/ping.js';
import type { PingAnswer, PingReport } from '../../../src/app/observe/path-reports.js';
import { golden } from '../../support/golden.js';
import { cli, fakeDaemon } from './fake-daemon.js';

const PRIMARY: PingAnswer = {
  uplink: 'isp1',
  remote: '203.0.113.10:51820',
  peerUplink: 'wan',
  inUse: true,
  state: 'up',
  sinceMs: 86_400_000,
  why: '',
  rttMs: 12.34,
};
const BACKUP: PingAnswer = {
  uplink: 'lte',
  remote: '203.0.113.10:51820',
  inUse: false,
  state: 'degraded',
  sinceMs: 61_000,
  why: 'loss 7 %',
  rttMs: 148.1,
  cameBy: { uplink: 'isp1', remote: '203.0.113.10:51820' },
};
const DEAD: PingAnswer = {
  uplink: 'isp1',
  remote: '[2001:db8::7]:51820',
  inUse: false,
  state: 'down',
  sinceMs: 4_000,
  why: 'not heard yet',
};
const { rttMs: _, ...LOST } = PRIMARY;
const { cameBy: __, ...BACK } = BACKUP;
const ROUND: PingReport = { node: 'edge1-a', peer: 'aws-a', answers: [PRIMARY, BACKUP, DEAD] };
const FAR = { remote: '198.51.100.9:4000' };
const ROUNDS: PingReport[] = [
  ROUND,
  { ...ROUND, answers: [{ ...PRIMARY, rttMs: 9.875 }, { ...BACKUP, cameBy: FAR }, DEAD] },
  { ...ROUND, answers: [LOST, BACK, DEAD] },
];

test('answers and their summary', (t) => {
  const lines = ROUNDS.flatMap(({ peer, answers }) => answers.map((answer) => formatAnswer(peer, answer)));
  golden(t, 'cli/ping.txt', `${lines.join('\n')}\n${formatSummary('aws-a', summarize(ROUNDS))}\n`);
});

test('as many rounds as asked for; exit 1 where no path answers', async (t) => {
  const { socket, asked } = await fakeDaemon(t, { ping: ROUND });
  const one = await cli(['ping', 'aws-a', '--count', '1', '--socket', socket]);
  t.is(one.exit, 0);
  t.deepEqual(
    one.out.split('\n').slice(0, 3),
    ROUND.answers.map((answer) => formatAnswer('aws-a', answer)),
  );
  const args = ['ping', 'aws-a', '--count', '2', '--uplink', 'lte', '--path', '203.0.113.10:51820', '--json'];
  const two = await cli([...args, '--socket', socket]);
  t.like(JSON.parse(two.out), { node: 'edge1-a', peer: 'aws-a', rounds: 2 });
  t.deepEqual(
    JSON.parse(two.out).paths.map(({ sent, answered }: Record<string, unknown>) => [sent, answered]),
    [
      [2, 2],
      [2, 2],
      [2, 0],
    ],
  );
  t.deepEqual(
    asked.slice(1),
    Array(2).fill(['ping', { node: 'aws-a', path: '203.0.113.10:51820', uplink: 'lte' }]),
  );
  const dead = await fakeDaemon(t, { ping: { ...ROUND, answers: [DEAD] } });
  t.is((await cli(['ping', 'aws-a', '--count', '1', '--socket', dead.socket])).exit, 1);
});
