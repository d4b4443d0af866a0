import test, { type ExecutionContext } from 'ava';
import { encodeEndpoint, sameEndpoint } from '../../../src/core/base/endpoint.js';
import {
  ROW_NAT,
  ROW_PATH,
  ROW_PEER,
  ROW_ROUTE,
  ROW_SESSION,
  ROW_SOURCE,
  ROW_VERDICT,
  VERDICT_OPEN,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { native, UDP_OFFLOAD_GRO, UDP_OFFLOAD_GSO, type UdpOptions } from '../../../src/edge/native.js';
import { buildPacket, plainHeaders } from './packets.js';
import { LOOPBACK, Rig, ROWS, UDP_SLOTS } from './rig.js';

const plain: UdpOptions = { address: '', port: 0, device: '', mark: 0, offloads: 0, reusePort: false };
const LOOPBACK6 = new Uint8Array(16).fill(1, 15);
const both = UDP_OFFLOAD_GSO | UDP_OFFLOAD_GRO;

/** Whether this machine has IPv6 at all. */
function hasIpv6(): boolean {
  try {
    return native().closeFd(native().udpOpen({ ...plain, address: '::1' }).fd) === 0;
  } catch {
    return false;
  }
}

/** Sends packets of the given lengths from row 0 on in one call and answers the lengths received, one row each. */
function roundTrip(t: ExecutionContext, rig: Rig, fd: number, lengths: number[]): number[] {
  let offset = rig.slot(0);
  for (const [i, length] of lengths.entries()) {
    const packet = buildPacket({ ...plainHeaders, seq: i }, new Uint8Array(length - 40).fill(i));
    rig.row(i, packet, { [ROW_VERDICT]: VERDICT_SEAL, [ROW_SESSION]: 0, [ROW_PATH]: 0 }, offset);
    offset += length + 16;
  }
  t.is(native().sealSend(rig.context, 0, lengths.length), lengths.length);
  const poller = native().pollerOpen([fd]);
  const received: number[] = [];
  while (received.length < lengths.length && native().wait(poller, 1000) !== 0) {
    const rows = native().udpRecv(rig.context, fd, 0, 0, UDP_SLOTS);
    for (let row = 0; row < rows; row++) {
      t.is(rig.field(row, ROW_VERDICT), 0);
      t.deepEqual(
        [ROW_PEER, ROW_ROUTE, ROW_NAT].map((field) => rig.field(row, field)),
        [-1, -1, -1],
      );
      t.true(rig.field(row, ROW_SOURCE) < UDP_SLOTS);
      rig.rows[row * 16 + ROW_VERDICT] = VERDICT_OPEN;
    }
    t.is(native().openBatch(rig.context, 0, rows), rows);
    for (let row = 0; row < rows; row++) {
      const opened = rig.packet(row);
      const view = new DataView(opened.buffer, opened.byteOffset);
      t.is(view.getUint32(24), received.length);
      received.push(view.getUint16(2));
    }
  }
  native().pollerClose(poller);
  return received;
}

for (const offloads of [0, UDP_OFFLOAD_GSO, UDP_OFFLOAD_GRO, both]) {
  test(`what is sealed arrives, in order, one row a datagram (offloads ${offloads})`, (t) => {
    const rig = new Rig();
    const socket = rig.socket(0, offloads);
    t.is(socket.offloads, offloads);
    rig.key(0);
    const trains = [
      new Array(200).fill(100),
      new Array(63).fill(1408),
      new Array(64).fill(1408),
      [...new Array(50).fill(1300), 40, ...new Array(10).fill(1300)],
      Array.from({ length: 150 }, (_, i) => 1400 - i * 9),
      Array.from({ length: 150 }, (_, i) => 60 + i * 9),
      [65_000, 65_000, 40, 41, 42],
    ];
    for (const lengths of trains) t.deepEqual(roundTrip(t, rig, socket.fd, lengths), lengths);
    t.is(rig.stat('udpDemoted'), 0);
    t.is(rig.stat('udpSendErrors'), 0);
    t.is(rig.stat('udpSendFull'), 0);
    const datagrams = trains.flat().length;
    t.is(rig.stat('udpSentDatagrams'), datagrams);
    t.is(rig.stat('udpReceivedDatagrams'), datagrams);
    if ((offloads & UDP_OFFLOAD_GSO) !== 0) t.true(rig.stat('udpSends') < 60);
    rig.close();
  });
}

test('a GRO train never runs over the row table', (t) => {
  const rig = new Rig();
  const { fd } = rig.socket(0, both);
  rig.key(0);
  const lengths = new Array(120).fill(200);
  let offset = rig.slot(0);
  for (let i = 0; i < lengths.length; i++) {
    const packet = buildPacket(plainHeaders, new Uint8Array(160));
    rig.row(i, packet, { [ROW_VERDICT]: VERDICT_SEAL }, offset);
    offset += 256;
  }
  native().sealSend(rig.context, 0, lengths.length);
  rig.rows.fill(-7);
  t.is(native().udpRecv(rig.context, fd, 0, ROWS - 127, UDP_SLOTS), 0);
  t.is(native().udpRecv(rig.context, fd, 0, ROWS, UDP_SLOTS), 0);
  t.true(rig.rows.every((word) => word === -7));
  let total = 0;
  for (let attempt = 0; attempt < 10 && total < lengths.length; attempt++) {
    total += native().udpRecv(rig.context, fd, 0, ROWS - 128, UDP_SLOTS);
  }
  t.is(total, lengths.length);
  t.is(rig.rows[(ROWS - 128) * 16 - 1], -7);
  rig.close();
});

test('sources are endpoint records: IPv4 stays IPv4 on a dual-stack socket', (t) => {
  const rig = new Rig();
  const wildcard = rig.socket(0, both, '');
  const sender = native().udpOpen({ ...plain, address: '127.0.0.1' });
  const target = encodeEndpoint(LOOPBACK, wildcard.port, 0);
  t.is(native().datagramSend(sender.fd, new Uint8Array(48), target), 48);
  t.is(rig.receive(wildcard.fd, 9, 1)[0].length, 48);
  t.deepEqual(rig.sources.slice(0, 32), encodeEndpoint(LOOPBACK, sender.port, 9));
  native().closeFd(sender.fd);
  rig.close();
});

test('IPv6 endpoints both ways, and a socket that cannot carry a family says so', (t) => {
  if (!hasIpv6()) {
    t.log('skipped: this machine has no IPv6');
    t.pass();
    return;
  }
  const rig = new Rig();
  const wildcard = rig.socket(0, both, '', LOOPBACK6);
  t.is(wildcard.family, 6);
  rig.key(0);
  t.deepEqual(roundTrip(t, rig, wildcard.fd, [100, 100, 50]), [100, 100, 50]);
  t.true(sameEndpoint(rig.sources, encodeEndpoint(LOOPBACK6, wildcard.port, 0)));
  const v4 = rig.socket(1, 0, '127.0.0.1', LOOPBACK6);
  t.true(native().datagramSend(v4.fd, new Uint8Array(40), encodeEndpoint(LOOPBACK6, wildcard.port, 0)) < 0);
  rig.row(0, buildPacket(plainHeaders, new Uint8Array(9)), { [ROW_VERDICT]: VERDICT_SEAL, [ROW_PATH]: 1 });
  t.is(native().sealSend(rig.context, 0, 1), 0);
  t.is(rig.stat('udpSendErrors'), 1);
  rig.close();
});

test('datagrams that the kernel refuses are counted, and those around them arrive', (t) => {
  const rig = new Rig();
  const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
  rig.key(0);
  // Port 0 is EINVAL for the kernel: with GSO that looks like a refused train, but its datagrams fail alone as well.
  rig.paths.set(encodeEndpoint(LOOPBACK, 0, 0), 32);
  for (let i = 0; i < 9; i++) {
    const packet = buildPacket({ ...plainHeaders, seq: i }, new Uint8Array(60));
    rig.row(
      i,
      packet,
      { [ROW_VERDICT]: VERDICT_SEAL, [ROW_PATH]: i >= 3 && i < 6 ? 1 : 0 },
      rig.slot(0) + i * 200,
    );
  }
  t.is(native().sealSend(rig.context, 0, 9), 6);
  t.is(rig.stat('udpSendErrors'), 3);
  t.is(rig.stat('udpDemoted'), 0);
  t.is(rig.receive(fd, 0, 6).length, 6);
  rig.close();
});

test('a closed port far away does not cost the next datagram', (t) => {
  const rig = new Rig();
  const { fd } = rig.socket(0, 0);
  const gone = native().udpOpen({ ...plain, address: '127.0.0.1' });
  native().closeFd(gone.fd);
  rig.key(0);
  rig.paths.set(encodeEndpoint(LOOPBACK, gone.port, 0), 32);
  for (let i = 0; i < 8; i++) {
    const packet = buildPacket(plainHeaders, new Uint8Array(60));
    rig.row(i, packet, { [ROW_VERDICT]: VERDICT_SEAL, [ROW_PATH]: i % 2 }, rig.slot(0) + i * 200);
  }
  native().sealSend(rig.context, 0, 8);
  t.is(rig.receive(fd, 0, 4).length, 4);
  rig.close();
});

test('an address or device that is not there is a coded error that names the step', (t) => {
  t.throws(() => native().udpOpen({ ...plain, address: 'nowhere' }), {
    code: 'TS_SOCKET',
    message: /address/,
  });
  t.throws(() => native().udpOpen({ ...plain, address: '192.0.2.77' }), {
    code: 'TS_SOCKET',
    message: /bind: EADDRNOTAVAIL/,
  });
  t.throws(() => native().udpOpen({ ...plain, device: 'no-such-device' }), {
    code: 'TS_SOCKET',
    message: /SO_BINDTODEVICE/,
  });
  t.throws(() => native().udpOpen({ ...plain, port: 70_000 }), { code: 'TS_SOCKET' });
});

test('a port is shared by sockets that both ask for it, and by no others', (t) => {
  const first = native().udpOpen({ ...plain, reusePort: true });
  const second = native().udpOpen({ ...plain, reusePort: true, port: first.port });
  t.is(second.port, first.port);
  t.throws(() => native().udpOpen({ ...plain, port: first.port }), {
    code: 'TS_SOCKET',
    message: /EADDRINUSE/,
  });
  native().closeFd(first.fd);
  native().closeFd(second.fd);
});

test('a socket index that is removed sends nothing', (t) => {
  const rig = new Rig();
  rig.socket(0, 0);
  rig.key(0);
  t.is(native().socketSet(rig.context, 0, -1, 0), 0);
  rig.row(0, buildPacket(plainHeaders, new Uint8Array(9)), { [ROW_VERDICT]: VERDICT_SEAL });
  t.is(native().sealSend(rig.context, 0, 1), 0);
  t.is(rig.stat('udpSendErrors'), 1);
  t.true(native().socketSet(rig.context, 0, 999_999, 0) < 0);
  t.true(native().socketSet(rig.context, 256, rig.fds[0], 0) < 0);
  rig.close();
});
