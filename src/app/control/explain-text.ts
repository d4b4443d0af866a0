/** Drop reasons and ICMP errors in words. */
import type { DropReason } from '../../core/packet/drop.js';
import { ICMP4_TIME_EXCEEDED, ICMP6_UNREACHABLE } from '../../core/packet/icmp.js';
import { IP4_HEADER, IP6_HEADER } from '../../core/packet/offsets.js';

const REASONS: Partial<Record<DropReason, string>> = {
  malformed: 'the packet is malformed',
  'ttl-exceeded': 'its TTL has run out',
  'too-big': 'it is larger than the tunnel, or the path to its peer, takes',
  'source-invalid': 'its source is no address that a router forwards',
  'destination-invalid': 'its destination is no address that a router forwards',
  'no-route': 'no route leads to its destination',
  blackhole: 'the route says to drop it',
  'peer-down': 'the route exists, but nobody who serves it can be reached',
  'reverse-path': 'its source does not belong where it came from',
  loop: 'it would go back to where it came from',
  'no-nat-source': 'its source has no inside NAT, and the NAT table decides who may take part',
  'no-nat-destination': 'its destination has no inside NAT at this site',
};

/** A drop reason as a sentence. */
export function reasonText(reason: DropReason): string {
  return REASONS[reason] ?? reason;
}

const CODES4: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  4: 'fragmentation needed',
  6: 'destination network unknown',
  7: 'destination host unknown',
  13: 'communication administratively prohibited',
};

/** The ICMP error that stands at `offset`, in words and numbers. */
export function icmpText(bytes: Uint8Array, offset: number): string {
  const v4 = bytes[offset] >> 4 === 4;
  const at = offset + (v4 ? IP4_HEADER : IP6_HEADER);
  const type = bytes[at];
  const code = bytes[at + 1];
  const numbers = `type ${type} code ${code}`;
  if (!v4) return `ICMPv6 ${type === ICMP6_UNREACHABLE ? 'destination unreachable' : 'error'} (${numbers})`;
  if (type === ICMP4_TIME_EXCEEDED) return `ICMP time exceeded (${numbers})`;
  return `ICMP ${CODES4[code] ?? 'unreachable'} (${numbers})`;
}
