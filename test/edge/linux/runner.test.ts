/**
 * One contract, two runners: real programs, and the fake beside them with the same programs as functions.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { type FakeProgram, fakeRunner } from '../../../src/edge/linux/fake_runner.js';
import {
  type CommandRunner,
  PROGRAM_PATH,
  processRunner,
  STATUS_NOT_FOUND,
  STATUS_TIMED_OUT,
  STATUS_TOO_LONG,
} from '../../../src/edge/linux/runner.js';
import { tempDir } from '../../support/temp_dir.js';

const sh: FakeProgram = (args) => {
  if (args[1] === 'exit 3') return { status: 3 };
  return { stdout: 'out\n', stderr: 'err\n', status: 2 };
};

const runners: Readonly<Record<string, CommandRunner>> = {
  real: processRunner,
  fake: fakeRunner({
    true: () => ({}),
    cat: (_, input) => ({ stdout: input }),
    printf: (args) => ({ stdout: args[1] }),
    sleep: () => undefined,
    head: () => ({ stdout: 'x'.repeat(9 << 20) }),
    sh,
  }),
};

for (const [name, runner] of Object.entries(runners)) {
  test(`${name} runner: success is status 0 without output`, async (t) => {
    t.deepEqual(await runner.run(['true']), { status: 0, stdout: '', stderr: '' });
  });

  test(`${name} runner: status and both streams of a failure come back`, async (t) => {
    t.deepEqual(await runner.run(['sh', '-c', 'exit 3']), { status: 3, stdout: '', stderr: '' });
    const both = await runner.run(['sh', '-c', 'echo out; echo err >&2; exit 2']);
    t.deepEqual(both, { status: 2, stdout: 'out\n', stderr: 'err\n' });
  });

  test(`${name} runner: input reaches the program, and a program may ignore it`, async (t) => {
    t.is((await runner.run(['cat'], { input: 'a\nb' })).stdout, 'a\nb');
    t.is((await runner.run(['true'], { input: 'x'.repeat(1 << 20) })).status, 0);
  });

  test(`${name} runner: arguments are not looked at by a shell`, async (t) => {
    t.is((await runner.run(['printf', '%s', '$HOME; *'])).stdout, '$HOME; *');
  });

  test(`${name} runner: a missing program, a slow one and a talkative one have a status of their own`, async (t) => {
    t.is((await runner.run(['no-such-program-here'])).status, STATUS_NOT_FOUND);
    t.is((await runner.run(['sleep', '60'], { timeoutMs: 50 })).status, STATUS_TIMED_OUT);
    t.is((await runner.run(['head', '-c', String(9 << 20), '/dev/zero'])).status, STATUS_TOO_LONG);
  });
}

test.serial("real runner: the caller's PATH decides nothing", async (t) => {
  const directory = tempDir(t);
  for (const name of ['true', 'only-in-this-path']) {
    writeFileSync(`${directory}/${name}`, '#!/bin/sh\necho impostor\n');
    chmodSync(`${directory}/${name}`, 0o755);
  }
  const before = process.env['PATH'];
  process.env['PATH'] = `${directory}:${before}`;
  t.teardown(() => {
    process.env['PATH'] = before;
  });
  t.is((await processRunner.run(['true'])).stdout, '');
  t.is((await processRunner.run(['sh', '-c', 'echo "$PATH"'])).stdout, `${PROGRAM_PATH}\n`);
  t.is((await processRunner.run(['only-in-this-path'])).status, STATUS_NOT_FOUND);
});
