/** ICMP errors through the NAT: the quoted packet is shown as its sender knew it, and every checksum with it. */
import test from 'ava';
import fc from 'fast-check';
import { TO_LOCAL, TO_NETWORK } from '../../../src/core/nat/map.js';
import {
  adoptQuotedDestination,
  EMBEDDED_MALFORMED,
  EMBEDDED_UNMAPPED,
  findSourceEntry,
  rewriteDestination,
  rewriteEmbedded,
  rewriteSource,
} from '../../../src/core/nat/rewrite.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { address, CHECKSUM_OFFSET, checksumsRight, icmpError, ip, tcp, udp } from '../../support/packets.js';
import {
  data,
  ENTRIES,
  familyOf,
  inside,
  parsedOf,
  payloadOf,
  REMOTE4,
  REMOTE6,
  remote,
  slowTranslate,
  VIEW,
} from './fixtures.js';

const quotations = familyOf
  .chain((family) =>
    fc.record({
      family: fc.constant(family),
      local: inside(family, TO_NETWORK),
      network: inside(family, TO_LOCAL),
      protocol: fc.constantFrom(6, 17, family === 4 ? 1 : 58, 47),
      data,
      keep: fc.oneof(fc.constant(1000), fc.nat(100)),
      noChecksum: fc.boolean(),
    }),
  )
  // Half a checksum cannot be mended (nor read by anyone): a quotation cut there is left to its own test.
  .filter(({ protocol, keep }) => keep !== (CHECKSUM_OFFSET[protocol] ?? 0) + 1);

test('errors leaving the site: quoted destination and outer source become network addresses', (t) => {
  fc.assert(
    fc.property(quotations, ({ family, local, protocol, data: bytes, keep, noChecksum }) => {
      const far = remote(family);
      const type = family === 4 ? 3 : 1;
      const header = family === 4 ? 20 : 40;
      const keepChecksum = noChecksum && protocol === 17;
      const build = (host: Uint8Array, reporter: Uint8Array) => {
        const about = ip({
          source: far,
          destination: host,
          protocol,
          payload: payloadOf(protocol, bytes),
          keepChecksum,
        });
        const payload = icmpError(type, 1, about.slice(0, header + keep));
        return ip({ source: reporter, destination: far, protocol: family === 4 ? 1 : 58, payload });
      };
      const packet = build(local, local);
      const before = Uint8Array.from(packet);
      const parsed = parsedOf(packet);
      const translated = slowTranslate(local, TO_NETWORK);
      const found = rewriteEmbedded(packet, parsed, VIEW, TO_NETWORK, false);
      if (translated.entry < 0) {
        t.is(found, EMBEDDED_UNMAPPED);
        t.deepEqual(packet, before);
        return;
      }
      t.is(found, translated.entry);
      rewriteSource(packet, parsed, VIEW, findSourceEntry(VIEW, parsed), TO_NETWORK, false);
      t.deepEqual(packet, build(translated.bytes, translated.bytes));
      t.true(checksumsRight(packet));

      // The same from a router that has no NAT entry.
      const router = address(family === 4 ? '10.255.0.1' : 'fd77::1');
      const other = build(local, router);
      const reported = parsedOf(other);
      t.is(rewriteEmbedded(other, reported, VIEW, TO_NETWORK, false), translated.entry);
      t.is(findSourceEntry(VIEW, reported), -1);
      adoptQuotedDestination(other, reported, false);
      t.deepEqual(other, build(translated.bytes, translated.bytes));
      t.deepEqual({ ...reported }, { ...parsedOf(other) });
    }),
    { numRuns: 500 },
  );
});

