import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../../../src/core/packet/rows.js';
import {
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_TSO,
  TUN_OFFLOAD_USO,
} from '../../../src/edge/native.js';
import { ACK, buildPacket, FIN, type Headers, PSH, plainHeaders } from './packets.js';
import { ALL, received, WriteRig } from './write-rig.js';

const fourth = (packet: Uint8Array): number => (packet[0] >> 4 === 6 ? packet[23] : packet[15]);

/** A packet's digest. With DF set the identification means nothing (RFC 6864), so it may differ. */
function comparable(packet: Uint8Array): string {
  const copy = Buffer.from(packet);
  if (copy[0] >> 4 === 4 && (copy[6] & 0x40) !== 0) copy.fill(0, 4, 6).fill(0, 10, 12);
  return createHash('sha1').update(copy).digest('hex');
}

type Shape =
  | 'none'
  | 'push'
  | 'short'
  | 'gap'
  | 'sum'
  | 'ttl'
  | 'tos'
  | 'ack'
  | 'id'
  | 'fin'
  | 'empty'
  | 'options'
  | 'fragment'
  | 'window'
  | 'padding';

const shapes: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Shape>('none') },
  {
    weight: 10,
    arbitrary: fc.constantFrom<Shape>(
      'push',
      'short',
      'gap',
      'sum',
      'ttl',
      'tos',
      'ack',
      'id',
      'fin',
      'empty',
      'options',
      'fragment',
      'window',
      'padding',
    ),
  },
);

/** A flow as it would be sent, oddities included; `next` gives its packets one by one. */
class Flow {
  private readonly headers: Headers;
  private readonly size: number;
  private sent = 0;

  constructor(flow: number, v6: boolean, udp: boolean, df: boolean, size: number) {
    this.size = size;
    this.headers = {
      ...plainHeaders,
      flow,
      v6,
      udp,
      df,
      seq: 0xfffff000 + flow,
      options: new Uint8Array(12).fill(1),
    };
  }

  next(shape: Shape): { packet: Uint8Array; wire: Uint8Array } {
    const { headers } = this;
    const length = shape === 'short' ? Math.ceil(this.size / 2) : shape === 'empty' ? 0 : this.size;
    if (shape === 'gap') headers.seq = (headers.seq + 5) >>> 0;
    if (shape === 'ttl') headers.ttl--;
    if (shape === 'tos') headers.tos ^= 3;
    if (shape === 'ack') headers.ack++;
    if (shape === 'window') headers.window++;
    if (shape === 'id') headers.id = (headers.id + 9) & 0xffff;
    if (shape === 'options') headers.options = headers.options.map((byte) => byte ^ 2);
    const flags = shape === 'push' ? ACK | PSH : shape === 'fin' ? ACK | FIN : ACK;
    const payload = new Uint8Array(length).fill(this.sent++);
    const packet = buildPacket({ ...headers, flags }, payload);
    headers.seq = (headers.seq + length) >>> 0;
    headers.id = (headers.id + 1) & 0xffff;
    if (shape === 'sum') packet[packet.length - 1] ^= 1;
    if (shape === 'fragment' && !headers.v6) packet[6] |= 0x20;
    if (shape !== 'padding') return { packet, wire: packet };
    const wire = new Uint8Array(Math.ceil(packet.length / 16) * 16);
    wire.set(packet);
    return { packet, wire };
  }
}

for (const offloads of [
  0,
  ALL,
  ALL & ~TUN_OFFLOAD_USO,
  ALL & ~TUN_OFFLOAD_TSO,
  ALL & ~TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_GRO,
]) {
  test(`coalesced packets come apart as they were, in order within each flow (offloads ${offloads})`, (t) => {
    const rig = new WriteRig();
    let merged = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            v6: fc.boolean(),
            udp: fc.boolean(),
            df: fc.boolean(),
            size: fc.integer({ min: 1, max: 700 }),
          }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        fc.array(fc.tuple(fc.nat(), shapes, fc.integer({ min: 1, max: 8 })), { maxLength: 40, size: 'max' }),
        (kinds, steps) => {
          const flows = kinds.map(({ v6, udp, df, size }, i) => new Flow(i + 1, v6, udp, df, size));
          const wire: Uint8Array[] = [];
          const expected = flows.map((): string[] => []);
          for (const [pick, shape, repeat] of steps) {
            for (let k = 0; k < repeat && wire.length < 120; k++) {
              const made = flows[pick % flows.length].next(shape);
              wire.push(made.wire);
              expected[pick % flows.length].push(comparable(made.packet));
            }
          }
          const { count, written } = rig.write(wire, offloads);
          t.is(count, wire.length);
          const actual = flows.map((): string[] => []);
          for (const one of written) {
            for (const packet of received(one)) actual[fourth(packet) - 1].push(comparable(packet));
          }
          t.deepEqual(actual, expected);
          merged += wire.length - written.length;
        },
      ),
      { numRuns: 150 },
    );
    t.is(merged > 0, (offloads & TUN_OFFLOAD_GRO) !== 0 && (offloads & TUN_OFFLOAD_CSUM) !== 0);
    t.is(rig.stat('tunWriteErrors'), 0);
    t.is(rig.stat('tunDemoted'), 0);
    rig.close();
  });
}

