/** rtnetlink messages as a kernel sent them, and any bytes. */
import { endianness } from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import { noNews, readNews } from '../../../src/edge/linux/news.js';

const LITTLE = endianness() === 'LE';

function message(
  type: number,
  body: readonly number[],
  ...attributes: [number, readonly number[]][]
): number[] {
  const padded = attributes.flatMap(([kind, value]) => [
    ...short(4 + value.length),
    ...short(kind),
    ...value,
    ...new Array((4 - (value.length % 4)) % 4).fill(0),
  ]);
  const length = 16 + body.length + padded.length;
  return [...short(length), 0, 0, ...short(type), 0, 0, ...new Array(8).fill(0), ...body, ...padded];
}

function short(value: number): number[] {
  return LITTLE ? [value & 255, value >> 8] : [value >> 8, value & 255];
}

const address = (type: number, ...bytes: number[]) =>
  message(type, [2, 24, 0, 0, 3, 0, 0, 0], [1, bytes], [2, bytes], [3, [101, 116, 104, 48, 0]]);
const route = (length: number, protocol: number) =>
  message(24, [2, length, 0, 0, 254, protocol, 0, 1, 0, 0, 0, 0]);

function read(...messages: number[][]) {
  const news = noNews();
  readNews(Uint8Array.from(messages.flat()), news);
  return { ...news, addresses: news.addresses.map((bytes) => bytes.join('.')) };
}

const NOTHING = { links: false, addresses: [], defaults: false };

test('links, addresses and default routes are told; routes of ours and longer ones are not', (t) => {
  t.deepEqual(read(message(16, new Array(16).fill(0))), { ...NOTHING, links: true });
  t.deepEqual(read(message(17, new Array(16).fill(0))), { ...NOTHING, links: true });
  t.deepEqual(read(address(20, 198, 51, 100, 2), address(21, 10, 0, 0, 1)).addresses, [
    '198.51.100.2',
    '10.0.0.1',
  ]);
  t.true(read(route(0, 16)).defaults);
  t.deepEqual(read(route(0, 84), route(24, 16)), NOTHING);
});

test('IPv6 addresses have no local part; other messages say nothing', (t) => {
  const v6 = new Array(16).fill(7);
  t.deepEqual(read(message(20, [10, 64, 0, 0, 3, 0, 0, 0], [1, v6])).addresses, [v6.join('.')]);
  t.deepEqual(read(message(28, new Array(12).fill(0)), message(20, [2])), NOTHING);
});

test('property: no bytes make the reader fail or read past their end', (t) => {
  const part = fc.oneof(
    fc.constant(address(20, 1, 2, 3, 4)),
    fc.constant(route(0, 3)),
    fc.array(fc.nat(255), { maxLength: 40 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.nat(200), (parts, cut) => {
      const news = noNews();
      readNews(Uint8Array.from(parts.flat()).subarray(0, cut), news);
      t.true(news.addresses.every((bytes) => bytes.length <= 40));
    }),
  );
});
