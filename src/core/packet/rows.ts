/**
 * The descriptor table: one row of 16 Int32 for each packet in the arena. The addon fills rows (tunRead, udpRecv),
 * TypeScript decides on rows, the addon acts on rows (openBatch, sealSend, tunWrite). This file and native/rows.h
 * state the same layout; a test compares them.
 *
 * A row from the TUN may be a super-packet (GSO): up to 64 KiB that the addon will segment. TypeScript decides its
 * fate once, for all its segments.
 */
export const ROW_STRIDE = 16;

/** Byte offset of the packet (TUN) or datagram (UDP) in the arena. */
export const ROW_OFFSET = 0;
/** Its length in bytes. */
export const ROW_LENGTH = 1;
/** One of the VERDICT_ numbers. */
export const ROW_VERDICT = 2;
/** virtio_net_hdr gso_type of a row from the TUN (0 none, 1 TCPv4, 4 TCPv6, 5 UDP_L4). */
export const ROW_GSO_TYPE = 3;
/** virtio_net_hdr gso_size: payload bytes of each segment. */
export const ROW_GSO_SIZE = 4;
/**
 * virtio_net_hdr flags: bit 0 NEEDS_CSUM (the L4 checksum field holds the folded pseudo-header sum), bit 1 DATA_VALID. Of
 * a row to be sealed besides: bit 8 SEAL_WHOLE, and from bit 16 on the largest IPv4 packet (0 = any): larger ones, also
 * as segments of a super-packet, leave in fragments.
 */
export const ROW_FLAGS = 5;
/** virtio_net_hdr csum_start and csum_offset. */
export const ROW_CSUM_START = 6;
export const ROW_CSUM_OFFSET = 7;
/** Session slot to open or seal with. */
export const ROW_SESSION = 8;
/** Path slot (an endpoint record in the path table) to send to. */
export const ROW_PATH = 9;
/** Index of the datagram's source record (rows of one received message share one). */
export const ROW_SOURCE = 10;
/** Peer that the packet came from or goes to; −1 none. */
export const ROW_PEER = 11;
/** Evidence for `explain` and for drops: what the decision was based on. −1 where there was none. */
export const ROW_ROUTE = 12;
export const ROW_NAT = 13;
/** Drop reason (packet/drop.ts) where the verdict is VERDICT_DROP. */
export const ROW_REASON = 14;
/** Free for the addon between two of its calls. */
export const ROW_NATIVE = 15;

export const FLAG_NEEDS_CSUM = 1;
export const FLAG_DATA_VALID = 2;
/** The outer packet must not be fragmented, neither here (EMSGSIZE: it is not sent) nor on its way. */
export const FLAG_SEAL_WHOLE = 256;
export const FLAG_FRAGMENT_SHIFT = 16;

export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;

/** Nothing more happens to this row. */
export const VERDICT_DROP = 0;
/** Open (decrypt in place) with the session in ROW_SESSION. */
export const VERDICT_OPEN = 1;
/** Set by the addon: opened; offset and length now describe the plaintext, the 16-byte header stands before it. */
export const VERDICT_OPENED = 2;
/** Set by the addon: authentication failed. */
export const VERDICT_OPEN_FAILED = 3;
/** Seal with ROW_SESSION and send to ROW_PATH. */
export const VERDICT_SEAL = 4;
/** Write to the LAN TUN. */
export const VERDICT_LAN = 5;
/** Write to the WAN TUN. */
export const VERDICT_WAN = 6;
/** Hand to the control thread (handshakes, inner packets to our control address). */
export const VERDICT_CONTROL = 7;
