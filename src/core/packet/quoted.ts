/**
 * The packet that an ICMP error quotes. Unlike a packet on the wire it may be cut off anywhere after its IP header
 * (RFC 792 asks for eight bytes beyond it) and its lengths and checksums describe what was sent, not what is here;
 * so only what is needed to find the addresses and the upper-layer checksum is checked.
 */
import {
  get16,
  ICMP_HEADER,
  IP4_FRAGMENT,
  IP4_FRAGMENT_OFFSET_MASK,
  IP4_HEADER,
  IP4_PROTOCOL,
  IP6_HEADER,
  IP6_NEXT_HEADER,
  PROTOCOL_DESTINATION,
  PROTOCOL_FRAGMENT,
  PROTOCOL_HOP_BY_HOP,
  PROTOCOL_ROUTING,
  pseudoChecksumOffset,
} from './offsets.js';
import { EXTENSIONS_MAX, type Parsed } from './parsed.js';

export class Quoted {
  /** Byte offset of the quoted IP header, which is whole (IPv4 options, too) and of the error's family. */
  offset = 0;
  /** Upper-layer protocol; where the quotation ends inside the IPv6 extension headers, the number of the cut one. */
  protocol = 0;
  /** Byte offset of the quoted upper-layer checksum that covers the addresses; 0 = none, or not quoted. */
  checksumAt = 0;

  /** Reads the quotation of the ICMP error `error`; false if it has no whole IP header of the same family. */
  parse(bytes: Uint8Array, error: Parsed): boolean {
    const start = error.l4Offset + ICMP_HEADER;
    const end = error.offset + error.length;
    this.offset = start;
    this.checksumAt = 0;
    return error.family === 4 ? this.parse4(bytes, start, end) : this.parse6(bytes, start, end);
  }

  private parse4(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < IP4_HEADER || bytes[start] >> 4 !== 4) return false;
    const header = (bytes[start] & 15) * 4;
    if (header < IP4_HEADER || start + header > end) return false;
    this.protocol = bytes[start + IP4_PROTOCOL];
    if ((get16(bytes, start + IP4_FRAGMENT) & IP4_FRAGMENT_OFFSET_MASK) === 0) {
      this.findChecksum(4, start + header, end);
    }
    return true;
  }

  private parse6(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < IP6_HEADER || bytes[start] >> 4 !== 6) return false;
    let next = bytes[start + IP6_NEXT_HEADER];
    let at = start + IP6_HEADER;
    for (let count = 0; count < EXTENSIONS_MAX; count++) {
      const isExtension =
        next === PROTOCOL_DESTINATION ||
        next === PROTOCOL_ROUTING ||
        next === PROTOCOL_FRAGMENT ||
        next === PROTOCOL_HOP_BY_HOP;
      if (!isExtension || at + 8 > end) break;
      const isFragment = next === PROTOCOL_FRAGMENT;
      const isLater = isFragment && get16(bytes, at + 2) >> 3 !== 0;
      // With segments left the pseudo-header holds another destination than the header: leave the checksum.
      const isRouted = next === PROTOCOL_ROUTING && bytes[at + 3] !== 0;
      next = bytes[at];
      this.protocol = next;
      if (isLater || isRouted) return true;
      at += isFragment ? 8 : 8 + 8 * bytes[at + 1];
    }
    this.protocol = next;
    this.findChecksum(6, at, end);
    return true;
  }

  private findChecksum(family: number, l4Offset: number, end: number): void {
    const offset = pseudoChecksumOffset(family, this.protocol);
    if (offset >= 0 && l4Offset + offset + 2 <= end) this.checksumAt = l4Offset + offset;
  }
}
