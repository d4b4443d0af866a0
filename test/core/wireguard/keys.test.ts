import test from 'ava';
import fc from 'fast-check';
import { formatKey, parseKey, tryParseKey } from '../../../src/core/wireguard/keys.js';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('keys print as base64 does, and parse back', (t) => {
  fc.assert(
    fc.property(key, (key) => {
      const text = formatKey(key);
      t.is(text, Buffer.from(key).toString('base64'));
      t.deepEqual(tryParseKey(text), key);
    }),
  );
});

test('only the one spelling of a key parses', (t) => {
  const text = formatKey(new Uint8Array(32).fill(255));
  const wrong = [
    '',
    text.slice(0, 43),
    `${text}=`,
    `${text}\n`,
    ` ${text.slice(1)}`,
    text.replace('/', '_'),
    text.replace('/', '-'),
    `${text.slice(0, 42)}9=`,
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(33).toString('base64'),
    Buffer.alloc(32).toString('hex'),
    `${text.slice(0, 42)}==`,
  ];
  for (const text of wrong) t.is(tryParseKey(text), undefined, text);
});

test('accepts exactly what Buffer reads as 32 bytes and prints the same', (t) => {
  const character = fc.constantFrom(...'AEIMZaz09+/=_ ');
  const text = fc.oneof(
    fc.string({ unit: character, minLength: 43, maxLength: 45 }),
    fc
      .string({ unit: fc.constantFrom(...'AEIMZaz09+/'), minLength: 43, maxLength: 43 })
      .map((text) => `${text}=`),
  );
  fc.assert(
    fc.property(text, (text) => {
      const bytes = Buffer.from(text, 'base64');
      const twin =
        bytes.length === 32 && bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
      t.deepEqual(tryParseKey(text), twin);
    }),
    { numRuns: 1_000 },
  );
});

test('a wrong key is a coded error that does not show it', (t) => {
  const error = t.throws(() => parseKey('my secret', 'privateKey'), { code: 'TS_KEY_INVALID' });
  t.true(error.message.startsWith('privateKey '));
  t.false(error.message.includes('my secret'));
});