test('errors that arrive: quoted source and outer destination become local addresses', (t) => {
  fc.assert(
    fc.property(quotations, ({ family, network, protocol, data: bytes, keep, noChecksum }) => {
      const far = remote(family);
      const header = family === 4 ? 20 : 40;
      const keepChecksum = noChecksum && protocol === 17;
      const build = (host: Uint8Array) => {
        const about = ip({
          source: host,
          destination: far,
          protocol,
          payload: payloadOf(protocol, bytes),
          keepChecksum,
        });
        const payload = icmpError(family === 4 ? 11 : 3, 0, about.slice(0, header + keep));
        const reporter = family === 4 ? '198.51.100.1' : '2001:db8:eeee::1';
        return ip({ source: reporter, destination: host, protocol: family === 4 ? 1 : 58, payload });
      };
      const packet = build(network);
      const parsed = parsedOf(packet);
      const translated = slowTranslate(network, TO_LOCAL);
      const found = rewriteEmbedded(packet, parsed, VIEW, TO_LOCAL, false);
      t.is(found, translated.entry < 0 ? EMBEDDED_UNMAPPED : translated.entry);
      if (found < 0) return;
      rewriteDestination(packet, parsed, VIEW, found, TO_LOCAL, false);
      t.deepEqual(packet, build(translated.bytes));
      t.deepEqual({ ...parsed }, { ...parsedOf(packet) });
    }),
    { numRuns: 500 },
  );
});

test('quotations of fragments, extension headers and options', (t) => {
  const build4 = (host: string, fragmentOffset: number) =>
    icmpErrorOf(
      ip({
        source: REMOTE4,
        destination: host,
        protocol: 17,
        // Of a later fragment these are data, also where a checksum would stand.
        payload: fragmentOffset === 0 ? udp(1, 2, new Uint8Array(9)) : new Uint8Array(16).fill(7),
        options: [148, 4, 0, 0],
        fragmentOffset,
        moreFragments: fragmentOffset === 0,
      }),
      host,
      REMOTE4,
    );
  for (const fragmentOffset of [0, 5]) {
    const packet = build4('172.16.10.3', fragmentOffset);
    const parsed = parsedOf(packet);
    t.is(rewriteEmbedded(packet, parsed, VIEW, TO_NETWORK, false), 0);
    rewriteSource(packet, parsed, VIEW, 0, TO_NETWORK, false);
    t.deepEqual(packet, build4('10.100.10.3', fragmentOffset));
  }
  const build6 = (host: string, extensions: number[], first: number, keepChecksum = false) =>
    icmpErrorOf(
      ip({
        source: REMOTE6,
        destination: host,
        protocol: 6,
        payload: tcp(1, 2, 2, [], new Uint8Array(0)),
        extensions,
        extensionProtocol: first,
        keepChecksum,
      }),
      host,
      REMOTE6,
    );
  const chains: [number[], number, boolean?][] = [
    [[60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0], 0],
    [[6, 0, 0, 1, 0, 0, 0, 1], 44],
    [[6, 0, 0, 9, 0, 0, 0, 1], 44, true],
    [[6, 0, 4, 1, 0, 0, 0, 1], 43, true],
    [[6, 99, 1, 4, 0, 0, 0, 1], 60, true],
  ];
  for (const [extensions, first, keepChecksum] of chains) {
    const packet = build6('fd01:2:3:9::5', extensions, first, keepChecksum);
    const parsed = parsedOf(packet);
    t.is(rewriteEmbedded(packet, parsed, VIEW, TO_NETWORK, false), 3);
    rewriteSource(packet, parsed, VIEW, 3, TO_NETWORK, false);
    t.deepEqual(packet, build6('2001:db8:a:9::5', extensions, first, keepChecksum), String(extensions));
  }
});

test('a quotation cut in the middle of its checksum keeps the half as it is', (t) => {
  const build = (host: string) => {
    const about = ip({
      source: REMOTE4,
      destination: host,
      protocol: 17,
      payload: udp(1, 2, new Uint8Array(9)),
    });
    about[26] = 0x77;
    return icmpErrorOf(about.slice(0, 27), host, REMOTE4);
  };
  const packet = build('172.16.10.3');
  const parsed = parsedOf(packet);
  t.is(rewriteEmbedded(packet, parsed, VIEW, TO_NETWORK, false), 0);
  rewriteSource(packet, parsed, VIEW, 0, TO_NETWORK, false);
  t.deepEqual(packet, build('10.100.10.3'));
});

