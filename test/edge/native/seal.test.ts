import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  FLAG_NEEDS_CSUM,
  GSO_TCPV4,
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
import { native, UDP_OFFLOAD_GRO, UDP_OFFLOAD_GSO } from '../../../src/edge/native.js';
import {
  ACK,
  buildPacket,
  CWR,
  FIN,
  type Gso,
  get16,
  gsoOf,
  type Headers,
  layer4Start,
  PSH,
  plainHeaders,
  put16,
  slowSegments,
  withPartialChecksum,
} from './packets.js';
import { openMessage, padded, Rig } from './rig.js';

const REJECT_AFTER_MESSAGES = 2n ** 64n - 2n ** 13n - 1n;

function sealFields(session: number, path: number): Record<number, number> {
  return { [ROW_VERDICT]: VERDICT_SEAL, [ROW_SESSION]: session, [ROW_PATH]: path };
}

function gsoFields(gso: Gso): Record<number, number> {
  return {
    [ROW_GSO_TYPE]: gso.type,
    [ROW_GSO_SIZE]: gso.size,
    [ROW_FLAGS]: FLAG_NEEDS_CSUM,
    [ROW_CSUM_START]: gso.csumStart,
    [ROW_CSUM_OFFSET]: gso.csumOffset,
  };
}

function withRig(body: (t: ExecutionContext, rig: Rig) => void): (t: ExecutionContext) => void {
  return (t) => {
    const rig = new Rig();
    try {
      body(t, rig);
    } finally {
      rig.close();
    }
  };
}

/** Seals row 0..count−1 and answers the messages as they arrive, with what node:crypto makes of them. */
function sealAndReceive(rig: Rig, fd: number, key: Uint8Array, rows: number, expected: number) {
  const sent = native().sealSend(rig.context, 0, rows);
  const messages = rig.receive(fd, 0, expected);
  return { sent, opened: messages.map((message) => openMessage(message, key)), messages };
}

const headersArbitrary: fc.Arbitrary<Headers> = fc.record({
  v6: fc.boolean(),
  udp: fc.boolean(),
  flow: fc.integer({ min: 1, max: 250 }),
  seq: fc.nat({ max: 0xffffffff }),
  ack: fc.nat({ max: 0xffffffff }),
  flags: fc.constantFrom(ACK, ACK | PSH, ACK | FIN, ACK | PSH | FIN | CWR, ACK | CWR),
  window: fc.nat({ max: 0xffff }),
  options: fc.nat({ max: 10 }).map((words) => new Uint8Array(words * 4).fill(1)),
  tos: fc.nat({ max: 255 }),
  ttl: fc.integer({ min: 1, max: 255 }),
  id: fc.nat({ max: 0xffff }),
  df: fc.boolean(),
});

for (const offloads of [0, UDP_OFFLOAD_GSO, UDP_OFFLOAD_GRO, UDP_OFFLOAD_GSO | UDP_OFFLOAD_GRO]) {
  test(
    `super-packets are segmented and sealed as the slow twin does (UDP offloads ${offloads})`,
    withRig((t, rig) => {
      const { fd } = rig.socket(0, offloads);
      const key = rig.key(3);
      let counter = 0n;
      fc.assert(
        fc.property(
          headersArbitrary,
          fc.uint8Array({ minLength: 1, maxLength: 64 }),
          fc.integer({ min: 1, max: 50_000 }),
          fc.integer({ min: 1, max: 9000 }),
          (headers, pattern, length, wantedSize) => {
            const size = Math.max(wantedSize, Math.ceil(length / 150));
            const payload = new Uint8Array(length).map((_, i) => pattern[i % pattern.length] ^ (i >> 8));
            const packet = buildPacket(headers, payload);
            const wanted = slowSegments(packet, size);
            rig.row(0, withPartialChecksum(packet), {
              ...sealFields(3, 0),
              ...gsoFields(gsoOf(headers, size)),
            });
            const { sent, opened } = sealAndReceive(rig, fd, key, 1, wanted.length);
            t.is(sent, wanted.length);
            t.is(opened.length, wanted.length);
            for (const [k, message] of opened.entries()) {
              t.is(message.counter, counter + BigInt(k));
              t.is(message.index, rig.remoteIndex[3]);
              t.deepEqual(Buffer.from(message.plain), Buffer.from(padded(wanted[k])));
            }
            counter += BigInt(wanted.length);
          },
        ),
        { numRuns: 30 },
      );
      t.is(rig.stat('segmentErrors'), 0);
      t.is(rig.stat('udpSentDatagrams'), Number(counter));
      t.is(rig.stat('sealed'), Number(counter));
      t.is(rig.stat('udpDemoted'), 0);
    }),
  );
}

