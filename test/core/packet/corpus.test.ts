/** A corpus of packets that the parser refuses, one oddity each. */
import test from 'ava';
import { DROP } from '../../../src/core/packet/drop.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { icmp, ip, tcp, udp } from '../../support/packets.js';
import { DATA, edit4, fieldsOf, parse, refuse, V4, V6 } from './fixtures.js';

const good4 = () => ip({ ...V4, protocol: 17, payload: udp(1, 2, DATA) });
const good6 = () => ip({ ...V6, protocol: 17, payload: udp(1, 2, DATA) });
const chain = (count: number) =>
  Array.from({ length: count }, (_, i) => [i === count - 1 ? 17 : 60, 0, 1, 4, 0, 0, 0, 0]).flat();
const chained = (extensions: number[], extensionProtocol: number, payload = udp(1, 2, DATA)) =>
  ip({ ...V6, protocol: 17, payload, extensions, extensionProtocol });
const CORPUS: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  'one byte of IPv4': Uint8Array.of(0x45),
  'one byte of IPv6': Uint8Array.of(0x60),
  'IPv4 header cut': good4().subarray(0, 19),
  'IPv6 header cut': good6().subarray(0, 39),
  'IPv4 header length 16': edit4(good4(), (p) => {
    p[0] = 0x44;
  }),
  'IPv4 header longer than the packet': edit4(good4(), (p) => {
    p[0] = 0x4f;
  }),
  'IPv4 total shorter than the header': edit4(good4(), (p) => {
    p[3] = 19;
  }),
  'IPv4 total longer than the bytes': edit4(good4(), (p) => {
    p[3] += 1;
  }),
  'IPv4 header checksum': (() => {
    const p = good4();
    p[10] ^= 1;
    return p;
  })(),
  'IPv6 payload longer than the bytes': (() => {
    const p = good6();
    p[5] += 1;
    return p;
  })(),
  'UDP header cut': ip({ ...V4, protocol: 17, payload: DATA.subarray(0, 7) }),
  'UDP length 7': (() => {
    const u = udp(1, 2, DATA);
    u[5] = 7;
    return ip({ ...V4, protocol: 17, payload: u });
  })(),
  'UDP length beyond the packet': (() => {
    const u = udp(1, 2, DATA);
    u[5] += 1;
    return ip({ ...V6, protocol: 17, payload: u });
  })(),
  'TCP header cut': ip({ ...V4, protocol: 6, payload: tcp(1, 2, 2, [], DATA).subarray(0, 19) }),
  'TCP data offset 4': (() => {
    const u = tcp(1, 2, 2, [], DATA);
    u[12] = 0x40;
    return ip({ ...V4, protocol: 6, payload: u });
  })(),
  'TCP data offset beyond the packet': (() => {
    const u = tcp(1, 2, 2, [], DATA);
    u[12] = 0x80;
    return ip({ ...V4, protocol: 6, payload: u });
  })(),
  'ICMP header cut': ip({ ...V4, protocol: 1, payload: DATA.subarray(0, 7) }),
  'ICMPv6 header cut': ip({ ...V6, protocol: 58, payload: DATA.subarray(0, 7) }),
  "TCP fragment over the first one's ports": ip({ ...V4, protocol: 6, payload: DATA, fragmentOffset: 1 }),
  'IPv4 fragment beyond 65535': ip({ ...V4, protocol: 17, payload: DATA, fragmentOffset: 0x1fff }),
  'tiny first fragment': ip({ ...V4, protocol: 6, payload: DATA, moreFragments: true }),
  'IPv6 fragment beyond 65535': ip({
    ...V6,
    protocol: 17,
    payload: new Uint8Array(16),
    extensions: [17, 0, 0xff, 0xf8, 0, 0, 0, 1],
    extensionProtocol: 44,
    keepChecksum: true,
  }),
  'IPv6 first fragment without the upper header': chained(
    [60, 0, 0, 1, 0, 0, 0, 1, 17, 1, 1, 4, 0, 0, 0, 0],
    44,
    new Uint8Array(0),
  ),
  'two fragment headers': chained([44, 0, 0, 1, 0, 0, 0, 1, 17, 0, 0, 1, 0, 0, 0, 1], 44),
  'hop-by-hop not first': chained([0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0], 60),
  'nine extension headers': chained(chain(9), 60),
  'extension header cut': chained([17, 0, 1, 4], 60, new Uint8Array(0)),
  'no byte of an extension header': ip({ ...V6, protocol: 60, payload: new Uint8Array(0) }),
  'one byte of a fragment header': ip({ ...V6, protocol: 44, payload: Uint8Array.of(59) }),
  'extension header one byte too long': ip({
    ...V6,
    protocol: 60,
    payload: Uint8Array.of(47, 1, 1, 12, ...new Array<number>(11).fill(0)),
  }),
  'extension header longer than the packet': chained([17, 4, 1, 4, 0, 0, 0, 0], 60),
  'IPv4 option of length 1': edit4(
    ip({ ...V4, protocol: 17, payload: udp(1, 2, DATA), options: [7, 1, 0, 0] }),
    () => {},
  ),
  'IPv4 option beyond the header': ip({
    ...V4,
    protocol: 17,
    payload: udp(1, 2, DATA),
    options: [7, 9, 0, 0],
  }),
  'IPv4 option cut': ip({ ...V4, protocol: 17, payload: udp(1, 2, DATA), options: [1, 1, 1, 7] }),
};

