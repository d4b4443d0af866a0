import test from 'ava';
import fc from 'fast-check';
import { Parsed } from '../../../src/core/packet/parsed.js';
import {
  BFD_BYTES,
  BFD_REFUSAL,
  BFD_REFUSALS,
  BFD_UP,
  BfdPacket,
  type BfdRefusalName,
  type BfdState,
} from '../../../src/core/path/bfd-packet.js';
import {
  BFD_CONTROL_PORT,
  BFD_ECHO_PORT,
  bfdSourcePort,
  checkDatagram,
  Envelope,
  isBfd,
  payloadLength,
} from '../../../src/core/path/datagram.js';
import { fromHex } from '../../support/hex.js';
import { address, slowChecksum, upperChecksum } from '../../support/packets.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const fields = fc.record({
  state: fc.constantFrom<BfdState>(0, 1, 2, 3),
  diagnostic: fc.integer({ min: 0, max: 31 }),
  poll: fc.boolean(),
  final: fc.boolean(),
  controlPlaneIndependent: fc.boolean(),
  demand: fc.boolean(),
  multiplier: fc.integer({ min: 1, max: 255 }),
  myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
  yourDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
  desiredMinTxUs: u32,
  requiredMinRxUs: u32,
  requiredMinEchoRxUs: u32,
});

test('a packet as the RFC draws it', (t) => {
  const packet = Object.assign(new BfdPacket(), {
    state: BFD_UP,
    diagnostic: 7,
    poll: true,
    demand: true,
    multiplier: 4,
    myDiscriminator: 0x01020304,
    yourDiscriminator: 0xf1f2f3f4,
    desiredMinTxUs: 75_000,
    requiredMinRxUs: 1_000_000,
    requiredMinEchoRxUs: 50_000,
  });
  const bytes = new Uint8Array(BFD_BYTES);
  packet.encode(bytes, 0);
  t.deepEqual(bytes, fromHex('27e20418 01020304 f1f2f3f4 000124f8 000f4240 0000c350'.replaceAll(' ', '')));
});

test('what is encoded is parsed, anywhere in a buffer', (t) => {
  fc.assert(
    fc.property(fields, fc.integer({ min: 0, max: 9 }), (wanted, at) => {
      const bytes = new Uint8Array(at + BFD_BYTES + 3).fill(0xaa);
      Object.assign(new BfdPacket(), wanted).encode(bytes, at);
      const parsed = new BfdPacket();
      t.is(parsed.parse(bytes, at, BFD_BYTES + 3), 0);
      t.deepEqual({ ...parsed }, wanted);
      t.true(bytes.every((byte, i) => (i >= at && i < at + BFD_BYTES) || byte === 0xaa));
    }),
  );
});

const GOOD = '20c00418 00000001 00000002 000124f8 000124f8 00000000'.replaceAll(' ', '');

test('each check of 6.8.6 refuses by its own name', (t) => {
  const cases: [BfdRefusalName, string][] = [
    ['none', GOOD],
    ['short', GOOD.slice(0, 46)],
    ['version', `0${GOOD.slice(1)}`],
    ['version', `4${GOOD.slice(1)}`],
    ['length', GOOD.replace('20c00418', '20c00417')],
    ['length', GOOD.replace('20c00418', '20c00419')],
    ['length', `${GOOD.replace('20c00418', '20c40419')}00`],
    ['multiplier', GOOD.replace('20c00418', '20c00018')],
    ['multipoint', GOOD.replace('20c00418', '20c10418')],
    ['my-discriminator', GOOD.replace('00000001', '00000000')],
    ['your-discriminator', GOOD.replace('00000002', '00000000')],
    ['your-discriminator', GOOD.replace('00000002', '00000000').replace('20c0', '2080')],
    ['none', GOOD.replace('00000002', '00000000').replace('20c0', '2040')],
    ['none', GOOD.replace('00000002', '00000000').replace('20c0', '2000')],
    ['authentication', `${GOOD.replace('20c00418', '20c4041a')}0102`],
    // A length above ours, with room for it, is somebody's extension.
    ['none', `${GOOD.replace('20c00418', '20c0041a')}0102`],
  ];
  for (const [name, hex] of cases) {
    const bytes = fromHex(hex);
    t.is(BFD_REFUSALS[new BfdPacket().parse(bytes, 0, bytes.length)], name, hex);
  }
});

