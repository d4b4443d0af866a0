import test from 'ava';
import fc from 'fast-check';
import { encodeAnnouncement, encodeProbe, parseNeighbour } from '../../../src/core/packet/neighbour.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xa1);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('an ARP announcement, byte by byte', (t) => {
  const frame = encodeAnnouncement(MAC, Uint8Array.of(172, 16, 10, 215));
  const arp = '0001080006040001' + '0200000000a1' + 'ac100ad7' + '000000000000' + 'ac100ad7';
  t.is(hex(frame), `ffffffffffff0200000000a10806${arp}`);
});

test('an ARP probe goes to all, or to the host that is known', (t) => {
  const source = Uint8Array.of(10, 0, 0, 1);
  const target = Uint8Array.of(10, 0, 0, 2);
  t.true(hex(encodeProbe(MAC, source, target)).startsWith('ffffffffffff'));
  t.true(
    hex(encodeProbe(MAC, source, target, Uint8Array.of(2, 0, 0, 0, 0, 0xb2))).startsWith('0200000000b2'),
  );
});

test('a neighbour advertisement, byte by byte', (t) => {
  const address = Uint8Array.from(Buffer.from('fd000000000000000000000000000215', 'hex'));
  const frame = hex(encodeAnnouncement(MAC, address));
  t.true(frame.startsWith(`3333000000010200000000a186dd6000000000203aff${hex(address)}`));
  t.is(frame.slice(108, 112), '8800');
  t.is(frame.slice(116), `a0000000${hex(address)}02010200000000a1`);
  const parsed = parseNeighbour(encodeAnnouncement(MAC, address));
  t.deepEqual(parsed, { address, mac: MAC, answer: false }, 'and its checksum is right');
});

test('a solicitation for an address of which nothing is told has no option', (t) => {
  const address = Uint8Array.from(Buffer.from('fd000000000000000000000000000215', 'hex'));
  const frame = encodeProbe(MAC, new Uint8Array(16), address);
  t.is(frame.length, 14 + 40 + 24);
  t.is(hex(frame.subarray(0, 6)), '3333ff000215');
  t.is(hex(frame.subarray(38, 54)), 'ff0200000000000000000001ff000215');
});

test('announcements say who has what, questions are no advertisement, and no byte breaks the parser', (t) => {
  const addresses = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const macs = fc.uint8Array({ minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(addresses, macs, fc.uint8Array({ maxLength: 90 }), fc.nat(89), (address, mac, noise, cut) => {
      const frame = encodeAnnouncement(mac, address);
      t.deepEqual(parseNeighbour(frame), { address, mac, answer: false });
      const wrong = frame.slice();
      for (const [at, byte] of noise.entries()) if (at < wrong.length) wrong[at] ^= byte;
      parseNeighbour(wrong);
      parseNeighbour(noise);
      if (cut < frame.length) t.is(parseNeighbour(frame.subarray(0, cut)), undefined);
      if (address.length === 16) t.is(parseNeighbour(encodeProbe(mac, address, address)), undefined);
    }),
  );
});