test(
  'packets that share a slot with others are left as they were, but for their own checksum',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, 0);
    const key = rig.key(0);
    const packet = buildPacket(plainHeaders, new Uint8Array(33).fill(9));
    const behind = new Uint8Array(64).fill(0xee);
    rig.arena.set(behind, rig.slot(0) + packet.length);
    rig.row(0, packet, sealFields(0, 0));
    const { opened } = sealAndReceive(rig, fd, key, 1, 1);
    t.deepEqual(Buffer.from(opened[0].plain), Buffer.from(padded(packet)));
    const after = rig.slot(0) + packet.length;
    t.deepEqual(rig.arena.slice(after, after + 64), behind);
  }),
);

test(
  'a checksum that the kernel left to us is finished, and never sent as zero over UDP',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, 0);
    const key = rig.key(0);
    for (const v6 of [false, true]) {
      const headers = { ...plainHeaders, v6, udp: true };
      // The first two payload bytes are chosen so that everything adds up to 0xffff.
      const payload = new Uint8Array(20).fill(3);
      put16(payload, 0, 0);
      const first = buildPacket(headers, payload);
      put16(payload, 0, get16(first, layer4Start(first) + 6));
      const packet = buildPacket(headers, payload);
      t.is(get16(packet, layer4Start(packet) + 6), 0xffff);
      const gso = gsoOf(headers, 0);
      const fields = { ...sealFields(0, 0), ...gsoFields({ ...gso, type: 0 }) };
      rig.row(0, withPartialChecksum(packet), fields);
      const { opened } = sealAndReceive(rig, fd, key, 1, 1);
      t.deepEqual(Buffer.from(opened[0].plain), Buffer.from(padded(packet)));
    }
  }),
);

test(
  'a row of length 0 is a keepalive: 32 bytes',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
    const key = rig.key(0);
    rig.row(0, new Uint8Array(0), sealFields(0, 0));
    const { messages, opened } = sealAndReceive(rig, fd, key, 1, 1);
    t.is(messages[0].length, 32);
    t.is(opened[0].plain.length, 0);
  }),
);

test(
  'counters end at REJECT_AFTER_MESSAGES, and no row takes part of them',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, 0);
    const key = rig.key(0);
    const packet = buildPacket(plainHeaders, new Uint8Array(300));
    const three = {
      ...sealFields(0, 0),
      ...gsoFields({ type: GSO_TCPV4, size: 100, csumStart: 20, csumOffset: 16 }),
    };
    rig.sendCounter[0] = REJECT_AFTER_MESSAGES - 2n;
    rig.row(0, withPartialChecksum(packet), three);
    rig.row(1, packet, sealFields(0, 0));
    rig.row(2, packet, sealFields(0, 0));
    rig.row(3, packet, sealFields(0, 0));
    const { sent, opened } = sealAndReceive(rig, fd, key, 4, 2);
    t.is(sent, 2);
    t.deepEqual(
      opened.map((message) => message.counter),
      [REJECT_AFTER_MESSAGES - 2n, REJECT_AFTER_MESSAGES - 1n],
    );
    t.is(rig.stat('counterLimit'), 3 + 1);
    t.is(rig.sendCounter[0], REJECT_AFTER_MESSAGES);
  }),
);

