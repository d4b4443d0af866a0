import test from 'ava';
import fc from 'fast-check';
import { DROP } from '../../../src/core/packet/drop.js';
import { FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE, Parsed } from '../../../src/core/packet/parsed.js';
import { address, icmp, ip, tcp, udp, word } from '../../support/packets.js';
import { accept, DATA, edit4, fieldsOf, parse, refuse, V4, V6 } from './fixtures.js';

test('fields of a TCP, UDP and ICMP packet in both families, at any offset', (t) => {
  for (const ends of [V4, V6]) {
    const four = ends === V4;
    const header = four ? 20 : 40;
    for (const protocol of [6, 17, four ? 1 : 58]) {
      const payload =
        protocol === 6
          ? tcp(1000, 443, 0x12, [1, 1], DATA)
          : protocol === 17
            ? udp(53, 5353, DATA)
            : icmp(8, 3, DATA);
      const packet = ip({ ...ends, protocol, payload, ttl: 17 });
      const bytes = new Uint8Array(packet.length + 30).fill(0xee);
      bytes.set(packet, 13);
      const parsed = new Parsed();
      t.is(parsed.parse(bytes, 13, packet.length + 5), 0);
      t.is(parsed.family, four ? 4 : 6);
      t.is(parsed.offset, 13);
      t.is(parsed.length, packet.length);
      t.is(parsed.protocol, protocol);
      t.is(parsed.l4Offset, 13 + header);
      t.is(parsed.headerLength, header);
      t.is(parsed.ttl, 17);
      t.is(parsed.fragment, FRAGMENT_NONE);
      t.false(parsed.moreFragments);
      const source = address(ends.source);
      const destination = address(ends.destination);
      if (four) {
        t.is(parsed.source4, word(source));
        t.is(parsed.destination4, word(destination));
        t.true(parsed.isFrom(word(source)) && parsed.isTo(word(destination) >>> 0));
        t.false(parsed.isFrom(word(destination)) || parsed.isTo(word(source), 0, 0, 1));
      } else {
        const words = [
          parsed.s0,
          parsed.s1,
          parsed.s2,
          parsed.s3,
          parsed.d0,
          parsed.d1,
          parsed.d2,
          parsed.d3,
        ];
        t.deepEqual(
          words,
          [0, 1, 2, 3].map((i) => word(source, i)).concat([0, 1, 2, 3].map((i) => word(destination, i))),
        );
        t.true(parsed.isFrom(words[0] >>> 0, words[1], words[2], words[3]));
        t.false(parsed.isTo(words[4], words[5], words[6], words[7] + 1));
      }
      t.deepEqual(
        [parsed.sourcePort, parsed.destinationPort],
        protocol === 6 ? [1000, 443] : protocol === 17 ? [53, 5353] : [0, 0],
      );
      t.is(parsed.tcpFlags, protocol === 6 ? 0x12 : 0);
      t.is(parsed.isIcmp, protocol === 1 || protocol === 58);
      t.deepEqual([parsed.icmpType, parsed.icmpCode], parsed.isIcmp ? [8, 3] : [0, 0]);
      t.is(parsed.isIcmpError, protocol === 58); // type 8 is an echo in ICMP and below 128 in ICMPv6
      const checksum = protocol === 6 ? 16 : protocol === 17 ? 6 : four ? -1 : 2;
      t.is(parsed.checksumAt, checksum < 0 ? 0 : parsed.l4Offset + checksum);
    }
  }
});

test('nothing of one packet is left over in the next', (t) => {
  const used = new Parsed();
  const packets = [
    ip({
      ...V6,
      protocol: 58,
      payload: icmp(1, 4, DATA),
      extensions: [58, 0, 0, 1, 0, 0, 0, 1],
      extensionProtocol: 44,
    }),
    ip({ ...V4, protocol: 6, payload: tcp(1, 2, 3, [], DATA) }),
    ip({ ...V4, protocol: 17, payload: DATA, fragmentOffset: 100, moreFragments: true }),
    ip({ ...V6, protocol: 47, payload: DATA }),
    ip({ ...V4, protocol: 1, payload: icmp(11, 0, DATA) }),
    ip({ ...V4, protocol: 132, payload: DATA }),
  ];
  for (const first of packets) {
    for (const second of packets) {
      used.parse(first, 0, first.length);
      t.is(used.parse(second, 0, second.length), 0);
      t.deepEqual({ ...used }, { ...parse(second)[1] });
    }
  }
});

