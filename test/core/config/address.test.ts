import { isIP } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import {
  formatAddress,
  formatEndpoint,
  formatPrefix,
  parseAddress,
  parseEndpoint,
  parseInterfaceAddress,
  parsePrefix,
} from '../../../src/core/config/address.js';

/** RFC 5952 by its letter: the longest run of two or more zero groups, the first of equals, becomes '::'. */
function slowFormat6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

const sparseBytes = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(255)), {
  minLength: 16,
  maxLength: 16,
});

test('IPv6 addresses are printed as RFC 5952 wants them', (t) => {
  fc.assert(
    fc.property(sparseBytes, (values) => {
      const bytes = Uint8Array.from(values);
      const mapped = values.slice(0, 10).every((v) => v === 0) && values[10] === 255 && values[11] === 255;
      if (!mapped) t.is(formatAddress(bytes), slowFormat6(bytes));
      t.deepEqual(parseAddress(formatAddress(bytes)), bytes);
    }),
  );
  t.is(formatAddress(parseAddress('::FFFF:1.2.3.4')!), '::ffff:1.2.3.4');
  t.is(formatAddress(parseAddress('2001:DB8:0:1:1:1:1:1')!), '2001:db8:0:1:1:1:1:1');
});

test('IPv4 addresses survive printing and parsing', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      t.deepEqual(parseAddress(formatAddress(bytes)), Uint8Array.from(bytes));
    }),
  );
});

test('what Node does not take for an address is none here either', (t) => {
  const texts = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9a-f:.]{1,20}$/),
    fc.stringMatching(/^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/),
    fc
      .tuple(sparseBytes, fc.nat(40), fc.constantFrom('', ':', '0', '.', 'g', '::', '1.2.3.4'))
      .map(([v, at, put]) => {
        const text = formatAddress(Uint8Array.from(v));
        return text.slice(0, at) + put + text.slice(at + 1);
      }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      if (!text.includes('%')) t.is(parseAddress(text) !== undefined, isIP(text) !== 0, JSON.stringify(text));
    }),
    { numRuns: 2000 },
  );
});

for (const text of [
  '010.0.0.1',
  '1.2.3',
  '1.2.3.4/32',
  'fe80::1%eth0',
  '[::1]',
  '',
  ' 1.2.3.4',
  '1::2::3',
  'a'.repeat(999),
]) {
  test(`'${text.slice(0, 20)}' is no address`, (t) => t.is(parseAddress(text), undefined));
}

for (const text of [
  '10.0.0.1/8',
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0.0/',
  '::1/64',
  '::/129',
  '/8',
  '10.0.0.0/8/8',
]) {
  test(`'${text}' is no prefix`, (t) => t.is(parsePrefix(text), undefined));
}

for (const text of [
  '10.100.0.0/16',
  '0.0.0.0/0',
  '10.100.10.15/32',
  '2001:db8::/32',
  '::/0',
  '::1/128',
  '10.100.10.128/25',
]) {
  test(`'${text}' is a prefix and is printed as written`, (t) =>
    t.is(formatPrefix(parsePrefix(text)!), text));
}

test('an interface address keeps its host bits', (t) => {
  t.deepEqual(parseInterfaceAddress('172.16.10.215/24'), {
    bytes: Uint8Array.of(172, 16, 10, 215),
    length: 24,
  });
});

test('endpoints: names, addresses, brackets', (t) => {
  t.deepEqual(parseEndpoint('aws-a.example.net:51820'), {
    host: 'aws-a.example.net',
    port: 51820,
    address: undefined,
  });
  t.deepEqual(parseEndpoint('192.0.2.1:1')?.address, Uint8Array.of(192, 0, 2, 1));
  t.is(parseEndpoint('[2001:db8::1]:65535')?.address?.length, 16);
  t.is(formatEndpoint('2001:db8::1', 5), '[2001:db8::1]:5');
  t.is(formatEndpoint(Uint8Array.of(192, 0, 2, 1), 5), '192.0.2.1:5');
});

const BAD_ENDPOINTS = [
  'host',
  'host:',
  ':1',
  'host:0',
  'host:65536',
  'host:01',
  '2001:db8::1:51820',
  '[::1]',
  '[host]:1',
  '[1.2.3.4]:1',
];
for (const text of [...BAD_ENDPOINTS, '1.2.3:5', '256.1.1.1:5', 'a b:1', '-a:1', `${'a'.repeat(64)}:1`]) {
  test(`'${text.slice(0, 24)}' is no endpoint`, (t) => t.is(parseEndpoint(text), undefined));
}
