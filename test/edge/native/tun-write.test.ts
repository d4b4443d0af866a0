import test from 'ava';
import {
  FLAG_NEEDS_CSUM,
  ROW_CSUM_OFFSET,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_VERDICT,
  VERDICT_DROP,
  VERDICT_LAN,
} from '../../../src/core/packet/rows.js';
import { native, TUN_OFFLOAD_CSUM, TUN_OFFLOAD_TSO, TUN_OFFLOAD_USO } from '../../../src/edge/native.js';
import { ACK, buildPacket, gsoOf, PSH, plainHeaders, slowSegments, withPartialChecksum } from './packets.js';
import { ALL, received, WriteRig } from './write-rig.js';

test('rows straight from a TUN keep their super-packet where offloads allow, and are segmented here where not', (t) => {
  for (const v6 of [false, true]) {
    for (const udp of [false, true]) {
      const headers = { ...plainHeaders, v6, udp, flags: ACK | PSH };
      const packet = buildPacket(
        headers,
        new Uint8Array(5000).map((_, i) => i),
      );
      const gso = gsoOf(headers, 1400);
      const wanted = slowSegments(packet, 1400).map((one) => Buffer.from(one).toString('hex'));
      for (const offloads of [ALL, 0, TUN_OFFLOAD_CSUM, ALL & ~TUN_OFFLOAD_TSO, ALL & ~TUN_OFFLOAD_USO]) {
        const rig = new WriteRig();
        rig.row(0, withPartialChecksum(packet), {
          [ROW_VERDICT]: VERDICT_LAN,
          [ROW_GSO_TYPE]: gso.type,
          [ROW_GSO_SIZE]: gso.size,
          [ROW_FLAGS]: FLAG_NEEDS_CSUM,
          [ROW_CSUM_START]: gso.csumStart,
          [ROW_CSUM_OFFSET]: gso.csumOffset,
        });
        t.is(native().tunWrite(rig.context, rig.fd, 0, 1, VERDICT_LAN, offloads), 1);
        const written = rig.drain();
        const whole = (offloads & (udp ? TUN_OFFLOAD_USO : TUN_OFFLOAD_TSO)) !== 0;
        t.is(written.length, whole ? 1 : wanted.length);
        t.deepEqual(
          written.flatMap(received).map((one) => Buffer.from(one).toString('hex')),
          wanted,
        );
        rig.close();
      }
    }
  }
});

test('a checksum left to us is passed on with CSUM and finished without', (t) => {
  const packet = buildPacket({ ...plainHeaders, udp: true }, new Uint8Array(99).fill(7));
  const partial = withPartialChecksum(packet);
  for (const offloads of [ALL, 0]) {
    const rig = new WriteRig();
    rig.row(0, partial, {
      [ROW_VERDICT]: VERDICT_LAN,
      [ROW_FLAGS]: FLAG_NEEDS_CSUM,
      [ROW_CSUM_START]: 20,
      [ROW_CSUM_OFFSET]: 6,
    });
    t.is(native().tunWrite(rig.context, rig.fd, 0, 1, VERDICT_LAN, offloads), 1);
    const [written] = rig.drain();
    t.is(written.flags, offloads === 0 ? 0 : FLAG_NEEDS_CSUM);
    t.deepEqual(written.packet, offloads === 0 ? packet : partial);
    t.is(offloads === 0 || written.csumOffset === 6, true);
    rig.close();
  }
});

test('other verdicts and empty rows are not written', (t) => {
  const rig = new WriteRig();
  const packet = buildPacket(plainHeaders, new Uint8Array(10));
  rig.row(0, packet, { [ROW_VERDICT]: VERDICT_DROP });
  rig.row(1, new Uint8Array(0), { [ROW_VERDICT]: VERDICT_LAN });
  t.is(native().tunWrite(rig.context, rig.fd, 0, 2, VERDICT_LAN, ALL), 0);
  t.deepEqual(rig.drain(), []);
  rig.close();
});

test('a super-packet that the device refuses as one piece is segmented here, once and for all', (t) => {
  const packet = buildPacket(plainHeaders, new Uint8Array(42_000).fill(8));
  const gso = gsoOf(plainHeaders, 14_000);
  const rig = new WriteRig(20_000);
  for (const writes of [1 + 3, 3]) {
    const before = rig.stat('tunWrites');
    rig.row(0, withPartialChecksum(packet), {
      [ROW_VERDICT]: VERDICT_LAN,
      [ROW_GSO_TYPE]: gso.type,
      [ROW_GSO_SIZE]: gso.size,
      [ROW_FLAGS]: FLAG_NEEDS_CSUM,
      [ROW_CSUM_START]: gso.csumStart,
      [ROW_CSUM_OFFSET]: gso.csumOffset,
    });
    t.is(native().tunWrite(rig.context, rig.fd, 0, 1, VERDICT_LAN, ALL), 1);
    t.is(rig.stat('tunWrites') - before, writes);
    t.deepEqual(
      rig.drain().map((one) => Buffer.from(one.packet)),
      slowSegments(packet, 14_000).map((one) => Buffer.from(one)),
    );
  }
  t.is(rig.stat('tunDemoted'), TUN_OFFLOAD_TSO);
  rig.close();
});