test('which ICMP types are errors', (t) => {
  const types = Array.from({ length: 256 }, (_, type) => type);
  const errors = (ends: typeof V4, protocol: number) =>
    types.filter((type) => accept({ ...ends, protocol, payload: icmp(type, 0, DATA) }).isIcmpError);
  t.deepEqual(errors(V4, 1), [3, 4, 5, 11, 12]);
  t.deepEqual(errors(V6, 58), types.slice(0, 128));
  t.false(accept({ ...V6, protocol: 1, payload: icmp(3, 0, DATA), keepChecksum: true }).isIcmp);
  t.false(accept({ ...V4, protocol: 58, payload: icmp(1, 0, DATA), keepChecksum: true }).isIcmp);
});

test('IPv6 extension headers are walked to the upper layer', (t) => {
  const hop = [60, 0, 1, 4, 0, 0, 0, 0];
  const destination = [43, 1, 1, 12, ...new Array<number>(12).fill(0)];
  const routing = [44, 0, 4, 0, 0, 0, 0, 0];
  const atomic = [17, 0, 0, 0, 0, 0, 0, 9];
  const parsed = accept({
    ...V6,
    protocol: 17,
    payload: udp(7, 9, DATA),
    extensions: [...hop, ...destination, ...routing, ...atomic],
  });
  t.is(parsed.protocol, 17);
  t.is(parsed.headerLength, 40 + 8 + 16 + 8 + 8);
  t.is(parsed.fragment, FRAGMENT_NONE);
  t.is(parsed.destinationPort, 9);

  const first = accept({
    ...V6,
    protocol: 6,
    payload: tcp(7, 9, 2, [], DATA.subarray(0, 4)),
    extensions: [6, 0, 0, 1, 0, 0, 0, 9],
    extensionProtocol: 44,
  });
  t.is(first.fragment, FRAGMENT_FIRST);
  t.true(first.moreFragments);
  t.is(first.destinationPort, 9);

  const later = accept({
    ...V6,
    protocol: 6,
    payload: DATA,
    extensions: [6, 0, 1, 0, 0, 0, 0, 9],
    extensionProtocol: 44,
    keepChecksum: true,
  });
  t.is(later.fragment, FRAGMENT_LATER);
  t.false(later.moreFragments);
  t.deepEqual([later.protocol, later.destinationPort, later.checksumAt], [6, 0, 0]);
});

test('IPv4 fragments', (t) => {
  const first = accept({ ...V4, protocol: 17, payload: udp(7, 9, new Uint8Array(16)), moreFragments: true });
  t.is(first.fragment, FRAGMENT_FIRST);
  t.is(first.sourcePort, 7);
  const later = accept({ ...V4, protocol: 17, payload: DATA, fragmentOffset: 3 });
  t.is(later.fragment, FRAGMENT_LATER);
  t.deepEqual([later.sourcePort, later.checksumAt], [0, 0]);
  // A first fragment's UDP length speaks of the whole datagram.
  const whole = udp(7, 9, new Uint8Array(16));
  whole[4] = 5;
  t.is(refuse(ip({ ...V4, protocol: 17, payload: whole, moreFragments: true })), 0);
  t.is(refuse(ip({ ...V4, protocol: 17, payload: whole })), DROP.malformed);
});

test('odd but right: trailing bytes, no next header, unknown protocols, short UDP, options', (t) => {
  const padded = Uint8Array.from([...ip({ ...V4, protocol: 17, payload: udp(1, 2, DATA) }), 0, 0, 0]);
  t.is(parse(padded)[1].length, padded.length - 3);
  t.is(accept({ ...V6, protocol: 59, payload: new Uint8Array(0) }).protocol, 59);
  t.is(accept({ ...V4, protocol: 255, payload: new Uint8Array(0) }).l4Offset, 20);
  const short = udp(1, 2, DATA);
  short[5] = 8;
  t.is(accept({ ...V4, protocol: 17, payload: short }).destinationPort, 2);
  t.is(accept({ ...V4, protocol: 17, payload: udp(1, 2, DATA), options: [148, 4, 0, 0] }).headerLength, 24);
  t.is(accept({ ...V4, protocol: 17, payload: udp(1, 2, DATA), options: [0, 131, 7, 4] }).headerLength, 24);
});

