import test from 'ava';
import fc from 'fast-check';
import { LineSplitter } from '../../../src/edge/socket/lines.js';

test('lines come out whole, however the bytes are cut', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 20 })),
      fc.array(fc.integer({ min: 1, max: 9 })),
      (texts, cuts) => {
        const lines = texts.map((text) => text.replaceAll('\n', ''));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter(1000);
        const found: string[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = cuts.length === 0 ? bytes.length : cuts[turn % cuts.length];
          found.push(...(splitter.push(bytes.subarray(at, at + length)) as string[]));
          at += length;
        }
        t.deepEqual(
          found,
          lines.map((line) => Buffer.from(line).toString('utf8')),
        );
      },
    ),
  );
});

test('a line may be as long as the bound and no longer, in one piece or several', (t) => {
  t.deepEqual(new LineSplitter(4).push(Buffer.from('abcd\n')), ['abcd']);
  t.is(new LineSplitter(4).push(Buffer.from('abcde\n')), undefined);
  t.is(new LineSplitter(4).push(Buffer.from('abcde')), undefined);
  const splitter = new LineSplitter(4);
  t.deepEqual(splitter.push(Buffer.from('x\nabc')), ['x']);
  t.deepEqual(splitter.push(Buffer.from('d')), []);
  t.is(splitter.push(Buffer.from('e\n')), undefined);
});

test('what was held counts for its own line only', (t) => {
  const splitter = new LineSplitter(4);
  for (const line of ['abcd', 'efgh', 'ijkl']) {
    t.deepEqual(splitter.push(Buffer.from(line.slice(0, 3))), []);
    t.deepEqual(splitter.push(Buffer.from(`${line.slice(3)}\n`)), [line]);
  }
});

test('a chunk that is reused by its owner does not change what is held', (t) => {
  const splitter = new LineSplitter(10);
  const chunk = Buffer.from('ab');
  splitter.push(chunk);
  chunk.fill('z');
  t.deepEqual(splitter.push(Buffer.from('c\n')), ['abc']);
});
