/** Forwarding semantics (ARCHITECTURE.md), case by case: both directions, the hub, and what is refused with which answer. */
import test from 'ava';
import {
  FLAG_NEEDS_CSUM,
  GSO_UDP_L4,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  VERDICT_CONTROL,
  VERDICT_DROP,
  VERDICT_LAN,
  VERDICT_SEAL,
  VERDICT_WAN,
} from '../../../src/core/packet/rows.js';
import { compileRoutes } from '../../../src/core/route/table.js';
import { UNMATCHED_IDENTITY } from '../../../src/core/router/snapshot.js';
import { address, checksumsRight, icmp, icmpError, ip, prefix, tcp, udp } from '../../support/packets.js';
import {
  AWS,
  AWS_A,
  AWS_B,
  NOW,
  OTHER,
  PARTNER,
  ROUTES,
  RouterBench,
  STRANGER,
  WAN,
} from '../../support/router.js';

const DATA = Uint8Array.from({ length: 100 }, (_, i) => i);
const UDP = udp(5000, 53, DATA);
/** An external peer is a target beyond the WAN. */
const EXTERNAL = WAN + 1;
const WITH_EXTERNAL = [
  ...ROUTES,
  { prefix: prefix('10.100.77.0/24'), metric: 100, target: EXTERNAL, blackhole: false },
];
const source = (packet: Uint8Array): string => packet.slice(12, 16).join('.');
const destination = (packet: Uint8Array): string => packet.slice(16, 20).join('.');
const datagram = (from: string, to: string, ttl = 64): Uint8Array =>
  ip({ source: from, destination: to, protocol: 17, payload: UDP, ttl });

test('LAN to overlay: the source is translated and the packet sealed to the serving member', (t) => {
  const { verdict, peer, packet } = new RouterBench().fromLan(datagram('172.16.10.15', '10.100.100.15'));
  t.is(verdict, VERDICT_SEAL);
  t.is(peer, AWS_A);
  t.is(source(packet), '10.100.10.15');
  t.is(destination(packet), '10.100.100.15');
  t.true(checksumsRight(packet));
});

test('LAN to overlay: a prefix NAT keeps the host bits', (t) => {
  const { packet } = new RouterBench().fromLan(datagram('172.16.10.45', '10.100.100.15'));
  t.is(source(packet), '10.100.10.45');
});

test('another member serves: the next packet goes there', (t) => {
  const bench = new RouterBench();
  bench.serve(AWS, AWS_B);
  t.is(bench.fromLan(datagram('172.16.10.15', '10.100.100.15')).peer, AWS_B);
});

const refusals: [string, string, string, string, number | undefined][] = [
  ['a host without inside NAT', '172.16.10.77', '10.100.100.15', 'no-nat-source', 6],
  ['a blackhole route', '172.16.10.15', '10.100.66.1', 'blackhole', undefined],
  ['a multicast destination', '172.16.10.15', '239.1.1.1', 'destination-invalid', undefined],
];
for (const [what, from, to, reason, code] of refusals) {
  test(`LAN to overlay: ${what} is refused: ${reason}`, (t) => {
    const outcome = new RouterBench().fromLan(datagram(from, to));
    t.is(outcome.verdict, VERDICT_DROP);
    t.is(outcome.reason, reason);
    t.is(outcome.replies.length, code === undefined ? 0 : 1);
    if (code === undefined) return;
    const [{ packet, verdict }] = outcome.replies;
    t.is(verdict, VERDICT_LAN);
    t.deepEqual([packet[20], packet[21]], [3, code]);
    t.is(source(packet), '172.16.10.200');
    t.is(destination(packet), from);
    t.true(checksumsRight(packet));
  });
}