test('corpus: refused as malformed', (t) => {
  t.is(refuse(chained(chain(8), 60)), 0);
  for (const [name, packet] of Object.entries(CORPUS)) t.is(refuse(packet), DROP.malformed, name);
});

test('corpus: not IP, and source routing in progress', (t) => {
  t.is(refuse(Uint8Array.of(0x05)), DROP['not-ip']);
  t.is(refuse(new Uint8Array(60).fill(0x75)), DROP['not-ip']);
  const routed4 = (kind: number, pointer: number) =>
    ip({ ...V4, protocol: 17, payload: udp(1, 2, DATA), options: [1, kind, 7, pointer, 10, 0, 0, 1] });
  t.is(refuse(routed4(131, 4)), DROP.policy);
  t.is(refuse(routed4(137, 4)), DROP.policy);
  t.is(refuse(routed4(131, 8)), 0); // at its end
  t.is(refuse(routed4(7, 4)), 0); // record route
  const routed6 = (type: number, left: number) =>
    ip({
      ...V6,
      protocol: 17,
      payload: udp(1, 2, DATA),
      extensions: [17, 0, type, left, 0, 0, 0, 0],
      extensionProtocol: 43,
    });
  for (const type of [0, 2, 3, 4]) t.is(refuse(routed6(type, 1)), DROP.policy);
  t.is(refuse(routed6(4, 0)), 0);
});

test('what is refused as policy is read in full, so that it can be answered', (t) => {
  const option = [1, 131, 7, 4, 10, 0, 0, 1];
  const route = [6, 0, 0, 1, 0, 0, 0, 0];
  const packets: [Uint8Array, Uint8Array][] = [V4, V6].map((ends) => {
    const build = (options: number[], extensions: number[]) =>
      ip({
        ...ends,
        protocol: 6,
        payload: tcp(7, 9, 2, [], DATA),
        options,
        extensions,
        extensionProtocol: 43,
        keepChecksum: true,
      });
    return [
      build(option, route),
      build(
        option.map((byte) => (byte === 4 ? 8 : byte)),
        route.map((byte, i) => (i === 3 ? 0 : byte)),
      ),
    ];
  });
  for (const [refused, passed] of packets) {
    const parsed = new Parsed();
    parsed.parse(ip({ ...V4, protocol: 1, payload: icmp(3, 0, DATA) }), 0, 36);
    t.is(parsed.parse(refused, 0, refused.length), DROP.policy);
    t.deepEqual(fieldsOf(parsed), fieldsOf(parse(passed)[1]));
  }
  // Malformed wins over policy: such a packet is not answered.
  t.is(refuse(ip({ ...V4, protocol: 6, payload: DATA, options: option })), DROP.malformed);
  t.is(
    refuse(ip({ ...V6, protocol: 6, payload: DATA, extensions: route, extensionProtocol: 43 })),
    DROP.malformed,
  );
});
