/** What the NAT tests share: entries of both families, a slow twin that builds translated packets anew, arbitraries. */
import fc from 'fast-check';
import { covers } from '../../../src/core/base/prefix.js';
import { compileNat, type NatEntry, NatView, TO_NETWORK } from '../../../src/core/nat/map.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { address, icmp, prefix, tcp, udp } from '../../support/packets.js';

export const entry = (local: string, network: string): NatEntry => ({
  local: prefix(local),
  network: prefix(network),
});
export const ENTRIES = [
  entry('172.16.10.0/24', '10.100.10.0/24'),
  entry('172.16.10.15/32', '10.100.99.1/32'),
  entry('192.168.0.0/19', '10.200.32.0/19'),
  entry('fd01:2:3::/48', '2001:db8:a::/48'),
  entry('fd01:2:3:4::/61', '2001:db8:b:8::/61'),
  entry('fd01:2:3:4::5/128', '2001:db8:c::9/128'),
];
export const VIEW = new NatView(compileNat(ENTRIES));

export const REMOTE4 = '10.50.0.7';
export const REMOTE6 = '2001:db8:ffff::7';

/** The translated address, bit by bit, and the entry; longest prefix wins. */
export function slowTranslate(bytes: Uint8Array, direction: number): { bytes: Uint8Array; entry: number } {
  let best = -1;
  const side = (index: number) => (direction === TO_NETWORK ? ENTRIES[index].local : ENTRIES[index].network);
  ENTRIES.forEach((_, index) => {
    if (covers(side(index), bytes) && (best < 0 || side(index).length > side(best).length)) best = index;
  });
  if (best < 0) return { bytes, entry: -1 };
  const other = direction === TO_NETWORK ? ENTRIES[best].network : ENTRIES[best].local;
  const result = Uint8Array.from(bytes);
  for (let bit = 0; bit < other.length; bit++) {
    const mask = 0x80 >> (bit & 7);
    result[bit >> 3] = (result[bit >> 3] & ~mask) | (other.bytes[bit >> 3] & mask);
  }
  return { bytes: result, entry: best };
}

export function parsedOf(packet: Uint8Array): Parsed {
  const parsed = new Parsed();
  const refusal = parsed.parse(packet, 0, packet.length);
  if (refusal !== 0) throw new Error(`refused: ${refusal}`);
  return parsed;
}

/** Addresses inside (and sometimes outside) the prefixes of one side. */
export function inside(family: 4 | 6, direction: number): fc.Arbitrary<Uint8Array> {
  const sides = ENTRIES.map((e) => (direction === TO_NETWORK ? e.local : e.network)).filter(
    (p) => p.family === family,
  );
  const outside = prefix(family === 4 ? '203.0.113.0/24' : 'fc00:9::/32');
  return fc
    .tuple(fc.constantFrom(...sides, outside), fc.uint8Array({ minLength: 16, maxLength: 16 }))
    .map(([p, noise]) => {
      const bytes = Uint8Array.from(p.bytes);
      for (let bit = p.length; bit < bytes.length * 8; bit++)
        bytes[bit >> 3] |= noise[bit >> 3] & (0x80 >> (bit & 7));
      return bytes;
    });
}

export const familyOf = fc.constantFrom(4 as const, 6 as const);
export const remote = (family: 4 | 6) => address(family === 4 ? REMOTE4 : REMOTE6);

export function payloadOf(protocol: number, data: Uint8Array): Uint8Array {
  if (protocol === 6) return tcp(4000, 443, 0x18, [], data);
  if (protocol === 17 || protocol === 136 || protocol === 33) return udp(53, 5353, data);
  if (protocol === 1) return icmp(8, 0, data);
  if (protocol === 58) return icmp(128, 0, data);
  return data;
}

export const protocols = fc.constantFrom(6, 17, 1, 58, 136, 33, 47, 132);
export const data = fc.uint8Array({ minLength: 8, maxLength: 60 });
