import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { TwinspanError } from '../../../src/core/base/errors.js';
import { callDaemon } from '../../../src/edge/socket/client.js';
import { CONNECTIONS_MAX, type ControlHandler, openControlServer } from '../../../src/edge/socket/control.js';
import { tempDir } from '../../support/temp_dir.js';

const echo: ControlHandler = async (method, params) => ({ method, params });

async function open(
  t: ExecutionContext,
  handler: ControlHandler = echo,
  idleMsMax?: number,
): Promise<string> {
  const file = path.join(tempDir(t), 'run', 'n.sock');
  const server = await openControlServer(file, handler, idleMsMax);
  t.teardown(() => server.close());
  return file;
}

/** Sends bytes on a connection of its own and resolves to all that came back once it was closed. */
function converse(file: string, bytes: Uint8Array | string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(file, () => socket.end(bytes));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

async function refusalOf(promise: Promise<unknown>): Promise<TwinspanError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TwinspanError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

test('a call reaches the handler and its result comes back', async (t) => {
  const file = await open(t);
  t.deepEqual(await callDaemon(file, 'routes', { address: '::1' }), {
    method: 'routes',
    params: { address: '::1' },
  });
  t.deepEqual(await callDaemon(file, 'status'), { method: 'status', params: {} });
});

test('only the owner and the group may use the socket; the directory is open to look into', async (t) => {
  const file = await open(t);
  t.is(statSync(file).mode & 0o777, 0o660);
  t.is(statSync(path.dirname(file)).mode & 0o777, 0o755);
  t.deepEqual(readdirSync(path.dirname(file)), ['n.sock']);
});

test('a large answer arrives whole', async (t) => {
  const list = Array.from({ length: 50_000 }, (_, index) => `peer ${index}`);
  const file = await open(t, async () => list);
  t.deepEqual(await callDaemon(file, 'status'), list);
});

test('coded errors keep code, message and hint; others say that the daemon failed', async (t) => {
  const file = await open(t, async (method) => {
    if (method === 'coded')
      throw new TwinspanError('TS_REQUEST_INVALID', 'No such method.', 'Ask for status.');
    throw new RangeError('boom');
  });
  const coded = await refusalOf(callDaemon(file, 'coded'));
  t.deepEqual(
    [coded.code, coded.message, coded.hint],
    ['TS_REQUEST_INVALID', 'No such method.', 'Ask for status.'],
  );
  t.is((await refusalOf(callDaemon(file, 'other'))).message, 'The daemon failed: boom');
});

test('several requests on one connection are answered, each with its id', async (t) => {
  const file = await open(t);
  const text = await converse(file, '{"id":7,"method":"a"}\n{"id":"x","method":"b","params":{"c":1}}\n');
  t.deepEqual(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { id: 7, result: { method: 'a', params: {} } },
      { id: 'x', result: { method: 'b', params: { c: 1 } } },
    ],
  );
});

for (const line of [
  '',
  'hello',
  '[]',
  '42',
  'null',
  '{}',
  '{"method":5}',
  '{"method":"a","params":5}',
  '{"method":"a"',
]) {
  test(`'${line}' is answered with an error`, async (t) => {
    const file = await open(t);
    const answer = JSON.parse(await converse(file, `${line}\n`));
    t.is(answer.error.code, 'TS_REQUEST_INVALID');
  });
}

test('a line without end is cut off with an error', async (t) => {
  const file = await open(t);
  const answer = JSON.parse(await converse(file, 'x'.repeat(70_000)));
  t.is(answer.error.message, 'A request is at most 65536 bytes.');
  t.deepEqual(await callDaemon(file, 'a'), { method: 'a', params: {} });
});

test('a flood of requests is cut off with an error', async (t) => {
  const file = await open(t, () => new Promise(() => undefined));
  const text = await converse(file, '{"method":"a"}\n'.repeat(1000));
  t.is(JSON.parse(text).error.message, 'Too many requests.');
});

test('garbage never ends the server', async (t) => {
  const file = await open(t);
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc.record({ id: fc.anything(), method: fc.anything(), params: fc.anything() }).map((value) => {
      return Buffer.from(`${JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? `${v}` : v))}\n`);
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 4 }), async (chunks) => {
      for (const line of (await converse(file, Buffer.concat(chunks)))
        .split('\n')
        .filter((text) => text !== '')) {
        t.true('id' in JSON.parse(line));
      }
    }),
    { numRuns: 200 },
  );
  t.deepEqual(await callDaemon(file, 'still'), { method: 'still', params: {} });
});

