/**
 * One contract, two runners: real programs, and the fake beside them with the same programs as functions.
 */
import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { type FakeProgram, fakeRunner } from '../../../src/edge/linux/fake_runner.js';
import {
  type CommandRunner,
  PROGRAM_PATH,
  processRunner,
  STATUS_NOT_FOUND,
  STATUS_NOT_PERMITTED,
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

test('real runner: a program that dies of a signal, one that may not be run, one that leaves its output to another', async (t) => {
  t.is((await processRunner.run(['sh', '-c', 'kill -9 $$'])).status, 128 + 9);
  const file = `${tempDir(t)}/plain`;
  writeFileSync(file, '');
  t.is((await processRunner.run([file])).status, STATUS_NOT_PERMITTED);
  const left = await processRunner.run(['sh', '-c', 'exec >&- 2>&-; sleep 0.05; exit 7']);
  t.is(left.status, 7);
});

test('real runner: a program inherits no ignored signal and no descriptor of ours', async (t) => {
  const ignored = await processRunner.run(['grep', 'SigIgn', '/proc/self/status']);
  const SIGPIPE_BIT = 1n << 12n;
  t.is(BigInt(`0x${ignored.stdout.split(':')[1].trim()}`) & SIGPIPE_BIT, 0n);
  const fd = openSync('/dev/null', 'r');
  t.teardown(() => closeSync(fd));
  const { stdout } = await processRunner.run(['ls', '/proc/self/fd']);
  t.false(stdout.split('\n').includes(String(fd)));
});

test('real runner: many at once', async (t) => {
  const inputs = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(100_000));
  const results = await Promise.all(inputs.map((input) => processRunner.run(['cat'], { input })));
  t.true(results.every(({ stdout }, index) => stdout === inputs[index]));
});
