import test from 'ava';
import fc from 'fast-check';
import {
  adjustPartial,
  adjustTransport,
  applyDifference,
  difference16,
  difference32,
  finish,
  fold,
  isPartialChecksum,
  pseudoHeaderSum,
  sum,
  update16,
  update32,
} from '../../../src/core/packet/checksum.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { FLAG_NEEDS_CSUM } from '../../../src/core/packet/rows.js';
import {
  checksumsRight,
  icmp,
  ip,
  partialSum,
  slowChecksum,
  slowSum,
  tcp,
  udp,
  word,
} from '../../support/packets.js';

test('RFC 1071 section 3: the worked example', (t) => {
  const bytes = Uint8Array.from([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
  t.is(sum(bytes, 0, 8, 0), 0xddf2);
  t.is(finish(sum(bytes, 0, 8, 0)), 0x220d);
});

test('RFC 1624 section 4: the case that RFC 1141 gets wrong', (t) => {
  t.is(update16(0xdd2f, 0x5555, 0x3285), 0x0000);
  t.is(applyDifference(0xdd2f, difference16(0x5555, 0x3285)), 0x0000);
});

test('sum equals the slow sum at any offset, length and initial value', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(9),
      fc.nat(9),
      fc.nat(0xffff),
      (bytes, skip, cut, initial) => {
        const offset = Math.min(skip, bytes.length);
        const length = Math.max(0, bytes.length - offset - cut);
        const part = bytes.subarray(offset, offset + length);
        const slow = slowSum(Uint8Array.from([initial >> 8, initial & 255, ...part]));
        t.is(sum(bytes, offset, length, initial), slow);
      },
    ),
  );
});

test('sum of the longest packets does not overflow', (t) => {
  for (const length of [65_530, 65_531, 65_532, 65_533, 65_535, 65_536]) {
    const bytes = new Uint8Array(length).fill(0xff);
    t.is(sum(bytes, 0, length, 0xffff), slowSum(bytes), String(length));
  }
});

test('fold takes signed and unsigned sums alike', (t) => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), (value) => {
      let slow = value;
      while (slow > 0xffff) slow = (slow % 0x10000) + Math.floor(slow / 0x10000);
      t.is(fold(value), slow);
      t.is(fold(value | 0), slow);
    }),
  );
});

test('incremental updates equal a full computation', (t) => {
  const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(bytes16, fc.nat(3), fc.integer(), (bytes, index, next) => {
      const packet = Uint8Array.from([1, 2, ...bytes.slice(2)]);
      const before = word(packet, index);
      const view = new DataView(packet.buffer);
      const checksum = slowChecksum(packet);
      view.setInt32(index * 4, next);
      if (slowSum(packet) === 0) return;
      t.is(update32(checksum, before, next), slowChecksum(packet));
      t.is(update32(checksum, before >>> 0, next >>> 0), slowChecksum(packet));
      view.setInt32(index * 4, before);
      const half = view.getUint16(index * 4);
      view.setUint16(index * 4, next & 0xffff);
      if (slowSum(packet) !== 0) t.is(update16(checksum, half, next & 0xffff), slowChecksum(packet));
    }),
  );
});

test('a UDP checksum of 0 stays 0, and none ever becomes 0', (t) => {
  const parsed = new Parsed();
  const none = ip({
    source: '10.0.0.1',
    destination: '10.0.0.2',
    protocol: 17,
    payload: udp(1, 2, new Uint8Array(4)),
    keepChecksum: true,
  });
  t.is(parsed.parse(none, 0, none.length), 0);
  adjustTransport(parsed, 0x1234, false);
  t.deepEqual([none[26], none[27]], [0, 0]);

  const packet = ip({
    source: '10.0.0.1',
    destination: '10.0.0.2',
    protocol: 17,
    payload: udp(1, 2, new Uint8Array(4)),
  });
  t.is(parsed.parse(packet, 0, packet.length), 0);
  const carried = (packet[26] << 8) | packet[27];
  adjustTransport(parsed, carried, false); // the difference that brings the checksum to zero
  t.deepEqual([packet[26], packet[27]], [0xff, 0xff]);
});

test('the partial field follows an address change as the pseudo-header sum does', (t) => {
  const a4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(
      a4,
      a4,
      a4,
      fc.constantFrom(6, 17),
      fc.nat(1400),
      (source, destination, next, protocol, length) => {
        const before = partialSum(source, destination, protocol, length);
        const after = adjustPartial(before, difference32(word(source), word(next)));
        const slow = partialSum(next, destination, protocol, length);
        t.is(after % 0xffff, slow % 0xffff); // 0 and 0xffff are one number
      },
    ),
  );
});

test('pseudoHeaderSum equals the slow one in both families', (t) => {
  const parsed = new Parsed();
  for (const [source, destination] of [
    ['10.1.2.3', '203.0.113.255'],
    ['fd00::1', '2001:db8:ffff::ffff'],
  ]) {
    const packet = ip({ source, destination, protocol: 6, payload: tcp(1, 2, 2, [], new Uint8Array(7)) });
    t.is(parsed.parse(packet, 0, packet.length), 0);
    const from = source.includes(':') ? packet.slice(8, 24) : packet.slice(12, 16);
    const to = source.includes(':') ? packet.slice(24, 40) : packet.slice(16, 20);
    t.is(pseudoHeaderSum(parsed, 27), partialSum(from, to, 6, 27));
  }
});

test('a checksum is partial only where the kernel left the outer header to us', (t) => {
  const packet = ip({
    source: '10.1.2.3',
    destination: '10.1.2.4',
    protocol: 17,
    payload: udp(1, 4789, new Uint8Array(80)),
  });
  const parsed = new Parsed();
  t.is(parsed.parse(packet, 0, packet.length), 0);
  t.true(isPartialChecksum(FLAG_NEEDS_CSUM, 20, parsed));
  t.false(isPartialChecksum(FLAG_NEEDS_CSUM, 70, parsed));
  t.false(isPartialChecksum(0, 20, parsed));
});

test('the builders of the tests make right packets', (t) => {
  const data = Uint8Array.from([1, 2, 3]);
  for (const [source, destination, ping] of [
    ['10.1.2.3', '10.1.2.4', 1],
    ['fd00::3', 'fd00::4', 58],
  ] as const) {
    t.true(checksumsRight(ip({ source, destination, protocol: 17, payload: udp(1, 2, data) })));
    t.true(
      checksumsRight(ip({ source, destination, protocol: 6, payload: tcp(1, 2, 2, [2, 4, 5, 180], data) })),
    );
    t.true(checksumsRight(ip({ source, destination, protocol: ping, payload: icmp(8, 0, data) })));
    const wrong = ip({ source, destination, protocol: 17, payload: udp(1, 2, data) });
    wrong[wrong.length - 1] ^= 1;
    t.false(checksumsRight(wrong));
  }
});
