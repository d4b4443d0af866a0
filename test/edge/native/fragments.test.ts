/** Cutting IPv4 packets into fragments, against RFC 791 taken by the letter: packets, segments, and fragments again. */
import test from 'ava';
import fc from 'fast-check';
import {
  FLAG_FRAGMENT_SHIFT,
  FLAG_NEEDS_CSUM,
  ROW_CSUM_OFFSET,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_PATH,
  ROW_SESSION,
  ROW_VERDICT,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { native, UDP_OFFLOAD_GSO } from '../../../src/edge/native.js';
import { ip, slowChecksum, udp } from '../../support/packets.js';
import { get16, gsoOf, plainHeaders, put16, slowSegments, withPartialChecksum } from './packets.js';
import { openMessage, padded, Rig } from './rig.js';

const NOP = 1;
const RECORD_ROUTE = [7, 7, 4, 0, 0, 0, 0];
const SECURITY = [130, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const SEAL = { [ROW_VERDICT]: VERDICT_SEAL, [ROW_SESSION]: 0, [ROW_PATH]: 0 };

/** The header of a later fragment has those options alone whose first bit is set. */
function laterHeader(header: Uint8Array): Uint8Array {
  const later = header.slice();
  for (let at = 20; at < later.length && later[at] !== 0; ) {
    const size = later[at] === NOP ? 1 : later[at + 1];
    if (at + size > later.length) break;
    if (later[at] < 128) later.fill(NOP, at, at + size);
    at += size;
  }
  return later;
}

function slowFragments(packet: Uint8Array, limit: number): Uint8Array[] {
  if (limit === 0 || packet.length <= limit) return [packet];
  const header = packet.slice(0, (packet[0] & 15) * 4);
  const size = Math.floor((limit - header.length) / 8) * 8;
  const fragments: Uint8Array[] = [];
  for (let at = 0; at < packet.length - header.length; at += size) {
    const payload = packet.slice(header.length + at, header.length + at + size);
    const isLast = header.length + at + size >= packet.length;
    const fragment = new Uint8Array([...(at === 0 ? header : laterHeader(header)), ...payload]);
    put16(fragment, 2, fragment.length);
    put16(fragment, 6, (get16(packet, 6) + at / 8) | (isLast ? 0 : 0x2000));
    put16(fragment, 10, 0);
    put16(fragment, 10, slowChecksum(fragment.subarray(0, header.length)));
    fragments.push(fragment);
  }
  return fragments;
}

const packetArbitrary = fc
  .record({
    bytes: fc.integer({ min: 8, max: 4_000 }),
    options: fc.constantFrom(
      [],
      RECORD_ROUTE,
      SECURITY,
      [NOP, ...SECURITY, ...RECORD_ROUTE, 0],
      [7, 99, 1, 2],
    ),
    fragmentOffset: fc.oneof(fc.constant(0), fc.nat({ max: 4_000 })),
    moreFragments: fc.boolean(),
  })
  .map(({ bytes, ...fields }) =>
    ip({
      source: '10.0.0.1',
      destination: '10.1.0.1',
      protocol: 17,
      payload: udp(
        5,
        6,
        Uint8Array.from({ length: bytes - 8 }, (_, i) => i * 7),
      ),
      ...fields,
    }),
  );

test('a packet that is larger than its limit leaves in fragments', (t) => {
  const rig = new Rig();
  const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
  const key = rig.key(0);
  let most = 0;
  fc.assert(
    fc.property(
      packetArbitrary,
      fc.oneof(fc.constant(0), fc.integer({ min: 68, max: 1_500 })),
      (packet, limit) => {
        rig.row(0, packet, { ...SEAL, [ROW_FLAGS]: limit << FLAG_FRAGMENT_SHIFT });
        const expected = slowFragments(packet, limit);
        most = Math.max(most, expected.length);
        t.is(native().sealSend(rig.context, 0, 1), expected.length);
        const opened = rig.receive(fd, 0, expected.length).map((message) => openMessage(message, key).plain);
        for (const [k, fragment] of expected.entries()) {
          t.deepEqual(
            Buffer.from(opened[k]),
            Buffer.from(padded(fragment)),
            `fragment ${k} of ${expected.length}`,
          );
        }
      },
    ),
    { numRuns: 400 },
  );
  t.true(most > 20);
  rig.close();
});

test('so do the segments of a super-packet, each whole in its checksum', (t) => {
  const rig = new Rig();
  const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
  const key = rig.key(0);
  const headers = { ...plainHeaders, udp: true, df: false };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9_000 }),
      fc.integer({ min: 50, max: 3_000 }),
      fc.integer({ min: 100, max: 1_500 }),
      (bytes, size, limit) => {
        const payload = udp(
          4001,
          443,
          Uint8Array.from({ length: bytes }, (_, i) => i * 5),
        );
        const packet = ip({ source: '10.0.0.1', destination: '10.1.0.1', protocol: 17, payload });
        const gso = gsoOf(headers, size);
        rig.row(0, withPartialChecksum(packet), {
          ...SEAL,
          [ROW_GSO_TYPE]: gso.type,
          [ROW_GSO_SIZE]: gso.size,
          [ROW_FLAGS]: FLAG_NEEDS_CSUM | (limit << FLAG_FRAGMENT_SHIFT),
          [ROW_CSUM_START]: gso.csumStart,
          [ROW_CSUM_OFFSET]: gso.csumOffset,
        });
        const expected = slowSegments(packet, size).flatMap((segment) => slowFragments(segment, limit));
        const before = rig.sendCounter[0];
        t.is(native().sealSend(rig.context, 0, 1), expected.length);
        t.is(rig.sendCounter[0] - before, BigInt(expected.length), 'one counter each');
        const opened = rig.receive(fd, 0, expected.length).map((message) => openMessage(message, key).plain);
        for (const [k, fragment] of expected.entries()) {
          t.deepEqual(Buffer.from(opened[k]), Buffer.from(padded(fragment)), `${k} of ${expected.length}`);
        }
      },
    ),
    { numRuns: 300 },
  );
  rig.close();
});

test('IPv6, a limit without room for payload, and bytes that are no packet leave as they are', (t) => {
  const rig = new Rig();
  const { fd } = rig.socket(0, 0);
  const key = rig.key(0);
  const v4 = ip({
    source: '10.0.0.1',
    destination: '10.1.0.1',
    protocol: 17,
    payload: udp(5, 6, new Uint8Array(500)),
  });
  const v6 = ip({
    source: 'fd00::1',
    destination: 'fd00::2',
    protocol: 17,
    payload: udp(5, 6, new Uint8Array(500)),
  });
  for (const [packet, limit] of [
    [v6, 100],
    [v4, 27],
    [v4.slice(0, 19), 8],
    [Uint8Array.of(0x4f, 1, 2), 2],
    [new Uint8Array(300).fill(0x4f, 0, 1), 100],
    [new Uint8Array(300).fill(0x41, 0, 1), 100],
  ] as const) {
    rig.row(0, packet, { ...SEAL, [ROW_FLAGS]: limit << FLAG_FRAGMENT_SHIFT });
    const sent = native().sealSend(rig.context, 0, 1);
    const opened = rig.receive(fd, 0, sent).map((message) => openMessage(message, key).plain);
    if (packet[0] === 0x4f && packet.length === 300) t.is(sent, 6, 'forty bytes of options are a header too');
    else
      t.deepEqual(
        opened.map((plain) => Buffer.from(plain)),
        [Buffer.from(padded(packet))],
      );
  }
  rig.close();
});