test(
  'rows to several sessions and paths keep their order, each to its own destination',
  withRig((t, rig) => {
    const fds = [rig.socket(0, UDP_OFFLOAD_GSO).fd, rig.socket(1, 0).fd];
    const keys = [rig.key(0), rig.key(1)];
    const count = 90;
    for (let i = 0; i < count; i++) {
      const to = (i % 5) % 2;
      rig.row(
        i,
        buildPacket({ ...plainHeaders, seq: i }, new Uint8Array(10 + (i % 7))),
        sealFields(to, to),
        rig.slot(0) + i * 200,
      );
    }
    t.is(native().sealSend(rig.context, 0, count), count);
    for (const to of [0, 1]) {
      const expected = Array.from({ length: count }, (_, i) => i).filter((i) => (i % 5) % 2 === to);
      const opened = rig
        .receive(fds[to], to, expected.length)
        .map((message) => openMessage(message, keys[to]));
      t.deepEqual(
        opened.map(({ plain }) => new DataView(plain.buffer, plain.byteOffset).getUint32(24)),
        expected,
      );
    }
  }),
);

test(
  'a row without key, path or socket is counted, and the rest goes on',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, 0);
    const key = rig.key(0);
    const packet = buildPacket(plainHeaders, new Uint8Array(100));
    rig.row(0, packet, sealFields(5, 0));
    rig.row(1, packet, sealFields(0, 7));
    rig.row(2, packet, sealFields(0, 0));
    const { sent } = sealAndReceive(rig, fd, key, 3, 1);
    t.is(sent, 1);
    t.is(rig.stat('keyMissing'), 1);
    t.is(rig.stat('udpSendErrors'), 1);
    t.is(rig.sendCounter[0], 1n);
    native().keyRemove(rig.context, 0);
    rig.row(0, packet, sealFields(0, 0));
    t.is(native().sealSend(rig.context, 0, 1), 0);
    t.is(rig.stat('keyMissing'), 2);
  }),
);

test(
  'a super-packet has at most 2,048 segments',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
    const key = rig.key(0);
    for (const [length, sent] of [
      [2048 * 3, 2048],
      [2048 * 3 + 1, 0],
    ]) {
      const packet = buildPacket(plainHeaders, new Uint8Array(length));
      rig.row(0, withPartialChecksum(packet), { ...sealFields(0, 0), ...gsoFields(gsoOf(plainHeaders, 3)) });
      t.is(sealAndReceive(rig, fd, key, 1, sent).sent, sent);
    }
    t.is(rig.stat('segmentErrors'), 1);
  }),
);

test(
  'any GSO fields on any bytes are a message or a counted refusal',
  withRig((t, rig) => {
    const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
    rig.key(0);
    const small = fc.oneof(fc.nat({ max: 70 }), fc.integer());
    const overrides = fc.record(
      {
        [ROW_GSO_TYPE]: fc.oneof(fc.constantFrom(0, 1, 3, 4, 5, 0x81), fc.integer()),
        [ROW_GSO_SIZE]: fc.oneof(fc.integer({ min: 1, max: 70_000 }), fc.integer()),
        [ROW_FLAGS]: fc.nat({ max: 3 }),
        [ROW_CSUM_START]: small,
        [ROW_CSUM_OFFSET]: small,
      },
      { requiredKeys: [] },
    );
    const mutations = fc.array(fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 })), { maxLength: 2 });
    fc.assert(
      fc.property(
        headersArbitrary,
        fc.integer({ min: 1, max: 3000 }),
        fc.oneof(fc.constant({}), overrides),
        fc.oneof(fc.constant([]), mutations),
        fc.oneof(fc.constant(0), fc.nat({ max: 100 })),
        (headers, length, changed, changes, cut) => {
          let packet = withPartialChecksum(buildPacket(headers, new Uint8Array(length)));
          for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
          packet = packet.subarray(0, Math.max(1, packet.length - cut));
          const before = rig.stat('sealed') + rig.stat('segmentErrors');
          rig.row(0, packet, { ...sealFields(0, 0), ...gsoFields(gsoOf(headers, 500)), ...changed });
          const sent = native().sealSend(rig.context, 0, 1);
          if (sent > 0) rig.receive(fd, 0, sent);
          return sent >= 0 && rig.stat('sealed') + rig.stat('segmentErrors') > before;
        },
      ),
      { numRuns: 1000 },
    );
    t.log(`${rig.stat('segmentErrors')} refused, ${rig.stat('sealed')} sealed`);
    t.true(rig.stat('segmentErrors') > 100);
    t.true(rig.stat('sealed') > 100);
  }),
);