test('any bytes are parsed or refused, never thrown at', (t) => {
  const counts = new Uint32Array(BFD_REFUSALS.length);
  const packet = new BfdPacket();
  let given = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), fc.boolean(), (bytes, plausible) => {
      if (plausible && bytes.length >= 4) {
        bytes[0] = 0x20 | (bytes[0] & 0x1f);
        bytes[3] = 24 + (bytes[3] & 3);
      }
      const refusal = packet.parse(bytes, 0, bytes.length);
      t.true(refusal >= 0 && refusal < BFD_REFUSALS.length);
      counts[refusal]++;
      given++;
    }),
    { numRuns: 3_000 },
  );
  t.is(
    counts.reduce((sum, count) => sum + count),
    given,
  );
  t.true(
    counts[0] > 50 && counts[BFD_REFUSAL.short] > 50 && counts[BFD_REFUSAL.multipoint] > 50,
    `${counts}`,
  );
});

const ENDS: [string, string][] = [
  ['10.9.0.1', '10.9.0.2'],
  ['fd01:2:3::1', 'fd01:2:3::ffff'],
];

test('datagrams are whole IP packets whose checksums stand a plain computation', (t) => {
  for (const [from, to] of ENDS) {
    const [source, destination] = [address(from), address(to)];
    const envelope = new Envelope(source, destination, bfdSourcePort(70_000), BFD_CONTROL_PORT);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 60 }),
        fc.integer({ min: 0, max: 5 }),
        (payload, at) => {
          const bytes = new Uint8Array(at + envelope.headerBytes + payload.length);
          bytes.set(payload, at + envelope.headerBytes);
          const length = envelope.close(bytes, at, payload.length);
          const packet = bytes.subarray(at, at + length);
          const ipBytes = envelope.headerBytes - 8;
          if (source.length === 4) t.is(slowChecksum(packet.subarray(0, 20)), 0);
          const udp = packet.subarray(ipBytes);
          t.is((udp[6] << 8) | udp[7], upperChecksum(source, destination, 17, udp));
          const parsed = new Parsed();
          t.is(parsed.parse(bytes, at, length), 0);
          t.is(parsed.ttl, 255);
          t.true(parsed.sourcePort >= 49_152);
          t.true(isBfd(parsed));
          t.is(checkDatagram(bytes, parsed, BFD_CONTROL_PORT), 0);
          t.is(payloadLength(bytes, parsed), payload.length);
          t.deepEqual(bytes.slice(parsed.l4Offset + 8, at + length), payload);
        },
      ),
    );
  }
});

test('a datagram that was forwarded, spoilt or meant for another is refused', (t) => {
  for (const [from, to] of ENDS) {
    const v4 = from.includes('.');
    const envelope = new Envelope(address(from), address(to), 50_000, BFD_CONTROL_PORT);
    const at = envelope.headerBytes;
    const make = (spoil: (bytes: Uint8Array) => void): [Uint8Array, Parsed] => {
      const bytes = new Uint8Array(at + BFD_BYTES).fill(7, at);
      envelope.close(bytes, 0, BFD_BYTES);
      spoil(bytes);
      if (v4) {
        bytes.set([0, 0], 10);
        const checksum = slowChecksum(bytes.subarray(0, 20));
        bytes.set([checksum >> 8, checksum & 255], 10);
      }
      const parsed = new Parsed();
      t.is(parsed.parse(bytes, 0, bytes.length), 0);
      return [bytes, parsed];
    };
    const refusal = (spoil: (bytes: Uint8Array) => void, port = BFD_CONTROL_PORT): string =>
      BFD_REFUSALS[checkDatagram(...make(spoil), port)];
    t.is(
      refusal(() => {}),
      'none',
    );
    t.is(
      refusal((bytes) => bytes.fill(254, v4 ? 8 : 7, v4 ? 9 : 8)),
      'ttl',
    );
    t.is(
      refusal((bytes) => bytes.fill(8, at, at + 1)),
      'checksum',
    );
    t.is(
      refusal((bytes) => bytes.fill(0, at - 2, at)),
      v4 ? 'none' : 'checksum',
    );
    t.is(
      refusal(() => {}, BFD_ECHO_PORT),
      'port',
    );
    t.is(
      refusal((bytes) => bytes.fill(6 + 11 * 12, v4 ? 9 : 6, v4 ? 10 : 7)),
      'not-udp',
    );
  }
});
