/**
 * Which addresses may cross a router at all. One place, because the forwarding path (RFC 1812 5.3.7, RFC 6890,
 * RFC 4291) and the question whether an ICMP error may be sent (RFC 1122 3.2.2) ask nearly the same.
 */
import { DROP } from './drop.js';
import type { Parsed } from './parsed.js';

const SOURCE_INVALID = DROP['source-invalid'];
const DESTINATION_INVALID = DROP['destination-invalid'];

/** 0.0.0.0/8, 127.0.0.0/8, multicast, 240.0.0.0/4 and broadcast: never one host that could be answered. */
function isNobody4(address: number): boolean {
  const top = address >>> 24;
  return top === 0 || top === 127 || top >= 224;
}

function isLinkLocal4(address: number): boolean {
  return address >>> 16 === 0xa9fe;
}

/** ::, ::1, other IPv4-compatible and IPv4-mapped forms, and multicast. */
function isNobody6(w0: number, w1: number, w2: number): boolean {
  if (w0 >>> 24 === 0xff) return true;
  return (w0 | w1) === 0 && (w2 === 0 || w2 === 0xffff);
}

function isLinkLocal6(w0: number): boolean {
  return w0 >>> 22 === 0x3fa;
}

/** Whether the source is one host's address, so that something may be sent to it. */
export function isAnswerableSource(parsed: Parsed): boolean {
  if (parsed.family === 4) return !isNobody4(parsed.source4);
  return !isNobody6(parsed.s0, parsed.s1, parsed.s2);
}

/** Whether the destination is a multicast or the limited broadcast address. */
export function isToMany(parsed: Parsed): boolean {
  if (parsed.family === 4) return parsed.destination4 >>> 28 === 14 || parsed.destination4 === -1;
  return parsed.d0 >>> 24 === 0xff;
}

/**
 * Whether a unicast router may forward between these addresses: 0, or source-invalid or destination-invalid.
 * Link-local addresses stay on their link (RFC 3927 2.7, RFC 4291 2.5.6); there is no multicast routing here.
 */
export function martian(parsed: Parsed): number {
  if (parsed.family === 4) {
    if (isNobody4(parsed.source4) || isLinkLocal4(parsed.source4)) return SOURCE_INVALID;
    if (isNobody4(parsed.destination4) || isLinkLocal4(parsed.destination4)) return DESTINATION_INVALID;
    return 0;
  }
  if (isNobody6(parsed.s0, parsed.s1, parsed.s2) || isLinkLocal6(parsed.s0)) return SOURCE_INVALID;
  if (isNobody6(parsed.d0, parsed.d1, parsed.d2) || isLinkLocal6(parsed.d0)) return DESTINATION_INVALID;
  return 0;
}
