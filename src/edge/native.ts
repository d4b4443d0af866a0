/**
 * The addon: the only file that loads it, and the one statement of its surface. The addon holds no policy. It moves
 * batches of bytes between the kernel and caller-owned memory, and seals and opens them. Calls on the data path
 * return a count or −errno and never throw; calls at set-up throw TwinspanError.
 *
 * Memory of one worker ("context"): an arena and a descriptor table (core/packet/rows.ts).
 *
 *   arena = [ udpSlots × SLOT_BYTES | tunSlots × SLOT_BYTES | scratch for TypeScript ]
 *
 * A packet stands SLOT_HEADROOM bytes into its slot. Every offset and length in a row is checked against the arena
 * before it is used; a row that does not fit makes the call return −EINVAL and touches nothing outside.
 */
import { createRequire } from 'node:module';
import { TwinspanError } from '../core/base/errors.js';

export const SLOT_HEADROOM = 256;
export const SLOT_BYTES = SLOT_HEADROOM + 65_536 + 256;

/** TUN offloads: what `tunOpen` is asked for and what it got. */
export const TUN_OFFLOAD_CSUM = 1;
export const TUN_OFFLOAD_TSO = 2;
export const TUN_OFFLOAD_USO = 4;
/** Coalesce on write (needs CSUM and TSO / USO in the kernel's device). */
export const TUN_OFFLOAD_GRO = 8;
/** UDP offloads. */
export const UDP_OFFLOAD_GSO = 1;
export const UDP_OFFLOAD_GRO = 2;

/** Indices of the addon's own counters in `ContextOptions.stats` (Float64). */
export const STAT = {
  tunReads: 0,
  tunReadPackets: 1,
  tunWrites: 2,
  tunWritePackets: 3,
  tunWriteErrors: 4,
  udpReceives: 5,
  udpReceivedDatagrams: 6,
  udpSends: 7,
  udpSentDatagrams: 8,
  udpSentBytes: 9,
  /** Datagrams given up because the socket's buffer stayed full. */
  udpSendFull: 10,
  /** Datagrams given up because the kernel refused them (no route, no permission …). */
  udpSendErrors: 11,
  /** Segments not sealed because the counter limit (REJECT_AFTER_MESSAGES) was reached. */
  counterLimit: 12,
  /** Bit sets (UDP_OFFLOAD_, TUN_OFFLOAD_) demoted at run time after EIO or EINVAL. */
  udpDemoted: 13,
  tunDemoted: 14,
  opened: 15,
  openFailed: 16,
  sealed: 17,
  /** Packets given up because they could not be segmented (inconsistent GSO fields). */
  segmentErrors: 18,
} as const;
export const STAT_COUNT = 32;

export interface ContextOptions {
  /** Arena: a view over a SharedArrayBuffer or ArrayBuffer, udpSlots + tunSlots slots and scratch. */
  arena: Uint8Array;
  rows: Int32Array;
  udpSlots: number;
  tunSlots: number;
  /** Endpoint record (32 bytes) of each received message, udpSlots of them. */
  sources: Uint8Array;
  /** Endpoint record of each path slot. */
  paths: Uint8Array;
  /** Shared session columns: nonces are taken by atomic add; the remote index goes into the header. */
  sendCounter: BigUint64Array;
  remoteIndex: Uint32Array;
  stats: Float64Array;
}

export interface UdpOptions {
  /** Local address text; '' binds the wildcard: dual-stack if the kernel has IPv6. */
  address: string;
  port: number;
  /** SO_BINDTODEVICE; '' = not bound. */
  device: string;
  /** SO_MARK; 0 = none. */
  mark: number;
  /** UDP_OFFLOAD_ bits wanted. */
  offloads: number;
  /** SO_REUSEPORT, for several workers. */
  reusePort: boolean;
}

export interface Native {
  /** CLOCK_BOOTTIME in milliseconds, with fraction. The one clock of all threads. */
  now(): number;

  contextOpen(options: ContextOptions): number;
  contextClose(context: number): void;
  /** Tells the context which descriptor belongs to a socket index (endpoint record byte 1); −1 removes it. */
  socketSet(context: number, socket: number, fd: number, offloads: number): number;
  /** Installs both directions of a session (ChaCha20-Poly1305, 32-byte keys). Keys are copied. */
  keyInstall(context: number, slot: number, sealKey: Uint8Array, openKey: Uint8Array): number;
  keyRemove(context: number, slot: number): number;

  /** Opens (or attaches to) a TUN device; non-blocking, IFF_VNET_HDR; `offloads` in the answer is what the kernel took. */
  tunOpen(name: string, queues: number, offloads: number): { name: string; fds: number[]; offloads: number };
  /** Reads until dry or `max` rows; row k of the call uses TUN slot (k mod tunSlots), so max ≤ tunSlots. */
  tunRead(context: number, fd: number, firstRow: number, max: number): number;
  /** Writes the rows whose verdict is `verdict`, coalescing neighbours of a flow as `offloads` allows. */
  tunWrite(
    context: number,
    fd: number,
    firstRow: number,
    count: number,
    verdict: number,
    offloads: number,
  ): number;

  udpOpen(options: UdpOptions): { fd: number; port: number; family: 4 | 6; offloads: number };
  /** Receives up to `maxMessages` messages and splits GRO trains: one row a datagram. */
  udpRecv(context: number, fd: number, socket: number, firstRow: number, maxMessages: number): number;
  /** Opens in place every row with VERDICT_OPEN; sets VERDICT_OPENED or VERDICT_OPEN_FAILED. */
  openBatch(context: number, firstRow: number, count: number): number;
  /** Segments, seals and sends every row with VERDICT_SEAL, in row order. */
  sealSend(context: number, firstRow: number, count: number): number;
  /** One datagram from any thread: `record` is an endpoint record. */
  datagramSend(fd: number, bytes: Uint8Array, record: Uint8Array): number;

  /** Waits on up to 30 descriptors; bit k of the answer = fds[k] is readable; 0 = timed out. Event fds are drained. */
  pollerOpen(fds: number[]): number;
  pollerClose(poller: number): void;
  wait(poller: number, timeoutMs: number): number;
  eventOpen(): number;
  eventSignal(fd: number): number;
  closeFd(fd: number): number;

  /** Sends `text` to $NOTIFY_SOCKET; 0 when there is none. */
  sdNotify(text: string): number;
}

let loaded: Native | undefined;

/** The addon, loaded once. Throws TS_NATIVE_MISSING with a hint where it is not built. */
export function native(): Native {
  if (loaded === undefined) {
    try {
      loaded = createRequire(import.meta.url)('../../../native/build/Release/twinspan.node') as Native;
    } catch (error) {
      throw new TwinspanError(
        'TS_NATIVE_MISSING',
        'The native addon cannot be loaded.',
        'Build it: npm run setup',
        error,
      );
    }
  }
  return loaded;
}
