import test from 'ava';
import fc from 'fast-check';
import { TO_LOCAL, TO_NETWORK } from '../../../src/core/nat/map.js';
import {
  findDestinationEntry,
  findSourceEntry,
  rewriteDestination,
  rewriteSource,
} from '../../../src/core/nat/rewrite.js';
import { address, CHECKSUM_OFFSET, checksumsRight, ip, partialSum, udp } from '../../support/packets.js';
import {
  data,
  familyOf,
  inside,
  parsedOf,
  payloadOf,
  protocols,
  REMOTE4,
  remote,
  slowTranslate,
  VIEW,
} from './fixtures.js';

test('source and destination rewrites equal packets built with the translated address', (t) => {
  const question = familyOf.chain((family) =>
    fc.tuple(fc.constant(family), inside(family, TO_NETWORK), inside(family, TO_LOCAL)),
  );
  fc.assert(
    fc.property(question, protocols, data, ([family, local, network], protocol, bytes) => {
      const keepChecksum = (protocol === 1) !== (family === 4) && (protocol === 1 || protocol === 58);
      const payload = payloadOf(protocol, bytes);
      const build = (source: Uint8Array, destination: Uint8Array) =>
        ip({ source, destination, protocol, payload, keepChecksum });
      const far = remote(family);

      const outgoing = build(local, far);
      const parsed = parsedOf(outgoing);
      const out = slowTranslate(local, TO_NETWORK);
      t.is(findSourceEntry(VIEW, parsed), out.entry);
      if (out.entry >= 0) rewriteSource(outgoing, parsed, VIEW, out.entry, TO_NETWORK, false);
      t.deepEqual(outgoing, build(out.bytes, far));
      t.deepEqual({ ...parsed }, { ...parsedOf(outgoing) });

      const incoming = build(far, network);
      const arrived = parsedOf(incoming);
      const back = slowTranslate(network, TO_LOCAL);
      t.is(findDestinationEntry(VIEW, arrived), back.entry);
      if (back.entry >= 0) rewriteDestination(incoming, arrived, VIEW, back.entry, TO_LOCAL, false);
      t.deepEqual(incoming, build(far, back.bytes));
      t.deepEqual({ ...arrived }, { ...parsedOf(incoming) });
    }),
    { numRuns: 500 },
  );
});

test('there and back again is the same packet', (t) => {
  const question = familyOf.chain((family) => fc.tuple(fc.constant(family), inside(family, TO_NETWORK)));
  fc.assert(
    fc.property(question, fc.constantFrom(6, 17), data, ([family, local], protocol, bytes) => {
      const packet = ip({
        source: local,
        destination: remote(family),
        protocol,
        payload: payloadOf(protocol, bytes),
      });
      const before = Uint8Array.from(packet);
      const parsed = parsedOf(packet);
      const found = findSourceEntry(VIEW, parsed);
      if (found < 0) return;
      rewriteSource(packet, parsed, VIEW, found, TO_NETWORK, false);
      rewriteSource(packet, parsed, VIEW, found, TO_LOCAL, false);
      t.deepEqual(packet, before);
    }),
  );
});

test('a partial checksum follows the address and is not complemented', (t) => {
  const question = familyOf.chain((family) => fc.tuple(fc.constant(family), inside(family, TO_NETWORK)));
  fc.assert(
    fc.property(question, fc.constantFrom(6, 17), data, ([family, local], protocol, bytes) => {
      const far = remote(family);
      const payload = payloadOf(protocol, bytes);
      const build = (source: Uint8Array) => {
        const field = partialSum(source, far, protocol, payload.length);
        payload.set([field >> 8, field & 255], CHECKSUM_OFFSET[protocol]);
        return ip({ source, destination: far, protocol, payload, keepChecksum: true });
      };
      const packet = build(local);
      const parsed = parsedOf(packet);
      const found = findSourceEntry(VIEW, parsed);
      if (found < 0) return;
      rewriteSource(packet, parsed, VIEW, found, TO_NETWORK, true);
      t.deepEqual(packet, build(slowTranslate(local, TO_NETWORK).bytes));
    }),
  );
});

test('fragments: the first carries the checksum, later ones change their address only', (t) => {
  const local = address('172.16.10.77');
  const network = address('10.100.10.77');
  const datagram = (source: Uint8Array) =>
    ip({
      source,
      destination: REMOTE4,
      protocol: 17,
      payload: udp(
        1,
        2,
        Uint8Array.from({ length: 40 }, (_, i) => i),
      ),
    });
  const pieces = (source: Uint8Array) => {
    const whole = datagram(source).slice(20);
    const common = { source, destination: REMOTE4, protocol: 17, keepChecksum: true };
    return [
      ip({ ...common, payload: whole.slice(0, 24), moreFragments: true }),
      ip({ ...common, payload: whole.slice(24), fragmentOffset: 3 }),
    ];
  };
  const after = pieces(local).map((piece) => {
    const parsed = parsedOf(piece);
    rewriteSource(piece, parsed, VIEW, findSourceEntry(VIEW, parsed), TO_NETWORK, false);
    return piece;
  });
  t.deepEqual(after, pieces(network));
});

test('UDP without a checksum stays without', (t) => {
  const none = ip({
    source: '172.16.10.9',
    destination: REMOTE4,
    protocol: 17,
    payload: udp(1, 2, new Uint8Array(4)),
    keepChecksum: true,
  });
  rewriteSource(none, parsedOf(none), VIEW, 0, TO_NETWORK, false);
  t.deepEqual([none[26], none[27]], [0, 0]);
  t.true(checksumsRight(none));
});

/** A quoted packet from the far side to a local host, and what the quotation must become. */
