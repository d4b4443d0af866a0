import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type HookEvent, HookRunner, LINES_MAX, type RoleChange } from '../../../src/edge/hooks/hooks.js';
import { eventually } from '../../support/redis/server.js';

const change = (role: 'active' | 'standby', n = 7): RoleChange => ({
  network: 'acme',
  cluster: 'EdgeCluster1',
  node: 'edge1-a',
  role,
  epoch: { n, member: 1 },
  reason: 'the partner is silent',
});

interface Stage {
  readonly events: HookEvent[];
  readonly directory: string;
  runner(onActive: string, onStandby?: string, timeoutMs?: number): HookRunner;
  /** Waits until `count` runs have ended. */
  ended(count: number): Promise<(HookEvent & { event: 'hook-ended' })[]>;
}

function hookTest(title: string, body: (t: ExecutionContext, stage: Stage) => Promise<void>): void {
  test(title, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'twinspan-hooks-'));
    const events: HookEvent[] = [];
    const runners: HookRunner[] = [];
    const script = (name: string, text: string | undefined): string | undefined => {
      if (text === undefined) return undefined;
      const path = join(directory, name);
      writeFileSync(path, `#!/bin/sh\n${text}\n`);
      chmodSync(path, 0o755);
      return path;
    };
    try {
      await body(t, {
        events,
        directory,
        runner(onActive, onStandby, timeoutMs = 10_000) {
          const paths = {
            onActive: script('on-active', onActive),
            onStandby: script('on-standby', onStandby),
          };
          const runner = new HookRunner({ ...paths, timeoutMs }, (event) => events.push(event));
          runners.push(runner);
          return runner;
        },
        ended: (count) =>
          eventually(() => {
            const ends = events.filter((event) => event.event === 'hook-ended');
            if (ends.length < count) throw new Error(`${ends.length} of ${count} have ended`);
            return ends;
          }),
      });
    } finally {
      for (const runner of runners) await runner.close(0);
      rmSync(directory, { recursive: true });
    }
  });
}

hookTest('a program learns what has happened, and what it prints is told', async (t, stage) => {
  const runner = stage.runner('env | grep ^TWINSPAN_ | sort; echo oops >&2; exit 3');
  runner.run(change('active'));
  const [end] = await stage.ended(1);
  t.is(end.status, 3);
  const lines = stage.events.flatMap((event) =>
    event.event === 'hook-output' ? [`${event.stream} ${event.line}`] : [],
  );
  t.true(lines.includes('err oops'));
  t.deepEqual(
    lines.filter((line) => line.startsWith('out')),
    [
      'out TWINSPAN_CLUSTER=EdgeCluster1',
      'out TWINSPAN_EPOCH=7.1',
      'out TWINSPAN_EVENT=on-active',
      'out TWINSPAN_NETWORK=acme',
      'out TWINSPAN_NODE=edge1-a',
      'out TWINSPAN_REASON=the partner is silent',
      'out TWINSPAN_ROLE=active',
    ],
  );
});

hookTest('one at a time, and only the newest change waits', async (t, stage) => {
  const log = join(stage.directory, 'log');
  const note = `echo $TWINSPAN_EVENT $TWINSPAN_EPOCH >> ${log}; sleep 0.2`;
  const runner = stage.runner(note, note);
  runner.run(change('active', 1));
  runner.run(change('standby', 2));
  runner.run(change('active', 3));
  runner.run(change('standby', 4));
  await stage.ended(2);
  t.is(readFileSync(log, 'utf8'), 'on-active 1.1\non-standby 4.1\n');
});

hookTest('a program that hangs is killed with what it started, and the next one runs', async (t, stage) => {
  const runner = stage.runner('sleep 60 & sleep 60', 'exit 0', 200);
  runner.run(change('active'));
  runner.run(change('standby'));
  const [hung, next] = await stage.ended(2);
  t.is(hung.status, undefined);
  t.is(hung.problem, 'killed after 200 ms');
  t.is(next.status, 0);
});

hookTest('whoever wants to know is told of the process of each program', async (t, stage) => {
  const started: number[] = [];
  const shell = '/bin/true';
  const runner = new HookRunner(
    { onActive: shell, onStandby: shell, timeoutMs: 1_000 },
    (event) => stage.events.push(event),
    (pid) => started.push(pid),
  );
  runner.run(change('active'));
  t.is(started.length, 1, 'before anything else can happen');
  await stage.ended(1);
  t.true(started[0] > 0 && started[0] !== process.pid);
});

hookTest('a program that cannot be run is told', async (t, stage) => {
  const runner = new HookRunner(
    { onActive: '/nowhere/hook', onStandby: undefined, timeoutMs: 1_000 },
    (event) => stage.events.push(event),
  );
  runner.run(change('standby'));
  runner.run(change('active'));
  const [end] = await stage.ended(1);
  t.regex(end.problem ?? '', /ENOENT/);
});

hookTest('output without end is cut', async (t, stage) => {
  const runner = stage.runner('yes | head -n 100000; head -c 300000 /dev/zero');
  runner.run(change('active'));
  await stage.ended(1);
  t.true(stage.events.length <= LINES_MAX + 1);
});

hookTest('a closed runner kills what outlasts its grace and starts nothing', async (t, stage) => {
  const runner = stage.runner('sleep 60', 'exit 0');
  runner.run(change('active'));
  runner.run(change('standby'));
  const closed = runner.close(50);
  runner.run(change('standby'));
  await closed;
  t.deepEqual(
    (await stage.ended(1)).map(({ hook, status }) => [hook, status]),
    [['on-active', undefined]],
  );
});

hookTest('a closed runner lets the last change be told', async (t, stage) => {
  const runner = stage.runner('sleep 0.1', 'exit 5');
  runner.run(change('active'));
  runner.run(change('standby'));
  await runner.close(30_000);
  t.deepEqual(
    (await stage.ended(2)).map(({ hook, status }) => [hook, status]),
    [
      ['on-active', 0],
      ['on-standby', 5],
    ],
  );
});
