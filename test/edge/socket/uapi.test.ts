import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { formatKey } from '../../../src/core/base/key.js';
import { generatePrivateKey, publicKeyOf } from '../../../src/edge/file/key-file.js';
import {
  answerUapi,
  openUapiServer,
  UAPI_DIRECTORY,
  type UapiDevice,
  uapiSocketPath,
} from '../../../src/edge/socket/uapi.js';
import { rootTest } from '../../support/privileged.js';

const PRIVATE_KEY = generatePrivateKey();
const PEER_A = Uint8Array.from({ length: 32 }, (_, i) => i);
const PEER_B = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);

const DEVICE: UapiDevice = {
  privateKey: PRIVATE_KEY,
  listenPort: 51820,
  fwmark: 0,
  peers: [
    {
      publicKey: PEER_A,
      presharedKey: PEER_B,
      endpoint: { address: Uint8Array.of(192, 0, 2, 7), port: 4500 },
      lastHandshakeUnixMs: 1_700_000_000_250,
      rxBytes: 12_345_678_901,
      txBytes: 42,
      keepaliveSeconds: 25,
      allowedIps: [
        { bytes: Uint8Array.of(10, 100, 10, 0), length: 24 },
        { bytes: Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 0xfd : 0)), length: 8 },
      ],
    },
    {
      publicKey: PEER_B,
      presharedKey: undefined,
      endpoint: { address: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0)), port: 1 },
      lastHandshakeUnixMs: 0,
      rxBytes: 0,
      txBytes: 0,
      keepaliveSeconds: 0,
      allowedIps: [],
    },
  ],
};

test('get=1 is answered with every field of the protocol, in its order', (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  t.deepEqual(answerUapi('get=1', () => DEVICE).split('\n'), [
    `private_key=${hex(PRIVATE_KEY)}`,
    'listen_port=51820',
    `public_key=${hex(PEER_A)}`,
    `preshared_key=${hex(PEER_B)}`,
    'protocol_version=1',
    'endpoint=192.0.2.7:4500',
    'last_handshake_time_sec=1700000000',
    'last_handshake_time_nsec=250000000',
    'tx_bytes=42',
    'rx_bytes=12345678901',
    'persistent_keepalive_interval=25',
    'allowed_ip=10.100.10.0/24',
    'allowed_ip=fd00::/8',
    `public_key=${hex(PEER_B)}`,
    `preshared_key=${'0'.repeat(64)}`,
    'protocol_version=1',
    'endpoint=[::1]:1',
    'last_handshake_time_sec=0',
    'last_handshake_time_nsec=0',
    'tx_bytes=0',
    'rx_bytes=0',
    'persistent_keepalive_interval=0',
    'errno=0',
    '',
    '',
  ]);
});

test('setting is not supported, anything else is a protocol error', (t) => {
  t.is(
    answerUapi('set=1\nlisten_port=1', () => DEVICE),
    'errno=-95\n\n',
  );
  t.is(
    answerUapi('get=1\nlisten_port=1', () => DEVICE),
    'errno=-22\n\n',
  );
  t.is(
    answerUapi('get=2', () => DEVICE),
    'errno=-71\n\n',
  );
  fc.assert(
    fc.property(fc.string(), (text) =>
      t.regex(
        answerUapi(text, () => DEVICE),
        /errno=-?[0-9]+\n\n$/,
      ),
    ),
  );
});

rootTest('wg show prints the device', async (t) => {
  const name = `tst${process.pid}`;
  mkdirSync(UAPI_DIRECTORY, { recursive: true });
  const server = await openUapiServer(name, () => DEVICE);
  t.teardown(() => server.close());
  t.is(statSync(uapiSocketPath(name)).mode & 0o777, 0o600);
  const dump = await run('wg', ['show', name, 'dump']);
  const none = '(none)';
  t.deepEqual(
    dump
      .trim()
      .split('\n')
      .map((line) => line.split('\t')),
    [
      [formatKey(PRIVATE_KEY), formatKey(publicKeyOf(PRIVATE_KEY)), '51820', 'off'],
      [
        formatKey(PEER_A),
        formatKey(PEER_B),
        '192.0.2.7:4500',
        '10.100.10.0/24,fd00::/8',
        '1700000000',
        '12345678901',
        '42',
        '25',
      ],
      [formatKey(PEER_B), none, '[::1]:1', none, '0', '0', '0', 'off'],
    ],
  );
  t.true((await run('wg', ['show', 'interfaces'])).split(/\s+/).includes(name));
  t.regex(await run('wg', ['show', name]), /latest handshake: .* ago/);
  t.regex(await run('wg', ['set', name, 'listen-port', '1']), /not supported/);
  await server.close();
  t.false(existsSync(uapiSocketPath(name)));
});

rootTest('nonsense on the UAPI socket never ends the server', async (t) => {
  const name = `tsg${process.pid}`;
  const server = await openUapiServer(name, () => DEVICE);
  t.teardown(() => server.close());
  const send = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(uapiSocketPath(name), () => socket.end(bytes));
      socket.on('error', () => undefined).on('close', () => resolve());
      socket.resume();
    });
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), send), { numRuns: 50 });
  await send(Buffer.alloc(2 << 20, 'x'));
  t.regex(await run('wg', ['show', name, 'listen-port']), /51820/);
});

/** Runs a program while the event loop goes on (the server lives in this process). */
function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 10_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}
