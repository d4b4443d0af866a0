import test from 'ava';
import fc from 'fast-check';
import { formatKey, parseKey } from '../../../src/core/base/key.js';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('keys are base64 as Node writes it', (t) => {
  fc.assert(
    fc.property(key, (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      t.is(formatKey(bytes), text);
      t.deepEqual(parseKey(text), Uint8Array.from(bytes));
    }),
  );
});

test('text is a key only if Node reads 32 bytes from it and writes the same text', (t) => {
  const near = key.chain((bytes) =>
    fc.tuple(
      fc.constant(Buffer.from(bytes).toString('base64')),
      fc.nat(43),
      fc.string({ minLength: 0, maxLength: 2 }),
    ),
  );
  fc.assert(
    fc.property(near, ([text, at, put]) => {
      const changed = text.slice(0, at) + put + text.slice(at + 1);
      const bytes = Buffer.from(changed, 'base64');
      const canonical = bytes.length === 32 && bytes.toString('base64') === changed;
      t.is(parseKey(changed) !== undefined, canonical, changed);
    }),
    { numRuns: 1000 },
  );
});
