/** The bytes of probes, against real ones, and whatever else may come back. */
import test from 'ava';
import fc from 'fast-check';
import { encodeEcho, encodeQuestion, isAnswer, isEchoReply } from '../../../src/edge/probe/messages.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

test('an echo request has its checksum, and its reply is known by its identifier', (t) => {
  t.is(hex(encodeEcho(4, 0x12340001)), '0800e5ca123400010000000000000000');
  t.is(hex(encodeEcho(6, 0x12340001)), '80000000123400010000000000000000');
  const header = '450000240000400040017cd97f0000017f000001';
  t.true(isEchoReply(4, bytes(`${header}0000edca12340001`), 0x12340001));
  t.false(isEchoReply(4, bytes(`${header}0000edca12340001`), 0x12340002));
  t.false(isEchoReply(4, bytes(`${header}0800e5ca12340001`), 0x12340001), 'our own request');
  t.true(isEchoReply(6, bytes('8100ffff12340001'), 0x12340001));
});

// What `dig example.com` sends without EDNS, and how its answer begins.
test('a DNS question, and any answer to it', (t) => {
  t.is(
    hex(encodeQuestion('example.com', 0xdb42)),
    'db4201000001000000000000076578616d706c6503636f6d0000010001',
  );
  t.is(hex(encodeQuestion('', 7)), '0007010000010000000000000000010001');
  t.is(hex(encodeQuestion('example.com.', 7)), hex(encodeQuestion('example.com', 7)));
  t.true(isAnswer(bytes('db4281800001000100000000'), 0xdb42));
  t.true(isAnswer(bytes('db4281830001000000000000'), 0xdb42), 'there is no such name: a server said so');
  t.false(isAnswer(bytes('db4381800001000100000000'), 0xdb42));
  t.false(isAnswer(encodeQuestion('', 0xdb42), 0xdb42));
});

test('property: no message makes a reader fail, and none is taken for an answer by chance', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom<4 | 6>(4, 6), (message, family) => {
      t.is(typeof isEchoReply(family, message, 0xdeadbeef), 'boolean');
      t.is(typeof isAnswer(message, 0xdead), 'boolean');
    }),
  );
});