test('nobody serves: host unreachable, and no session: the same and the session is asked for', (t) => {
  const bench = new RouterBench();
  bench.serve(AWS, -1);
  const narrow = bench.fromLan(datagram('172.16.10.15', '10.100.100.15'));
  t.is(narrow.verdict, VERDICT_WAN, 'a wider available route is taken');
  const two = new RouterBench();
  two.tables.sessions.expiresAtMs[AWS_A] = NOW;
  const outcome = two.fromLan(datagram('172.16.10.15', '10.100.100.15'));
  t.is(outcome.reason, 'peer-down');
  t.deepEqual([outcome.replies[0].packet[20], outcome.replies[0].packet[21]], [3, 1]);
  t.is(two.tables.peers.wanted[AWS_A], 1);
});

test('overlay to LAN: the destination is translated and the packet delivered', (t) => {
  const { verdict, packet } = new RouterBench().fromPeer(AWS_A, datagram('10.100.100.15', '10.100.10.15'), 0);
  t.is(verdict, VERDICT_LAN);
  t.is(destination(packet), '172.16.10.15');
  t.is(source(packet), '10.100.100.15');
  t.true(checksumsRight(packet));
});

test('overlay to LAN: no inside NAT there answers host unknown, through the tunnel', (t) => {
  const outcome = new RouterBench().fromPeer(AWS_A, datagram('10.100.100.15', '10.100.10.99'), 0);
  t.is(outcome.reason, 'no-nat-destination');
  const [reply] = outcome.replies;
  t.is(reply.verdict, VERDICT_SEAL);
  t.is(reply.peer, AWS_A);
  t.deepEqual([reply.packet[20], reply.packet[21]], [3, 7]);
  t.is(destination(reply.packet), '10.100.100.15');
});

test('reverse path: a peer speaks only for its own cluster, a hub for others but not for us, a partner for all', (t) => {
  const bench = new RouterBench();
  let counter = 0;
  const verdictOf = (peer: number, from: string): string => {
    const { reason, verdict } = bench.fromPeer(peer, datagram(from, '10.100.10.15'), counter++);
    return verdict === VERDICT_LAN ? 'delivered' : reason;
  };
  t.is(verdictOf(STRANGER, '10.100.30.7'), 'delivered');
  t.is(verdictOf(STRANGER, '10.100.100.7'), 'reverse-path');
  t.is(verdictOf(AWS_A, '10.100.30.7'), 'delivered');
  t.is(verdictOf(AWS_A, '10.100.10.7'), 'reverse-path');
  t.is(verdictOf(AWS_A, '8.8.8.8'), 'reverse-path', 'the WAN route is nobody’s own');
  t.is(verdictOf(PARTNER, '10.100.100.7'), 'delivered');
  t.is(verdictOf(PARTNER, '10.100.10.7'), 'delivered');
});

test('an external peer speaks for its routes alone; a hub does not speak for it, a partner does', (t) => {
  const bench = new RouterBench({ routes: compileRoutes(WITH_EXTERNAL) });
  bench.connect(STRANGER, EXTERNAL);
  bench.serve(EXTERNAL, STRANGER);
  let counter = 0;
  const from = (peer: number, address: string, to = '10.100.10.15') =>
    bench.fromPeer(peer, datagram(address, to), counter++);
  t.is(from(STRANGER, '10.100.77.7').verdict, VERDICT_LAN);
  t.is(from(STRANGER, '10.100.30.7').reason, 'reverse-path');
  t.is(from(STRANGER, '10.100.10.7').reason, 'reverse-path');
  t.is(from(AWS_A, '10.100.77.7').reason, 'reverse-path');
  t.is(from(PARTNER, '10.100.77.7').verdict, VERDICT_LAN);
  const onward = from(STRANGER, '10.100.77.7', '10.100.100.15');
  t.deepEqual([onward.verdict, onward.peer, onward.packet[8]], [VERDICT_SEAL, AWS_A, 63]);
  const back = from(AWS_A, '10.100.100.15', '10.100.77.7');
  t.deepEqual([back.verdict, back.peer], [VERDICT_SEAL, STRANGER]);
  const site = bench.fromLan(datagram('172.16.10.15', '10.100.77.7'));
  t.deepEqual([site.verdict, site.peer, source(site.packet)], [VERDICT_SEAL, STRANGER, '10.100.10.15']);
  bench.serve(EXTERNAL, PARTNER);
  t.is(bench.fromLan(datagram('172.16.10.15', '10.100.77.7')).peer, PARTNER, 'a standby hands it on');
  t.is(from(PARTNER, '10.100.100.15', '10.100.77.7').reason, 'loop');
});

