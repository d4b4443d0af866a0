import test from 'ava';
import fc from 'fast-check';
import { bitAt, covers, prefixOf } from '../../../src/core/base/prefix.js';
import { compileNat, NatView, TO_LOCAL, TO_NETWORK } from '../../../src/core/nat/map.js';
import { address, prefix, word } from '../../support/packets.js';

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });

test('a translated address has the prefix of one side and the host bits of the other, at every length', (t) => {
  fc.assert(
    fc.property(bytes16, bytes16, bytes16, fc.nat(128), fc.boolean(), (a, b, noise, bits, four) => {
      const size = four ? 4 : 16;
      const length = Math.min(bits, size * 8);
      const local = prefixOf(a.slice(0, size), length);
      const network = prefixOf(b.slice(0, size), length);
      const view = new NatView(compileNat([{ local, network }]));
      t.is(view.count, 1);
      t.is(view.lengthOf(0), length);
      for (const [direction, from, to] of [
        [TO_NETWORK, local, network],
        [TO_LOCAL, network, local],
      ] as const) {
        const host = Uint8Array.from(from.bytes);
        for (let bit = length; bit < size * 8; bit++) host[bit >> 3] |= noise[bit >> 3] & (0x80 >> (bit & 7));
        const result = new Uint8Array(size);
        for (let w = 0; w < size / 4; w++)
          new DataView(result.buffer).setInt32(w * 4, view.translate(0, direction, w, word(host, w)));
        for (let bit = 0; bit < size * 8; bit++) {
          t.is(bitAt(result, bit), bit < length ? bitAt(to.bytes, bit) : bitAt(host, bit));
        }
        const find = four
          ? direction === TO_NETWORK
            ? view.findLocal4(word(host))
            : view.findNetwork4(word(host))
          : direction === TO_NETWORK
            ? view.findLocal6(word(host), word(host, 1), word(host, 2), word(host, 3))
            : view.findNetwork6(word(host), word(host, 1), word(host, 2), word(host, 3));
        t.is(find, 0);
      }
    }),
  );
});

test('the index is the position in the list and the longest prefix wins on either side', (t) => {
  const entries = [
    { local: prefix('172.16.0.0/16'), network: prefix('10.1.0.0/16') },
    { local: prefix('172.16.10.15/32'), network: prefix('10.1.7.7/32') },
    { local: prefix('fd00::/64'), network: prefix('fd01::/64') },
  ];
  const view = new NatView(compileNat(entries));
  t.is(view.findLocal4(word(address('172.16.10.15'))), 1);
  t.is(view.findLocal4(word(address('172.16.10.16'))), 0);
  t.is(view.findNetwork4(word(address('10.1.7.7'))), 1);
  t.is(view.findNetwork4(word(address('10.1.10.15'))), 0);
  t.is(view.findNetwork4(word(address('172.16.10.15'))), -1);
  t.is(view.findLocal6(word(address('fd00::')), 0, 0, 9), 2);
  t.is(view.findLocal6(word(address('fd02::')), 0, 0, 9), -1);
  t.true(covers(entries[0].local, address('172.16.10.15')));
});

test('no entries, and sides that do not fit each other', (t) => {
  const view = new NatView(compileNat([]));
  t.is(view.findLocal4(0), -1);
  t.is(view.findNetwork6(0, 0, 0, 0), -1);
  t.throws(() => compileNat([{ local: prefix('10.0.0.0/8'), network: prefix('10.0.0.0/9') }]));
  t.throws(() => compileNat([{ local: prefix('::/8'), network: prefix('10.0.0.0/8') }]));
});
