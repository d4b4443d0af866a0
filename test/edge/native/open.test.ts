import { randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_SESSION,
  ROW_VERDICT,
  VERDICT_OPEN,
  VERDICT_OPEN_FAILED,
  VERDICT_OPENED,
} from '../../../src/core/packet/rows.js';
import { native } from '../../../src/edge/native.js';
import { Rig, sealMessage } from './rig.js';

const openFields = (session: number) => ({ [ROW_VERDICT]: VERDICT_OPEN, [ROW_SESSION]: session });

test('what node:crypto seals is opened in place', (t) => {
  const rig = new Rig();
  const key = rig.key(2);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000, size: 'max' }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (plain, counter) => {
        const message = sealMessage(key, counter, plain);
        rig.row(0, message, openFields(2));
        const opened = native().openBatch(rig.context, 0, 1);
        t.is(opened, 1);
        t.is(rig.field(0, ROW_VERDICT), VERDICT_OPENED);
        t.is(rig.field(0, ROW_OFFSET), rig.slot(0) + 16);
        t.is(rig.field(0, ROW_LENGTH), plain.length);
        t.deepEqual(Buffer.from(rig.packet(0)), Buffer.from(plain));
      },
    ),
    { numRuns: 200 },
  );
  rig.close();
});

test('what is tampered with, short, of another key or of no key fails, and its neighbours do not', (t) => {
  const rig = new Rig();
  const key = rig.key(0);
  rig.key(1);
  const good = sealMessage(key, 5n, randomBytes(100));
  const at = (i: number) => rig.slot(0) + i * 256;
  const rows: [Uint8Array, number][] = [[good, 0]];
  for (const position of [8, 16, 60, good.length - 1]) {
    const bad = Uint8Array.from(good);
    bad[position] ^= 1;
    rows.push([bad, 0]);
  }
  rows.push(
    [good, 1],
    [good, 6],
    [good.subarray(0, 31), 0],
    [good.subarray(0, 32), 0],
    [new Uint8Array(0), 0],
    [good, 0],
  );
  for (const [i, [bytes, session]] of rows.entries()) rig.row(i, bytes, openFields(session), at(i));
  t.is(native().openBatch(rig.context, 0, rows.length), 2);
  const verdicts = rows.map((_, i) => rig.field(i, ROW_VERDICT));
  t.deepEqual(verdicts, [
    VERDICT_OPENED,
    ...new Array(rows.length - 2).fill(VERDICT_OPEN_FAILED),
    VERDICT_OPENED,
  ]);
  t.is(rig.stat('opened'), 2);
  t.is(rig.stat('openFailed'), rows.length - 2);
  rig.close();
});

test('rows with another verdict are not touched', (t) => {
  const rig = new Rig();
  rig.key(0);
  rig.row(0, randomBytes(64), { [ROW_VERDICT]: VERDICT_OPENED });
  const before = rig.rows.slice(0, 16);
  t.is(native().openBatch(rig.context, 0, 1), 0);
  t.deepEqual(rig.rows.slice(0, 16), before);
  rig.close();
});

test('a key that is installed again replaces the old one', (t) => {
  const rig = new Rig();
  const old = rig.key(0);
  const fresh = rig.key(0);
  rig.row(0, sealMessage(old, 1n, randomBytes(16)), openFields(0));
  rig.row(1, sealMessage(fresh, 1n, randomBytes(16)), openFields(0));
  t.is(native().openBatch(rig.context, 0, 2), 1);
  t.is(rig.field(0, ROW_VERDICT), VERDICT_OPEN_FAILED);
  t.is(native().keyRemove(rig.context, 0), 0);
  rig.row(0, sealMessage(fresh, 2n, randomBytes(16)), openFields(0));
  t.is(native().openBatch(rig.context, 0, 1), 0);
  rig.close();
});
