/** Captures are judged frame by frame: what is neither ARP nor WireGuard is a leak, whatever it pretends to be. */
import test from 'ava';
import { judgeCapture } from '../../../src/app/lab/checks/capture.js';

const HEAD = 24;

/** A pcap file of Linux cooked frames. */
function pcap(frames: readonly Buffer[], linkType = 113): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt32LE(linkType, 20);
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([head, ...records]);
}

function cooked(protocol: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(protocol, 14);
  return Buffer.concat([head, body]);
}

function ipv4(protocol: number, body: Buffer, fragment = 0): Buffer {
  const head = Buffer.alloc(20);
  head[0] = 0x45;
  head.writeUInt16BE(20 + body.length, 2);
  head.writeUInt16BE(fragment, 6);
  head[9] = protocol;
  return Buffer.concat([head, body]);
}

function udp(from: number, to: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(from, 0);
  head.writeUInt16BE(to, 2);
  head.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([head, payload]);
}

function message(type: number, length: number): Buffer {
  const payload = Buffer.alloc(length);
  payload[0] = type;
  return payload;
}

const judge = (...packets: Buffer[]) => judgeCapture(pcap(packets.map((packet) => cooked(0x0800, packet))));

test('WireGuard messages and ARP are counted', (t) => {
  const frames = [
    cooked(0x0806, Buffer.alloc(28)),
    cooked(0x0800, ipv4(17, udp(51820, 4242, message(1, 148)))),
    cooked(0x0800, ipv4(17, udp(4242, 51820, message(2, 92)))),
    cooked(0x0800, ipv4(17, udp(4242, 51820, message(3, 64)))),
    cooked(0x0800, ipv4(17, udp(51820, 51820, message(4, 32)))),
  ];
  t.deepEqual(judgeCapture(pcap(frames)), { arp: 1, handshakes: 3, transport: 1, errors: 0, leaks: [] });
});

test('everything else is a leak', (t) => {
  const wrong: [Buffer, RegExp][] = [
    [ipv4(6, Buffer.alloc(20)), /IP protocol 6/],
    [ipv4(1, Buffer.alloc(64)), /IP protocol 1/],
    [ipv4(17, udp(53, 5353, message(4, 32))), /UDP 53/],
    [ipv4(17, udp(51820, 51820, message(5, 32))), /not WireGuard/],
    [ipv4(17, udp(51820, 51820, message(1, 147))), /not WireGuard/],
    [ipv4(17, udp(51820, 51820, message(4, 31))), /not WireGuard/],
    [ipv4(17, udp(51820, 51820, Buffer.from([4, 0, 1, 0, ...new Array(60).fill(0)]))), /not WireGuard/],
    [ipv4(17, udp(51820, 51820, message(4, 64)), 0x2000), /fragment/],
    [ipv4(17, Buffer.alloc(4)), /cut short/],
  ];
  for (const [packet, complaint] of wrong) t.regex(judge(packet).leaks.join(), complaint);
  t.regex(judgeCapture(pcap([cooked(0x86dd, Buffer.alloc(40))])).leaks.join(), /0x86dd/);
});

test('an ICMP error about a WireGuard datagram is counted apart, one about anything else is a leak', (t) => {
  const error = (type: number, quoted: Buffer) =>
    ipv4(1, Buffer.concat([Buffer.from([type, 3, 0, 0, 0, 0, 0, 0]), quoted]));
  const datagram = ipv4(17, udp(51820, 4242, message(4, 64)));
  t.like(judge(error(3, datagram)), { errors: 1, leaks: [] });
  t.is(judge(error(8, datagram)).leaks.length, 1);
  t.is(judge(error(3, ipv4(17, udp(53, 53, message(4, 64))))).leaks.length, 1);
  t.is(judge(error(3, ipv4(6, Buffer.alloc(20)))).leaks.length, 1);
});

test('a capture of another link type is refused', (t) => {
  t.throws(() => judgeCapture(pcap([], 1)), { instanceOf: RangeError });
});
