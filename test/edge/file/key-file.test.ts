import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { TwinspanError } from '../../../src/core/base/errors.js';
import { formatKey } from '../../../src/core/base/key.js';
import {
  generatePrivateKey,
  publicKeyOf,
  readSecretKey,
  writeSecretKey,
} from '../../../src/edge/file/key-file.js';
import { tempDir } from '../../support/temp_dir.js';

/** Key pairs of RFC 7748, section 6.1. */
const PAIRS = [
  [
    '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  ],
  [
    '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
    'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
  ],
];

test('public keys are those of RFC 7748', (t) => {
  for (const [secret, open] of PAIRS) {
    t.is(Buffer.from(publicKeyOf(Buffer.from(secret, 'hex'))).toString('hex'), open);
  }
});

test('wg derives the same public key', (t) => {
  const key = generatePrivateKey();
  const wg = spawnSync('wg', ['pubkey'], { input: `${formatKey(key)}\n`, encoding: 'utf8' });
  if (wg.error !== undefined) {
    t.log('skipped: wg is not installed');
    console.log('# SKIP wg derives the same public key (needs wg)');
    t.pass();
    return;
  }
  t.is(wg.stdout.trim(), formatKey(publicKeyOf(key)));
});

test('a generated key is clamped', (t) => {
  const key = generatePrivateKey();
  t.is(key[0] & 7, 0);
  t.is(key[31] & 0xc0, 0x40);
  t.notDeepEqual(key, generatePrivateKey());
});

function refusalOf(action: () => unknown): [code: string, message: string, hint: string | undefined] {
  try {
    action();
  } catch (error) {
    if (error instanceof TwinspanError) return [error.code, error.message, error.hint];
    throw error;
  }
  return ['none', '', undefined];
}

test('a key file is written for its owner alone, read back, and never overwritten', (t) => {
  const file = path.join(tempDir(t), 'private.key');
  const key = generatePrivateKey();
  writeSecretKey(file, key);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(readFileSync(file, 'utf8'), `${formatKey(key)}\n`);
  t.deepEqual(readSecretKey(file), key);
  const refusal = refusalOf(() => writeSecretKey(file, generatePrivateKey()));
  t.deepEqual(refusal, [
    'TS_CONFIG_UNREADABLE',
    `${file} cannot be written (EEXIST).`,
    'It exists; a key is never overwritten.',
  ]);
  t.deepEqual(readSecretKey(file), key);
});

for (const mode of [0o640, 0o604, 0o620, 0o601, 0o666]) {
  test(`a key file of mode ${mode.toString(8)} is refused`, (t) => {
    const file = path.join(tempDir(t), 'k');
    writeSecretKey(file, generatePrivateKey());
    chmodSync(file, mode);
    t.deepEqual(
      refusalOf(() => readSecretKey(file)),
      [
        'TS_KEY_READABLE_BY_OTHERS',
        `The key file ${file} can be read by others (mode 0${mode.toString(8)}).`,
        `Run: chmod 600 ${file}`,
      ],
    );
  });
}

test('modes 0600 and 0400 are accepted', (t) => {
  const file = path.join(tempDir(t), 'k');
  writeSecretKey(file, generatePrivateKey());
  for (const mode of [0o600, 0o400]) {
    chmodSync(file, mode);
    t.is(readSecretKey(file).length, 32);
  }
});

test('what is no key file is refused', (t) => {
  const directory = tempDir(t);
  const code = (name: string, text?: string): string => {
    const file = path.join(directory, name);
    if (text !== undefined) writeFileSync(file, text, { mode: 0o600 });
    return refusalOf(() => readSecretKey(file))[0];
  };
  t.is(code('absent'), 'TS_CONFIG_UNREADABLE');
  t.is(code('empty', ''), 'TS_KEY_INVALID');
  t.is(code('short', 'aGVsbG8='), 'TS_KEY_INVALID');
  t.is(code('long', 'A'.repeat(100_000)), 'TS_KEY_INVALID');
  t.is(
    code('two', `${formatKey(generatePrivateKey())}\n${formatKey(generatePrivateKey())}\n`),
    'TS_KEY_INVALID',
  );
  mkdirSync(path.join(directory, 'folder'), { mode: 0o700 });
  t.is(code('folder'), 'TS_CONFIG_UNREADABLE');
});