test('errors that no honest reporter sends are refused and left alone', (t) => {
  const about = ip({
    source: REMOTE4,
    destination: '172.16.10.3',
    protocol: 17,
    payload: udp(1, 2, new Uint8Array(9)),
  });
  const refuse = (packet: Uint8Array, direction: typeof TO_NETWORK | typeof TO_LOCAL) => {
    const before = Uint8Array.from(packet);
    t.is(rewriteEmbedded(packet, parsedOf(packet), VIEW, direction, false), EMBEDDED_MALFORMED);
    t.deepEqual(packet, before);
  };
  refuse(icmpErrorOf(about, '172.16.10.3', '10.50.0.8'), TO_NETWORK); // not to the quoted sender
  refuse(icmpErrorOf(about.slice(0, 19), '172.16.10.3', REMOTE4), TO_NETWORK);
  refuse(icmpErrorOf(new Uint8Array(0), '172.16.10.3', REMOTE4), TO_NETWORK);
  refuse(
    icmpErrorOf(
      about.map((byte, i) => (i === 0 ? 0x65 : byte)),
      '172.16.10.3',
      REMOTE4,
    ),
    TO_NETWORK,
  );
  refuse(
    icmpErrorOf(
      about.map((byte, i) => (i === 0 ? 0x44 : byte)),
      '172.16.10.3',
      REMOTE4,
    ),
    TO_NETWORK,
  );
  refuse(
    icmpErrorOf(
      about.map((byte, i) => (i === 0 ? 0x4f : byte)),
      '172.16.10.3',
      REMOTE4,
    ),
    TO_NETWORK,
  );
  const about6 = ip({
    source: '2001:db8:a::1',
    destination: REMOTE6,
    protocol: 47,
    payload: new Uint8Array(9),
  });
  refuse(icmpErrorOf(about6, REMOTE6, '2001:db8:a::2'), TO_LOCAL);
  refuse(icmpErrorOf(about6.slice(0, 39), REMOTE6, '2001:db8:a::1'), TO_LOCAL);
});

test('errors of random bytes: never an exception, nothing changed outside the packet', (t) => {
  const changes = fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(familyOf, changes, fc.nat(80), fc.boolean(), (family, edits, cut, outward) => {
      const host = family === 4 ? '172.16.10.3' : 'fd01:2:3:9::5';
      const far = family === 4 ? REMOTE4 : REMOTE6;
      const quote = ip({
        source: far,
        destination: host,
        protocol: 6,
        payload: tcp(1, 2, 2, [], new Uint8Array(20)),
      });
      for (const [at, value] of edits) if (at < quote.length) quote[at] = value;
      const packet = icmpErrorOf(quote.slice(0, Math.max(0, quote.length - cut)), host, far);
      const bytes = new Uint8Array(packet.length + 64).fill(0xcc);
      bytes.set(packet, 32);
      const parsed = new Parsed();
      t.is(parsed.parse(bytes, 32, packet.length), 0);
      const found = rewriteEmbedded(bytes, parsed, VIEW, outward ? TO_NETWORK : TO_LOCAL, false);
      t.true(found >= EMBEDDED_MALFORMED && found < ENTRIES.length);
      t.true(
        bytes.slice(0, 32).every((byte) => byte === 0xcc) &&
          bytes.slice(32 + packet.length).every((byte) => byte === 0xcc),
      );
      t.true(checksumsRight(bytes.slice(32, 32 + packet.length)));
    }),
    { numRuns: 1000 },
  );
});

/** An ICMP unreachable from `source` to `destination` about `quote`. */

function icmpErrorOf(quote: Uint8Array, source: string, destination: string): Uint8Array {
  const four = !source.includes(':');
  return ip({ source, destination, protocol: four ? 1 : 58, payload: icmpError(four ? 3 : 1, 0, quote) });
}
