import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { encodeTai64n, TimestampSource } from '../../../src/core/wireguard/tai64n.js';
import { openTimestampStore } from '../../../src/edge/clock/timestamps.js';

function folder(t: { teardown: (run: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), 'twinspan-timestamps-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test('what was saved is loaded, from a file in the TAI64N text format', (t) => {
  const path = join(folder(t), 'tai64n');
  const store = openTimestampStore(path);
  t.is(store.load(), undefined);
  const label = encodeTai64n(1_767_225_600_000_000_001n);
  store.save(encodeTai64n(7n));
  store.save(label);
  t.deepEqual(openTimestampStore(path).load(), label);
  t.is(readFileSync(path, 'latin1'), '@400000006955b90a00000001\n');
  t.is(statSync(path).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(join(path, '..')), ['tai64n']);
});

test('a damaged file counts as damaged, whatever is in it', (t) => {
  const path = join(folder(t), 'tai64n');
  for (const content of [
    '',
    '\n',
    '@',
    'garbage',
    '@400000006955b90a0000000',
    '@400000006955b90a000000010',
    '\0\0',
  ]) {
    writeFileSync(path, content);
    t.is(new TimestampSource(openTimestampStore(path)).stored, 'damaged', content);
  }
  writeFileSync(path, '@400000006955b90affffffff\n');
  t.is(new TimestampSource(openTimestampStore(path)).stored, 'damaged', 'nanoseconds out of range');
});

test('half a write leaves the old label', (t) => {
  const path = join(folder(t), 'tai64n');
  const store = openTimestampStore(path);
  store.save(encodeTai64n(7n));
  writeFileSync(`${path}.new`, '@4000');
  t.deepEqual(openTimestampStore(path).load(), encodeTai64n(7n));
  store.save(encodeTai64n(8n));
  t.deepEqual(openTimestampStore(path).load(), encodeTai64n(8n));
});

test('a store that cannot be read or written is a coded error', (t) => {
  const path = join(folder(t), 'tai64n');
  mkdirSync(path);
  t.throws(() => openTimestampStore(path).load(), { code: 'TS_CLOCK_STORE' });
  t.throws(() => openTimestampStore(path).save(encodeTai64n(7n)), { code: 'TS_CLOCK_STORE' });
  t.throws(() => openTimestampStore(join(path, 'none', 'tai64n')).save(encodeTai64n(7n)), {
    code: 'TS_CLOCK_STORE',
  });
});
