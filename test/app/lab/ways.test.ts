/** How often a path has changed, read from what nodes told. */
import test from 'ava';
import type { LogEvent } from '../../../src/app/lab/checks/history.js';
import { pathChanges } from '../../../src/app/lab/checks/wan/ways.js';

function change(atMs: number, node: string, peer: string, event = 'path-in-use'): LogEvent {
  return { atMs, node, peer, event, level: 30 };
}

test('changes are counted for each node and peer, from the fault on, between site and hub alone', (t) => {
  const events = [
    change(90, 'edge-a', 'hub'),
    change(110, 'edge-a', 'hub'),
    change(120, 'edge-a', 'edge-b'),
    change(130, 'edge-a', 'edge-b'),
    change(140, 'hub', 'edge-a'),
    change(150, 'hub', 'edge-b'),
    change(160, 'edge-a', 'hub', 'path-down'),
  ];
  t.is(pathChanges(events, 100).length, 1);
  t.deepEqual(
    pathChanges([...events, change(170, 'hub', 'edge-b')], 100).map(({ atMs }) => atMs),
    [150, 170],
  );
  t.deepEqual(pathChanges([], 0), []);
});
