/**
 * MSS clamping: a TCP that crosses a tunnel must not be told a segment size that only fits the LAN, because path MTU
 * discovery dies wherever ICMP is filtered. The MSS option (RFC 9293 3.7.1) of each SYN is lowered to what fits.
 */
import { applyDifference, difference16 } from './checksum.js';
import { get16, PROTOCOL_TCP, put16, TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_HEADER, TCP_SYN } from './offsets.js';
import { FRAGMENT_LATER, type Parsed } from './parsed.js';

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_MSS_BYTES = 4;

/**
 * Lowers the MSS option of a SYN to `mssMax` bytes; returns whether the packet was changed. A smaller MSS, a SYN
 * without the option (RFC 9293: 536 bytes, 1220 in IPv6) and options that do not parse are left alone. A partial
 * checksum does not cover the option and needs no change.
 */
export function clampMss(
  bytes: Uint8Array,
  parsed: Parsed,
  mssMax: number,
  partialChecksum: boolean,
): boolean {
  if ((parsed.tcpFlags & TCP_SYN) === 0 || parsed.protocol !== PROTOCOL_TCP) return false;
  if (parsed.fragment === FRAGMENT_LATER) return false;
  const l4 = parsed.l4Offset;
  const end = l4 + (bytes[l4 + TCP_DATA_OFFSET] >> 4) * 4;
  let at = l4 + TCP_HEADER;
  while (at < end) {
    const kind = bytes[at];
    if (kind === OPTION_END) return false;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 2 > end) return false;
    const size = bytes[at + 1];
    if (size < 2 || at + size > end) return false;
    if (kind === OPTION_MSS) {
      if (size !== OPTION_MSS_BYTES) return false;
      const before = get16(bytes, at + 2);
      if (before <= mssMax) return false;
      put16(bytes, at + 2, mssMax);
      if (!partialChecksum) {
        const odd = ((at - l4) & 1) !== 0;
        const checksum = get16(bytes, l4 + TCP_CHECKSUM);
        // At an odd offset the option's bytes stand in the other halves of two words: the sum sees it swapped.
        const difference = odd ? difference16(swap(before), swap(mssMax)) : difference16(before, mssMax);
        put16(bytes, l4 + TCP_CHECKSUM, applyDifference(checksum, difference));
      }
      return true;
    }
    at += size;
  }
  return false;
}

function swap(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}