test('interleaved bulk flows become one super-packet each', (t) => {
  const rig = new WriteRig();
  const flows = [false, true].flatMap((v6) => [false, true].map((udp) => ({ v6, udp })));
  const streams = flows.map(({ v6, udp }, i) => new Flow(i + 1, v6, udp, true, 1000));
  const packets = Array.from({ length: 80 }, (_, i) => streams[i % 4].next('none').packet);
  const { written } = rig.write(packets, ALL);
  t.deepEqual(
    written.map(({ gsoType, gsoSize }) => [gsoType, gsoSize]),
    [
      [GSO_TCPV4, 1000],
      [GSO_UDP_L4, 1000],
      [GSO_TCPV6, 1000],
      [GSO_UDP_L4, 1000],
    ],
  );
  rig.close();
});

test('a super-packet never exceeds 65,535 bytes, nor 128 parts', (t) => {
  const rig = new WriteRig();
  const large = new Flow(1, false, false, true, 9000);
  const small = new Flow(2, false, true, true, 3);
  const many = Array.from({ length: 300 }, (_, i) => (i % 20 === 0 ? large : small).next('none').packet);
  const { written } = rig.write(many, ALL);
  t.true(written.every(({ packet }) => packet.length <= 65_535));
  const parts = written.map((one) => received(one).length);
  t.is(Math.max(...parts), 128);
  t.is(
    parts.reduce((sum, n) => sum + n, 0),
    300,
  );
  rig.close();
});

test('what the device refuses as one piece goes out in parts, once and for all', (t) => {
  for (const udp of [false, true]) {
    // A send buffer below the super-packet answers EMSGSIZE, as a kernel that takes no GSO answers EINVAL.
    const rig = new WriteRig(20_000);
    const flow = new Flow(1, false, udp, true, 14_000);
    const packets = Array.from({ length: 3 }, () => flow.next('none').packet);
    const { count, written } = rig.write(packets, ALL);
    t.is(count, 3);
    t.deepEqual(
      written.map((one) => [one.gsoType, comparable(one.packet)]),
      packets.map((packet) => [0, comparable(packet)]),
    );
    t.is(rig.stat('tunDemoted'), udp ? TUN_OFFLOAD_USO : TUN_OFFLOAD_TSO);
    const writes = rig.stat('tunWrites');
    rig.write(packets, ALL);
    t.is(rig.stat('tunWrites'), writes + 3);
    rig.close();
  }
});

test('a device that takes nothing at all demotes no offload', (t) => {
  const rig = new WriteRig(4000);
  const flow = new Flow(1, false, false, true, 20_000);
  const { count } = rig.write([flow.next('none').packet, flow.next('none').packet], ALL);
  t.is(count, 0);
  t.is(rig.stat('tunWriteErrors'), 2);
  t.is(rig.stat('tunDemoted'), 0);
  rig.close();
});

test('any bytes are written as they are, and never crash', (t) => {
  const rig = new WriteRig();
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 120, size: 'max' }),
          fc
            .tuple(
              fc.boolean(),
              fc.boolean(),
              fc.array(fc.tuple(fc.nat({ max: 70 }), fc.nat({ max: 255 })), { maxLength: 3 }),
            )
            .map(([v6, udp, changes]) => {
              const packet = buildPacket({ ...plainHeaders, v6, udp }, new Uint8Array(40));
              for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
              return packet;
            }),
        ),
        { maxLength: 20, size: 'max' },
      ),
      fc.constantFrom(0, ALL),
      (packets, offloads) => rig.write(packets, offloads).count === packets.length,
    ),
    { numRuns: 500 },
  );
  rig.close();
  t.pass();
});