const valid = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(V4, V6),
      fc.constantFrom(1, 6, 17, 58, 47),
      fc.uint8Array({ maxLength: 80 }),
      fc.boolean(),
      fc.constantFrom(0, 0, 1, 2, 9),
    )
    .map(([ends, protocol, data, moreFragments, fragmentOffset]) => {
      const payload =
        protocol === 6
          ? tcp(1, 2, 2, [2, 4, 5, 180], data)
          : protocol === 17
            ? udp(1, 2, data)
            : icmp(3, 0, data);
      const extensions =
        ends === V6 && moreFragments
          ? [60, 0, 0, (fragmentOffset << 3) | 1, 0, 0, 0, 0, protocol, 0, 1, 4, 0, 0, 0, 0]
          : [];
      return ip({
        ...ends,
        protocol,
        payload,
        moreFragments,
        fragmentOffset,
        extensions,
        extensionProtocol: 44,
        keepChecksum: true,
      });
    }),
  fc
    .array(fc.tuple(fc.constantFrom(0, 43, 44, 60), fc.uint8Array({ minLength: 8, maxLength: 8 })), {
      maxLength: 4,
    })
    .map((headers) => {
      const extensions = headers.flatMap(([, bytes], i) => [
        headers[i + 1]?.[0] ?? 17,
        0,
        bytes[2],
        bytes[3] & 1,
        ...bytes.slice(4),
      ]);
      return ip({
        ...V6,
        protocol: 17,
        payload: udp(1, 2, DATA),
        extensions,
        extensionProtocol: headers[0]?.[0],
      });
    }),
  fc.uint8Array({ maxLength: 120 }),
);
const mutated = fc
  .tuple(valid, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }), fc.nat(140), fc.boolean())
  .map(([packet, changes, cut, mend]) => {
    const bytes = Uint8Array.from(
      packet.subarray(0, Math.max(0, packet.length - (cut > 100 ? cut - 100 : 0))),
    );
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    if (mend && bytes.length >= 20 && bytes[0] >> 4 === 4) return edit4(bytes, () => {});
    if (mend && bytes.length >= 40 && bytes[0] >> 4 === 6) bytes.set([0, bytes.length - 40], 4);
    return bytes;
  });

/** All fields but the memory, with offsets counted from the packet's start. */
test('random and mutated packets: never an exception, never a read outside, fields in range', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(mutated, fc.nat(20), fc.nat(3), (packet, before, after) => {
      const length = packet.length + after;
      // Memory that ends where the packet ends: any read outside throws.
      const exact = new Uint8Array(length);
      exact.set(packet);
      const parsed = new Parsed();
      const refusal = parsed.parse(exact, 0, length);
      t.true(
        refusal === 0 || refusal === DROP.malformed || refusal === DROP['not-ip'] || refusal === DROP.policy,
      );
      // Any surroundings: the same answer.
      const wide = new Uint8Array(before + length + 20).fill(0x60);
      wide.set(exact, before);
      const moved = new Parsed();
      t.is(moved.parse(wide, before, length), refusal);
      if (refusal !== 0 && refusal !== DROP.policy) return;
      accepted++;
      t.deepEqual(fieldsOf(moved), fieldsOf(parsed));
      t.true(parsed.length <= length && parsed.l4Offset <= parsed.length);
      t.is(parsed.l4Offset, parsed.headerLength);
      t.true(parsed.checksumAt === 0 || parsed.checksumAt + 2 <= parsed.length);
      for (const value of Object.values(fieldsOf(parsed)))
        t.true(typeof value === 'boolean' || (value | 0) === value);
      if (parsed.fragment === FRAGMENT_LATER)
        t.is(parsed.sourcePort | parsed.destinationPort | parsed.checksumAt, 0);
    }),
    { numRuns: 4000 },
  );
  t.true(accepted > 400, `only ${accepted} packets were accepted: the generator is too wild`);
});
