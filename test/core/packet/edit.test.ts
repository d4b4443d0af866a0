import test from 'ava';
import fc from 'fast-check';
import { clampMss } from '../../../src/core/packet/mss.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { decrementTtl } from '../../../src/core/packet/ttl.js';
import { checksumsRight, type IpOptions, ip, partialSum, tcp, udp } from '../../support/packets.js';

const V4 = { source: '172.16.10.15', destination: '192.168.10.15' };
const V6 = { source: 'fd00:10::15', destination: '2001:db8::1' };
const NONE = new Uint8Array(0);
const SYN = 2;

function parsedOf(packet: Uint8Array): Parsed {
  const parsed = new Parsed();
  const refusal = parsed.parse(packet, 0, packet.length);
  if (refusal !== 0) throw new Error(`refused: ${refusal}`);
  return parsed;
}

const syn = (ends: typeof V4, options: readonly number[], more: Partial<IpOptions> = {}) =>
  ip({ ...ends, protocol: 6, payload: tcp(1, 2, SYN, options, NONE), ...more });

/** MSS options as a list, read without the code under test. */
function mssOf(packet: Uint8Array): number | undefined {
  const l4 = packet.subarray(packet[0] >> 4 === 4 ? 20 : 40);
  for (let at = 20; at < (l4[12] >> 4) * 4; at += l4[at] === 1 ? 1 : Math.max(2, l4[at + 1])) {
    if (l4[at] === 0) return undefined;
    if (l4[at] === 2) return l4[at + 2] * 256 + l4[at + 3];
  }
  return undefined;
}

test('MSS is lowered at even and odd offsets, and the checksum stays right', (t) => {
  const padding = fc.constantFrom(
    [],
    [1],
    [1, 1],
    [1, 1, 1],
    [3, 3, 7],
    [4, 2, 1],
    [8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1],
  );
  fc.assert(
    fc.property(
      fc.constantFrom(V4, V6),
      padding,
      fc.nat(0xffff),
      fc.integer({ min: 1, max: 0xffff }),
      (ends, before, mss, max) => {
        const packet = syn(ends, [...before, 2, 4, mss >> 8, mss & 255, 1, 3, 3, 7]);
        const changed = clampMss(packet, parsedOf(packet), max, false);
        t.is(changed, mss > max);
        t.is(mssOf(packet), Math.min(mss, max));
        t.true(checksumsRight(packet));
      },
    ),
  );
});

test('a partial checksum is left alone', (t) => {
  const packet = syn(V4, [2, 4, 5, 180]);
  const field = partialSum(packet.slice(12, 16), packet.slice(16, 20), 6, 24);
  packet.set([field >> 8, field & 255], 36);
  t.true(clampMss(packet, parsedOf(packet), 1000, true));
  t.is(mssOf(packet), 1000);
  t.is((packet[36] << 8) | packet[37], field);
});

test('what is not clamped', (t) => {
  const untouched = (packet: Uint8Array) => {
    const before = Uint8Array.from(packet);
    t.false(clampMss(packet, parsedOf(packet), 500, false));
    t.deepEqual(packet, before);
  };
  untouched(ip({ ...V4, protocol: 6, payload: tcp(1, 2, 0x10, [2, 4, 5, 180], NONE) }));
  untouched(ip({ ...V4, protocol: 17, payload: udp(1, 2, tcp(1, 2, SYN, [2, 4, 5, 180], NONE)) }));
  untouched(syn(V4, []));
  untouched(syn(V4, [1, 1, 1, 2])); // kind without a length at the very end
  untouched(syn(V4, [1, 2, 4, 5])); // value beyond the header
  untouched(syn(V4, [2, 3, 5, 1])); // wrong length
  untouched(syn(V4, [3, 0, 2, 4, 5, 180, 1, 1])); // length 0 would never end
  untouched(syn(V4, [3, 1, 2, 4, 5, 180, 1, 1]));
  untouched(syn(V4, [0, 2, 4, 5, 180, 1, 1, 1])); // after the end of options
  untouched(ip({ ...V4, protocol: 6, payload: tcp(1, 2, SYN, [2, 4, 5, 180], NONE), fragmentOffset: 8 }));
});

test('options of random bytes never lead outside the TCP header', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(255), fc.constantFrom(1, 2, 3, 4)), { maxLength: 40 }),
      (options) => {
        const packet = ip({
          ...V4,
          protocol: 6,
          payload: tcp(1, 2, SYN, options, new Uint8Array(9).fill(2)),
        });
        const before = Uint8Array.from(packet);
        const parsed = parsedOf(packet);
        clampMss(packet, parsed, 500, false);
        t.deepEqual(packet.slice(-9), before.slice(-9));
        t.true(checksumsRight(packet));
      },
    ),
  );
});

test('each TTL goes down by one and the checksums stay right; 0 and 1 are refused untouched', (t) => {
  for (const ends of [V4, V6]) {
    for (let ttl = 0; ttl < 256; ttl++) {
      const packet = ip({ ...ends, ttl, protocol: 17, payload: udp(1, ttl, NONE) });
      const before = Uint8Array.from(packet);
      const parsed = parsedOf(packet);
      const after = decrementTtl(packet, parsed);
      if (ttl <= 1) {
        t.is(after, 0);
        t.deepEqual(packet, before);
      } else {
        t.is(after, ttl - 1);
        t.deepEqual(packet, ip({ ...ends, ttl: ttl - 1, protocol: 17, payload: udp(1, ttl, NONE) }));
        t.deepEqual({ ...parsed }, { ...parsedOf(packet) });
      }
    }
  }
});
