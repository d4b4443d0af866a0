/** How long two members of a cluster were active at once, from their logs and from what was done to them. */
import test from 'ava';
import { type LogEvent, longestDualMs } from '../../../src/app/lab/checks/history.js';
import { scenarioNamed } from '../../../src/app/lab/scenarios/index.js';

const cluster = scenarioNamed('ha-edge-to-aws')!.overlay.clusters[1];
const [A, B] = cluster.members;

function change(atMs: number, node: string, to: LogEvent['to']): LogEvent {
  return { atMs, node, to, event: 'role-changed', level: 30 };
}

test('make before break by the partner while the old one drains is not two actives', (t) => {
  const changes = [change(10, A, 'draining'), change(15, B, 'active'), change(20, A, 'standby')];
  t.is(longestDualMs(cluster, [A], changes), 0);
});

test('two actives count from the claim to the stand-down, the longest stretch', (t) => {
  const changes = [
    change(100, B, 'active'),
    change(130, A, 'standby'),
    change(500, A, 'active'),
    change(550, B, 'standby'),
  ];
  t.is(longestDualMs(cluster, [A], changes), 50);
  t.is(longestDualMs(cluster, [A], changes.slice(0, 1), [], 900), 800);
});

test('one that was killed does not count, one that thaws does', (t) => {
  const killed = { atMs: 90, node: A, active: false };
  t.is(longestDualMs(cluster, [A], [change(400, B, 'active')], [killed], 9000), 0);
  const thawed = { atMs: 5000, node: A, active: true };
  const changes = [change(400, B, 'active'), change(5012, A, 'standby')];
  t.is(longestDualMs(cluster, [A], changes, [killed, thawed], 9000), 12);
});

test('members of other clusters do not matter', (t) => {
  t.is(longestDualMs(cluster, [A], [change(1, 'aws-a', 'active')], [], 100), 0);
});