test('connections are bounded, and a place is free again when one leaves', async (t) => {
  const file = await open(t);
  const connected = (): Promise<import('node:net').Socket> =>
    new Promise((resolve) => {
      const socket = connect(file, () => resolve(socket));
      socket.on('error', () => undefined);
    });
  const held = await Promise.all(Array.from({ length: CONNECTIONS_MAX }, connected));
  await Promise.all(
    held.map(
      (socket) =>
        new Promise((resolve) => {
          socket.once('data', resolve);
          socket.write('{"method":"a"}\n');
        }),
    ),
  );
  t.is((await refusalOf(callDaemon(file, 'a', {}, 2000))).code, 'TS_DAEMON_UNREACHABLE');
  const gone = new Promise((resolve) => held[0].once('close', resolve));
  held[0].destroy();
  await gone;
  let answer: unknown;
  for (let tries = 0; answer === undefined && tries < 100; tries++) {
    answer = await callDaemon(file, 'a').catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
  }
  t.deepEqual(answer, { method: 'a', params: {} });
  for (const socket of held) socket.destroy();
});

test('an idle connection is closed', async (t) => {
  const file = await open(t, echo, 50);
  await new Promise((resolve) => connect(file).on('close', resolve));
  t.pass();
});

test('a socket file that a dead process left is replaced, one that is served is not', async (t) => {
  const file = await open(t);
  const second = await refusalOf(openControlServer(file, echo));
  t.is(second.code, 'TS_DAEMON_RUNNING');
  t.deepEqual(await callDaemon(file, 'a'), { method: 'a', params: {} });

  const stale = path.join(tempDir(t), 'stale.sock');
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(stale, resolve));
  // Node removes the file on close; a killed process does not. Keep it by a second name.
  const { linkSync } = await import('node:fs');
  linkSync(stale, `${stale}.kept`);
  await new Promise((resolve) => dead.close(resolve));
  t.true(existsSync(`${stale}.kept`));
  const server = await openControlServer(`${stale}.kept`, echo);
  t.deepEqual(await callDaemon(`${stale}.kept`, 'a'), { method: 'a', params: {} });
  await server.close();
  t.false(existsSync(`${stale}.kept`));
});

test('a file that is no socket is not replaced', async (t) => {
  const file = path.join(tempDir(t), 'n.sock');
  writeFileSync(file, 'precious');
  t.is((await refusalOf(openControlServer(file, echo))).message, `${file} exists and is not a socket.`);
  t.is(statSync(file).size, 8);
});

test('of several that start at once exactly one serves', async (t) => {
  const file = path.join(tempDir(t), 'n.sock');
  const starts = await Promise.allSettled(Array.from({ length: 5 }, () => openControlServer(file, echo)));
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const codes = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason.code] : []));
  t.is(servers.length, 1);
  t.deepEqual(codes, Array(4).fill('TS_DAEMON_RUNNING'));
  t.deepEqual(await callDaemon(file, 'a'), { method: 'a', params: {} });
  await servers[0].close();
  t.deepEqual(readdirSync(path.dirname(file)), []);
});

test('nobody there, nobody answering, and nonsense are all: unreachable', async (t) => {
  const directory = tempDir(t);
  const absent = await refusalOf(callDaemon(path.join(directory, 'absent.sock'), 'a'));
  t.is(absent.code, 'TS_DAEMON_UNREACHABLE');
  t.is(absent.hint, 'Start it: twinspan up --config node.yaml');
  const file = path.join(directory, 'fake.sock');
  const answers = ['', 'nonsense\n', '[\n', '"a"\n'];
  const fake = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(answers.pop() ?? ''));
  });
  await new Promise<void>((resolve) => fake.listen(file, resolve));
  for (let turn = 0; turn < 4; turn++)
    t.is((await refusalOf(callDaemon(file, 'a', {}, 200))).code, 'TS_DAEMON_UNREACHABLE');
  await new Promise((resolve) => fake.close(resolve));
});