test('a hub forwards with the TTL decremented, never back, and says when it has run out', (t) => {
  const bench = new RouterBench();
  bench.serve(OTHER, STRANGER);
  const outcome = bench.fromPeer(AWS_A, datagram('10.100.100.15', '10.100.30.7', 9), 0);
  t.is(outcome.verdict, VERDICT_SEAL);
  t.is(outcome.peer, STRANGER);
  t.is(outcome.packet[8], 8);
  t.true(checksumsRight(outcome.packet));
  const dead = bench.fromPeer(AWS_A, datagram('10.100.100.15', '10.100.30.7', 1), 1);
  t.is(dead.reason, 'ttl-exceeded');
  t.deepEqual([dead.replies[0].packet[20], dead.replies[0].packet[21]], [11, 0]);
  bench.serve(OTHER, AWS_A);
  t.is(bench.fromPeer(AWS_A, datagram('10.100.100.15', '10.100.30.7'), 2).reason, 'loop');
});

test('a replayed counter is refused, an old one far behind too', (t) => {
  const bench = new RouterBench();
  const packet = datagram('10.100.100.15', '10.100.10.15');
  t.is(bench.fromPeer(AWS_A, packet, 20_000).verdict, VERDICT_LAN);
  t.is(bench.fromPeer(AWS_A, packet, 20_000).reason, 'replay');
  t.is(bench.fromPeer(AWS_A, packet, 1).reason, 'replay');
  t.is(bench.fromPeer(AWS_A, packet, 19_999).verdict, VERDICT_LAN);
  t.is(bench.fromPeer(AWS_A, packet, 2 ** 53).reason, 'counter-limit');
});

test('a super-packet of UDP is translated with its partial checksum, and refused when a segment would not fit', (t) => {
  const payload = udp(1, 2, new Uint8Array(4000));
  const addresses = { source: '172.16.10.15', destination: '10.100.100.15' };
  const packet = ip({ ...addresses, protocol: 17, payload, dontFragment: true });
  const row = (gsoSize: number): Record<number, number> => ({
    [ROW_GSO_TYPE]: GSO_UDP_L4,
    [ROW_GSO_SIZE]: gsoSize,
    [ROW_FLAGS]: FLAG_NEEDS_CSUM,
    [ROW_CSUM_START]: 20,
  });
  t.is(new RouterBench().fromLan(packet, row(1380)).verdict, VERDICT_SEAL);
  const outcome = new RouterBench().fromLan(packet, row(1381));
  t.is(outcome.reason, 'too-big');
  const [{ packet: error }] = outcome.replies;
  t.deepEqual([error[20], error[21], (error[26] << 8) | error[27]], [3, 4, 1408]);
});

test('the MSS of a SYN is clamped in both directions', (t) => {
  const syn = (from: string, to: string): Uint8Array =>
    ip({
      source: from,
      destination: to,
      protocol: 6,
      payload: tcp(1, 2, 2, [2, 4, 0x05, 0xb4], DATA.slice(0, 0)),
    });
  const mss = (packet: Uint8Array): number => (packet[42] << 8) | packet[43];
  const out = new RouterBench().fromLan(syn('172.16.10.15', '10.100.100.15'));
  t.is(mss(out.packet), 1368);
  t.true(checksumsRight(out.packet));
  const back = new RouterBench().fromPeer(AWS_A, syn('10.100.100.15', '10.100.10.15'), 0);
  t.is(mss(back.packet), 1368);
  t.true(checksumsRight(back.packet));
});

test('an ICMP error of an unmapped router inside the site leaves with an address the receiver knows', (t) => {
  const quoted = ip({ source: '10.100.100.15', destination: '172.16.10.15', protocol: 17, payload: UDP });
  const error = ip({
    source: '172.16.10.1',
    destination: '10.100.100.15',
    protocol: 1,
    payload: icmpError(11, 0, quoted),
  });
  const { verdict, packet } = new RouterBench().fromLan(error);
  t.is(verdict, VERDICT_SEAL);
  t.is(source(packet), '10.100.10.15');
  t.is(destination(packet.slice(28)), '10.100.10.15', 'the quoted packet is as its sender sent it');
  t.true(checksumsRight(packet));
});

