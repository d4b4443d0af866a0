import test from 'ava';
import fc from 'fast-check';
import { prefixOf } from '../../../src/core/base/prefix.js';
import { addressText, prefixText } from '../../../src/core/plan/text.js';

/** Slow twin: the URL standard serialises IPv6 hosts by the same rules (RFC 5952). */
function urlText(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

test('IPv4 prefixes print as ip prints them', (t) => {
  t.is(prefixText(prefixOf(Uint8Array.of(10, 100, 7, 9), 16)), '10.100.0.0/16');
  t.is(prefixText(prefixOf(Uint8Array.of(0, 0, 0, 0), 0)), '0.0.0.0/0');
  t.is(addressText(Uint8Array.of(172, 16, 10, 215)), '172.16.10.215/32');
});

test('IPv6 addresses print by RFC 5952, as the URL standard does', (t) => {
  const group = fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  const address = fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 0xff])));
  fc.assert(
    fc.property(address, (bytes) => {
      t.is(addressText(bytes), `${urlText(bytes)}/128`);
    }),
    { numRuns: 2000 },
  );
  t.is(prefixText(prefixOf(new Uint8Array(16), 0)), '::/0');
});
