import test from 'ava';
import { findStale, planPhases } from './files.js';
import { type Outcome, TapReader } from './tap.js';

const STREAM = `TAP version 13
ok 1 - core › nat › rewrites
not ok 2 - core › route › finds the longest
  ---
    name: AssertionError
    message: 'Difference'
  ...
---tty-stream-chunk-separator
ok 3 - left out # SKIP
# a comment
ok 4 - title with # hash and - dash
not ok 5 - dist/test/x.test.js exited with a non-zero exit code: 1

1..5
# tests 5`;

function read(stream: string): { reader: TapReader; outcomes: Outcome[]; details: string[] } {
  const outcomes: Outcome[] = [];
  const details: string[] = [];
  const reader = new TapReader(
    (outcome) => outcomes.push(outcome),
    (line) => details.push(line),
  );
  for (const line of stream.split('\n')) reader.handleLine(line);
  return { reader, outcomes, details };
}

test('results are counted and failures keep their details', (t) => {
  const { reader, outcomes, details } = read(STREAM);
  t.deepEqual([reader.passed, reader.failed, reader.skipped], [2, 2, 1]);
  t.deepEqual(outcomes[1], { title: 'core › route › finds the longest', state: 'failed' });
  t.is(outcomes[3].title, 'title with # hash and - dash');
  t.deepEqual(
    details.map((line) => line.trim()),
    ['---', 'name: AssertionError', "message: 'Difference'", '...'],
  );
});

test('a root test that announces a skip is not counted as passed', (t) => {
  const { reader } = read('ok 1 - opens a TUN\nok 2 - other');
  t.true(reader.handleOutput('# SKIP opens a TUN (needs root)'));
  t.false(reader.handleOutput('anything else # SKIP'));
  t.deepEqual([reader.passed, reader.failed, reader.skipped], [1, 0, 1]);
});

test('sources decide what runs, slow tests begin first, and tests of whole networks run last', (t) => {
  const sources = [
    'test/core/nat.test.ts',
    'test/core/wireguard/interoperation.test.ts',
    'test/app/cli/run.test.ts',
    'test/edge/tun.test.ts',
    'test/app/daemon/pair.test.ts',
    'test/app/daemon/uplinks.test.ts',
    'test/app/daemon/life.test.ts',
    'test/lab/lab.test.ts',
    'test/lab/firewall.test.ts',
    'test/app/daemon/day.long.test.ts',
    'test/support/privileged.ts',
  ];
  t.deepEqual(planPhases(sources, []), {
    pure: ['dist/test/core/nat.test.js'],
    plain: ['core/wireguard/interoperation', 'app/cli/run', 'edge/tun'].map(
      (name) => `dist/test/${name}.test.js`,
    ),
    daemons: ['app/daemon/life', 'app/daemon/uplinks', 'app/daemon/pair', 'lab/firewall'].map(
      (name) => `dist/test/${name}.test.js`,
    ),
    serial: ['dist/test/lab/lab.test.js'],
  });
  t.deepEqual(planPhases(sources, ['nat']).serial, []);
  t.deepEqual(planPhases(sources, ['long']).daemons, ['dist/test/app/daemon/day.long.test.js']);
  t.deepEqual(planPhases(sources, ['dist/test/edge/tun.test.js']), {
    pure: [],
    plain: ['dist/test/edge/tun.test.js'],
    daemons: [],
    serial: [],
  });
  const none = { pure: [], plain: [], daemons: [], serial: [] };
  t.deepEqual(planPhases(sources, ['nothing']), none);
});

test('a compiled file without its source is stale', (t) => {
  const compiled = [
    'dist/test/a.test.js',
    'dist/test/a.test.js.map',
    'dist/test/a.test.d.ts',
    'dist/src/b.js',
  ];
  t.deepEqual(findStale(compiled, ['src/b.ts']), compiled.slice(0, 3));
  t.deepEqual(findStale(compiled, ['src/b.ts', 'test/a.test.ts']), []);
});
