/** Packets larger than the path to their peer carries: what is made to fit, what is refused, and what its sender is told. */
import test from 'ava';
import {
  FLAG_FRAGMENT_SHIFT,
  FLAG_NEEDS_CSUM,
  FLAG_SEAL_WHOLE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_PATH,
  ROW_STRIDE,
  VERDICT_CONTROL,
  VERDICT_LAN,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { BFD_ECHO_PORT, Envelope } from '../../../src/core/path/datagram.js';
import { ECHO_LONG_BYTES, encodeLongEcho } from '../../../src/core/path/echo.js';
import { IN_SEAL, IN_SEAL_WHOLE, OUT_PATH } from '../../../src/core/router/outbox.js';
import { address, checksumsRight, type IpOptions, ip, tcp, udp } from '../../support/packets.js';
import {
  AWS,
  AWS_A,
  AWS_B,
  NOW,
  OTHER,
  type Outcome,
  pathOf,
  RouterBench,
  rowOf,
  STRANGER,
} from '../../support/router.js';

const MTU = 1232;
const HERE4 = { source: '172.16.10.15', destination: '10.100.100.15' };
const BACK4 = { source: '10.100.100.15', destination: '10.100.10.15' };
const HERE6 = { source: 'fd00:10::15', destination: 'fd10:100::15' };

/** The path to AWS_A carries MTU bytes; the other peers' carry what the tunnel takes. */
function narrow(): RouterBench {
  const bench = new RouterBench();
  bench.tables.beats.mtu[AWS_A] = MTU;
  return bench;
}

/** A UDP packet of `bytes` in all. */
function packet(
  bytes: number,
  more: Partial<IpOptions> & Pick<IpOptions, 'source' | 'destination'>,
): Uint8Array {
  const headers = 28 + (String(more.source).includes(':') ? 20 : 0);
  return ip({ protocol: 17, payload: udp(5, 6, new Uint8Array(bytes - headers)), ...more });
}

function superPacket(type: number, gsoSize: number, more: Partial<IpOptions> = {}) {
  const data = new Uint8Array(4_000);
  const isUdp = type === GSO_UDP_L4;
  const payload = isUdp ? udp(5, 6, data) : tcp(5, 6, 0x10, [], data);
  const addresses = type === GSO_TCPV6 ? HERE6 : HERE4;
  return {
    bytes: ip({ protocol: isUdp ? 17 : 6, payload, ...addresses, ...more }),
    row: {
      [ROW_GSO_TYPE]: type,
      [ROW_GSO_SIZE]: gsoSize,
      [ROW_FLAGS]: FLAG_NEEDS_CSUM,
      [ROW_CSUM_START]: type === GSO_TCPV6 ? 40 : 20,
    },
  };
}

/** Type, code and MTU of the one ICMP error in the answer. */
function told({ replies }: Outcome): number[] {
  const [{ packet: error }] = replies;
  const at = error[0] >> 4 === 6 ? 40 : 20;
  return [error[at], error[at + 1], (error[at + 6] << 8) | error[at + 7]];
}

function fragmentLimit(bench: RouterBench): number {
  return bench.memory.rows[ROW_FLAGS] >> FLAG_FRAGMENT_SHIFT;
}

test('IPv4 that must not be fragmented is refused, and its sender told what fits', (t) => {
  const fitting = narrow().fromLan(packet(MTU, { ...HERE4, dontFragment: true }));
  t.is(fitting.verdict, VERDICT_SEAL);
  const sent = packet(MTU + 1, { ...HERE4, dontFragment: true });
  const outcome = narrow().fromLan(sent);
  t.is(outcome.reason, 'too-big');
  t.deepEqual(told(outcome), [3, 4, MTU]);
  const [{ verdict, packet: error }] = outcome.replies;
  t.is(verdict, VERDICT_LAN);
  t.is(error.slice(16, 20).join('.'), HERE4.source, 'to the site host, under its own address');
  t.deepEqual(error.slice(28, 28 + 200), sent.slice(0, 200), 'about the packet as it sent it');
  t.true(checksumsRight(error));
});

test('other IPv4 leaves in fragments, whole or as segments of a super-packet', (t) => {
  const bench = narrow();
  t.is(bench.fromLan(packet(MTU, HERE4)).verdict, VERDICT_SEAL);
  t.is(fragmentLimit(bench), 0);
  t.is(bench.fromLan(packet(MTU + 1, HERE4)).verdict, VERDICT_SEAL);
  t.is(fragmentLimit(bench), MTU);
  const segments = superPacket(GSO_UDP_L4, MTU - 28 + 1);
  t.is(bench.fromLan(segments.bytes, segments.row).verdict, VERDICT_SEAL);
  t.is(fragmentLimit(bench), MTU);
  const bound = superPacket(GSO_UDP_L4, MTU - 28 + 1, { dontFragment: true });
  t.deepEqual(told(bench.fromLan(bound.bytes, bound.row)), [3, 4, MTU]);
});

test('super-packets of TCP are cut into segments that fit', (t) => {
  for (const [type, headers] of [
    [GSO_TCPV4, 40],
    [GSO_TCPV6, 60],
  ]) {
    const bench = narrow();
    for (const [given, expected] of [
      [MTU - headers - 1, MTU - headers - 1],
      [MTU - headers, MTU - headers],
      [MTU - headers + 1, MTU - headers],
      [2_000, MTU - headers],
    ]) {
      const { bytes, row } = superPacket(type, given, type === GSO_TCPV4 ? { dontFragment: true } : {});
      t.is(bench.fromLan(bytes, row).verdict, VERDICT_SEAL);
      t.is(bench.memory.rows[ROW_GSO_SIZE], expected);
      t.is(fragmentLimit(bench), 0);
    }
  }
});

test('IPv6 of 1280 bytes always passes; larger packets are refused with no less than that', (t) => {
  const bench = narrow();
  t.is(bench.fromLan(packet(1280, HERE6)).verdict, VERDICT_SEAL);
  t.is(fragmentLimit(bench), 0);
  t.deepEqual(told(bench.fromLan(packet(1281, HERE6))), [2, 0, 1280]);
  bench.tables.beats.mtu[AWS_A] = 1296;
  t.is(bench.fromLan(packet(1296, HERE6)).verdict, VERDICT_SEAL);
  t.deepEqual(told(bench.fromLan(packet(1297, HERE6))), [2, 0, 1296]);
});

test('the MSS of a SYN is clamped in both directions to what the path of its peer carries', (t) => {
  const syn = (addresses: typeof HERE4): Uint8Array =>
    ip({ ...addresses, protocol: 6, payload: tcp(1, 2, 2, [2, 4, 0x05, 0xb4], new Uint8Array(0)) });
  const mss = ({ packet: bytes }: Outcome): number => {
    t.true(checksumsRight(bytes));
    const at = bytes[0] >> 4 === 6 ? 62 : 42;
    return (bytes[at] << 8) | bytes[at + 1];
  };
  const bench = narrow();
  t.is(mss(bench.fromLan(syn(HERE4))), MTU - 40);
  t.is(mss(bench.fromLan(syn(HERE6))), MTU - 60);
  t.is(mss(bench.fromPeer(AWS_A, syn(BACK4), 0)), MTU - 40);
  t.is(mss(bench.fromPeer(AWS_B, syn(BACK4), 0)), 1368, 'the path of another peer is another');
  bench.serve(AWS, AWS_B);
  t.is(mss(bench.fromLan(syn(HERE4))), 1368);
});

test('a hub tells the peer that a packet came from what the next path carries', (t) => {
  const bench = narrow();
  bench.tables.beats.mtu[STRANGER] = 1300;
  bench.serve(OTHER, STRANGER);
  const across = { source: '10.100.100.15', destination: '10.100.30.7' };
  t.is(bench.fromPeer(AWS_A, packet(1300, { ...across, dontFragment: true }), 0).verdict, VERDICT_SEAL);
  const outcome = bench.fromPeer(AWS_A, packet(1301, { ...across, dontFragment: true }), 1);
  t.deepEqual(told(outcome), [3, 4, 1300]);
  t.is(outcome.replies[0].peer, AWS_A);
  bench.fromPeer(AWS_A, packet(1301, across), 2);
  t.is(fragmentLimit(bench), 1300);
});

test('a packet more than half as long is noted, so that somebody looks whether such ones arrive', (t) => {
  const bench = narrow();
  const { large } = bench.tables.beats;
  bench.fromLan(packet(MTU / 2, HERE4));
  t.is(large[AWS_A], 0);
  bench.fromLan(packet(MTU / 2 + 1, HERE4));
  t.deepEqual([...large], [1, 0, 0, 0]);
});

test('a tunnel that is smaller than the path counts', (t) => {
  const bench = new RouterBench({ mtu: 1280 });
  bench.tables.beats.mtu[AWS_A] = 1408;
  t.deepEqual(told(bench.fromLan(packet(1281, { ...HERE4, dontFragment: true }))), [3, 4, 1280]);
});

test('a host whose packet finds no session is told under its own address, about the packet that it sent', (t) => {
  const bench = new RouterBench();
  bench.tables.peers.session[AWS_A] = -1;
  const sent = packet(100, HERE4);
  const outcome = bench.fromLan(sent);
  t.is(outcome.reason, 'peer-down');
  const [{ packet: error }] = outcome.replies;
  t.is(error.slice(16, 20).join('.'), HERE4.source);
  t.deepEqual(error.slice(28), sent);
});

test('nobody serves a target any more since its route was looked up: refused, not sent to somebody else', (t) => {
  const bench = new RouterBench();
  t.is(bench.fromLan(packet(100, HERE4)).verdict, VERDICT_SEAL);
  // The route is remembered until the era moves, which it does last.
  bench.tables.available[AWS] = -1;
  t.is(bench.fromLan(packet(100, HERE4)).reason, 'peer-down');
  t.is(
    bench.fromPeer(STRANGER, packet(100, { source: '10.100.30.7', destination: '10.100.100.15' }), 0).reason,
    'peer-down',
  );
});

const OWN = address('fd00:1::63');
const FAR = address('fd00:1::1');

function longEcho(length: number): Uint8Array {
  const envelope = new Envelope(FAR, OWN, 50_000, BFD_ECHO_PORT);
  const bytes = new Uint8Array(envelope.headerBytes + length);
  encodeLongEcho(bytes, envelope.headerBytes, length, 77, 1);
  envelope.close(bytes, 0, length);
  return bytes;
}

test('a probe of the peer is answered by a small packet, and the answer to ours handed on', (t) => {
  const bench = new RouterBench();
  bench.tables.beats.slot[rowOf(AWS_A)] = pathOf(AWS_A);
  const answer = bench.fromPeer(AWS_A, longEcho(1_360), 0);
  t.is(answer.verdict, VERDICT_SEAL);
  t.is(answer.packet.length, 48 + ECHO_LONG_BYTES);
  t.true(checksumsRight(answer.packet));
  const back = longEcho(ECHO_LONG_BYTES);
  back[7] = 254;
  t.is(bench.fromPeer(AWS_A, back, 1).verdict, VERDICT_CONTROL);
  t.true(bench.memory.outbox.next());
  t.deepEqual([bench.memory.outbox.type, bench.memory.outbox.argument], [OUT_PATH, AWS_A]);
  t.deepEqual(bench.memory.outbox.payload.slice(32), back);
});

test('a probe of the control thread goes by its path and must stay whole, also the largest; the next packet need not', (t) => {
  const bench = new RouterBench();
  const { rows, arena, controlRow } = bench.memory;
  bench.tables.sessions.expiresAtMs[AWS_B] = NOW + 1_000;
  const probe = Uint8Array.from({ length: 2_000 }, (_, i) => i);
  for (const [type, flags] of [
    [IN_SEAL_WHOLE, FLAG_SEAL_WHOLE],
    [IN_SEAL, 0],
  ]) {
    const path = pathOf(AWS_B) + 3;
    t.true(bench.memory.inbox.push(type, AWS_B, path + 1, probe, 0, probe.length));
    t.is(bench.router.handleInbox(), 1);
    const at = controlRow * ROW_STRIDE;
    t.deepEqual(
      [rows[at + ROW_FLAGS], rows[at + ROW_PATH], rows[at + ROW_LENGTH]],
      [flags, path, probe.length],
    );
    const offset = rows[at + ROW_OFFSET];
    t.deepEqual(arena.slice(offset, offset + probe.length), probe);
  }
});
