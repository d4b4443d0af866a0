import test from 'ava';
import fc from 'fast-check';
import { native } from '../../../src/edge/native.js';
import { slowSum } from './packets.js';

test('the checksum equals its slow twin on any bytes at any alignment', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 4000, size: 'max' }),
      fc.nat({ max: 40 }),
      fc.nat({ max: 40 }),
      fc.nat({ max: 0xffff }),
      (bytes, skip, cut, initial) => {
        const offset = Math.min(skip, bytes.length);
        const length = Math.max(0, bytes.length - offset - cut);
        const fast = native().testing.checksum(bytes, offset, length, initial);
        return fast === slowSum(bytes.subarray(offset, offset + length), initial);
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

test('no carry is lost on 64 KiB of ones', (t) => {
  for (const length of [65_535, 65_536, 65_529]) {
    const bytes = new Uint8Array(length).fill(0xff);
    t.is(native().testing.checksum(bytes, 0, length, 0xffff), slowSum(bytes, 0xffff));
  }
});

test('RFC 1071 section 3: the worked example', (t) => {
  const bytes = new Uint8Array([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
  t.is(native().testing.checksum(bytes, 0, 8, 0), 0xddf2);
});

test('offsets outside the bytes are refused', (t) => {
  const bytes = new Uint8Array(10);
  t.true(native().testing.checksum(bytes, 5, 6, 0) < 0);
  t.true(native().testing.checksum(bytes, -1, 2, 0) < 0);
});