test('unmatched: identity lets a host through under its own address', (t) => {
  const outcome = new RouterBench({ unmatched: UNMATCHED_IDENTITY }).fromLan(
    datagram('172.16.10.77', '10.100.100.15'),
  );
  t.is(outcome.verdict, VERDICT_SEAL);
  t.is(source(outcome.packet), '172.16.10.77');
});

test('a host reaches its own site under network addresses: translated twice, delivered here', (t) => {
  const outcome = new RouterBench().fromLan(datagram('172.16.10.15', '10.100.10.40'));
  t.is(outcome.verdict, VERDICT_LAN);
  t.is(source(outcome.packet), '10.100.10.15');
  t.is(destination(outcome.packet), '172.16.10.40');
  t.true(checksumsRight(outcome.packet));
});

test('IPv6: both directions, the neighbour of everything above', (t) => {
  const payload = udp(1, 2, DATA);
  const out = new RouterBench().fromLan(
    ip({ source: 'fd00:10::15', destination: 'fd10:100::15', protocol: 17, payload }),
  );
  t.is(out.verdict, VERDICT_SEAL);
  t.deepEqual([...out.packet.slice(8, 24)], [...address('fd10:a::15')]);
  t.true(checksumsRight(out.packet));
  const back = new RouterBench().fromPeer(
    AWS_A,
    ip({ source: 'fd10:100::15', destination: 'fd10:a::15', protocol: 17, payload }),
    0,
  );
  t.is(back.verdict, VERDICT_LAN);
  t.deepEqual([...back.packet.slice(24, 40)], [...address('fd00:10::15')]);
});

test('an echo request to our control address is answered in place; others go to the control thread', (t) => {
  const bench = new RouterBench();
  const toUs = (protocol: number, payload: Uint8Array): Uint8Array =>
    ip({ source: 'fd00:1::1', destination: 'fd00:1::63', protocol, payload });
  const ask = toUs(58, icmp(128, 0, DATA));
  const answer = bench.fromPeer(AWS_A, ask, 0);
  t.is(answer.verdict, VERDICT_SEAL);
  t.is(answer.packet[40], 129);
  t.deepEqual([...answer.packet.slice(24, 40)], [...address('fd00:1::1')]);
  t.is(bench.fromPeer(AWS_B, ask, 1).reason, 'reverse-path');
  const other = toUs(17, udp(1, 51_821, DATA));
  t.is(bench.fromPeer(AWS_A, other, 2).verdict, VERDICT_CONTROL);
  t.true(bench.memory.outbox.next());
  t.deepEqual([...bench.memory.outbox.payload], [...other]);
});

test('a keepalive that the control thread asks for is sealed and answers received data', (t) => {
  const bench = new RouterBench();
  const { peers } = bench.tables;
  bench.fromPeer(AWS_A, datagram('10.100.100.15', '10.100.10.15'), 0);
  t.is(peers.dataReceivedUnansweredSinceMs[AWS_A], NOW);
  bench.memory.inbox.push(0, AWS_A, 0, new Uint8Array(0), 0, 0);
  t.is(bench.router.handleInbox(), 1);
  t.is(peers.dataReceivedUnansweredSinceMs[AWS_A], 0);
  t.is(peers.authenticatedSentAtMs[AWS_A], NOW);
  t.is(peers.dataSentUnansweredSinceMs[AWS_A], 0, 'a keepalive wants no answer');
});

test('an echo request from the LAN is no probe', (t) => {
  const echo = ip({
    source: '172.16.10.15',
    destination: '10.100.100.15',
    protocol: 1,
    payload: icmp(8, 0, DATA),
  });
  t.is(new RouterBench().fromLan(echo).verdict, VERDICT_SEAL);
});
