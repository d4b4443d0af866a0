/**
 * The addon: the only file that loads it, and the one statement of its surface. The addon holds no policy. It moves
 * batches of bytes between the kernel and caller-owned memory, and seals and opens them. Calls on the data path
 * return a count or −errno and never throw; calls at set-up throw TwinspanError.
 *
 * Memory of one worker ("context"): an arena and a descriptor table (core/packet/rows.ts).
 *
 *   arena = [ udpSlots × SLOT_BYTES | tunSlots × SLOT_BYTES | scratch for TypeScript ]
 *
 * A packet stands SLOT_HEADROOM bytes into its slot. All rows that a call would act on are checked against the arena
 * before the first is used; one that does not fit makes the call return −EINVAL and do nothing. A row to be sealed
 * needs 16 bytes of arena behind its packet (its padding is written there for a moment), which every slot has.
 *
 * Arrays given to `contextOpen` are kept until `contextClose`; they must not be transferred or resized meanwhile.
 * Descriptors belong to nobody: they may be opened on one thread and used on another, and are closed by `closeFd`.
 */
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import { AssertionError } from '../core/base/assert.js';
import { type ErrorCode, TwinspanError } from '../core/base/errors.js';

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

/** Kinds of sockets that `deviceSocket` opens. */
export const PROBE_UDP = 0;
export const PROBE_TCP = 1;
export const PROBE_ICMP = 2;

/** How an offload is wanted: where it works (and is known to work), by all means, or not at all. */
export type OffloadSwitch = 'auto' | 'on' | 'off';

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
  /** Packets given up because no key is installed in their session slot. */
  keyMissing: 19,
  /** Datagrams that must not be fragmented and that the local link does not take; not an error. */
  udpTooLong: 20,
  /** How often an offload was given up; which and why is `offloadError`. */
  demotions: 21,
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
  /** Threads that help to open a large batch (at most 7 are used). */
  lanes: number;
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

export interface TunDevice {
  name: string;
  /** One descriptor a queue, non-blocking. */
  fds: number[];
  /** One a queue to write to: several queues are read by some and written by others without moving flows. */
  writeFds: number[];
  /** What the kernel took of the TUN_OFFLOAD_ bits. */
  offloads: number;
}

export interface UdpSocket {
  fd: number;
  port: number;
  family: 4 | 6;
  /** What the kernel took of the UDP_OFFLOAD_ bits. */
  offloads: number;
}

export interface PacketSocket {
  fd: number;
  /** Interface index of the device. */
  index: number;
  /** Its link-layer address, 6 bytes. */
  mac: number[];
}

export interface Native {
  /** CLOCK_BOOTTIME in milliseconds, with fraction. The one clock of all threads. */
  now(): number;

  /** Throws AssertionError where the arrays do not fit each other: stats ≥ STAT_COUNT, sources ≥ udpSlots records … */
  contextOpen(options: ContextOptions): number;
  contextClose(context: number): number;
  /**
   * Tells the context which descriptor belongs to a socket index (endpoint record byte 1); −1 removes it. `offloads`
   * as `udpOpen` answered them. 0 or −errno.
   */
  socketSet(context: number, socket: number, fd: number, offloads: number): number;
  /**
   * Why an offload that was granted is no longer used: the errno with which the kernel refused it at run time; 0 where
   * it is used, or never was. `bit` is one UDP_OFFLOAD_ bit of the socket index `socket`, or one TUN_OFFLOAD_ bit
   * where `socket` is −1.
   */
  offloadError(context: number, socket: number, bit: number): number;
  /** Installs both directions of a session (ChaCha20-Poly1305, 32-byte keys). Keys are copied. 0 or −errno. */
  keyInstall(context: number, slot: number, sealKey: Uint8Array, openKey: Uint8Array): number;
  keyRemove(context: number, slot: number): number;

  /**
   * Opens (or attaches to) a TUN device; non-blocking, IFF_VNET_HDR. `name` may hold %d; `queues` 1–16 (more than one
   * needs a device that was made with several). Throws TS_DEVICE or TS_NO_TUN.
   */
  tunOpen(name: string, queues: number, offloads: number): TunDevice;
  /**
   * Reads until dry, `max` rows, or the TUN slots are full: packets are placed one after another, so small ones stand
   * close together and a batch is bounded by bytes too. Every call begins at the first slot.
   */
  tunRead(context: number, fd: number, firstRow: number, max: number): number;
  /**
   * Writes the rows whose verdict is `verdict`, coalescing packets of a flow as `offloads` (TUN_OFFLOAD_ bits) allows;
   * bytes behind the IP length (padding) are not written. Rows that came from a TUN keep their GSO fields where
   * `offloads` has CSUM and TSO or USO, and are segmented or summed here otherwise. Number of rows written.
   */
  tunWrite(
    context: number,
    fd: number,
    firstRow: number,
    count: number,
    verdict: number,
    offloads: number,
  ): number;

  /** Lets others bind the port of a bound socket too, if they ask for it (`reusePort`). 0 or −errno. */
  portShare(fd: number): number;
  /**
   * Has a program (classic BPF, encodeFilter) choose among the sockets that share the port of `fd`: it sees a datagram from
   * its first byte and answers which socket gets it, in the order in which they were bound. 0 or −errno.
   */
  portSteer(fd: number, program: Uint8Array): number;
  /** Throws TS_SOCKET. */
  udpOpen(options: UdpOptions): UdpSocket;
  /**
   * Receives up to `maxMessages` messages (≤ udpSlots) and splits GRO trains: one row a datagram, ROW_SOURCE = slot =
   * record in `sources`. Messages are taken as far as the table has rows for them, 128 a message where the socket has
   * GRO. Slots are used from 0, so a call makes the rows of the call before invalid. Rows, or −errno.
   */
  udpRecv(context: number, fd: number, socket: number, firstRow: number, maxMessages: number): number;
  /**
   * Opens in place every row with VERDICT_OPEN; sets VERDICT_OPENED or VERDICT_OPEN_FAILED (also for datagrams below
   * 32 bytes and slots without a key). Number of rows opened.
   */
  openBatch(context: number, firstRow: number, count: number): number;
  /**
   * Segments, seals and sends every row with VERDICT_SEAL, in row order; a row of length 0 is a keepalive. The packet
   * in the arena is used up. ROW_FLAGS may ask for IPv4 fragments, or for a message that is not fragmented. Number of datagrams that the kernel took.
   */
  sealSend(context: number, firstRow: number, count: number): number;
  /** One datagram from any thread: `record` is an endpoint record. Bytes sent or −errno. */
  datagramSend(fd: number, bytes: Uint8Array, record: Uint8Array): number;

  /**
   * Waits on up to 30 descriptors; bit k of the answer = fds[k] is readable; 0 = timed out. Event fds are drained.
   * `timeoutMs` is rounded up to whole ms; below 0 it waits for ever.
   */
  pollerOpen(fds: number[]): number;
  pollerClose(poller: number): number;
  wait(poller: number, timeoutMs: number): number;
  eventOpen(): number;
  eventSignal(fd: number): number;
  /** Takes the signals that have come, for whoever watches an event fd with `watchOpen`: how many, or −errno. */
  eventTake(fd: number): number;
  /** Names the calling thread, at most 15 bytes, for ps, top and /proc. 0 or −errno. */
  threadName(name: string): number;
  /**
   * Schedules the thread `tid` (0: the calling one; a process id: its main thread) ahead of all that have none, with
   * `priority` from 1 to 99 (SCHED_RR, sched(7)), or with 0 as usual. What a thread starts inherits it. 0 or −errno.
   */
  threadPriority(tid: number, priority: number): number;
  /** 0 or −errno. 0, 1 and 2 are refused. */
  closeFd(fd: number): number;

  /**
   * Raw frames of one EtherType on one device that pass `filter` (classic BPF, 8 bytes an instruction in host byte
   * order; empty: all). Throws TS_DEVICE.
   */
  packetOpen(device: string, protocol: number, filter: Uint8Array): PacketSocket;
  /** A socket that hears of changes in the rtnetlink groups (RTMGRP_ bits): a descriptor or −errno. */
  netlinkOpen(groups: number): number;
  /** One rtnetlink request with NLM_F_ACK, acknowledged by the kernel: 0 or −errno. */
  netlinkRequest(message: Uint8Array): number;
  /** IFF_ flags (16 bits) of a device, and bit 16 (IFF_LOWER_UP) where it has carrier at this moment; or −errno. */
  linkFlags(device: string): number;
  /**
   * A non-blocking socket of `kind` (PROBE_) and `family` (4 or 6), bound to `device` (SO_BINDTODEVICE): a descriptor or
   * −errno. Messages received by a raw ICMP socket of family 4 begin with their IP header.
   */
  deviceSocket(kind: number, family: number, device: string): number;
  /** Binds any socket to `device` anew, as after the device has been removed and added again. 0 or −errno. */
  deviceBind(fd: number, device: string): number;
  /** connect(2) to an endpoint record: 0 or −errno; −EISCONN when asked again after TCP has succeeded. */
  socketConnect(fd: number, record: Uint8Array): number;
  /** One message to or from a packet, netlink or connected socket: bytes (cut to the buffer's length) or −errno. */
  messageSend(fd: number, bytes: Uint8Array): number;
  messageReceive(fd: number, buffer: Uint8Array): number;
  /**
   * Calls `callback` on this thread's event loop whenever `fd` is readable (status 0) or broken (−errno). A handle or
   * −errno. Close the watch before the descriptor. It does not keep the process alive.
   */
  watchOpen(fd: number, callback: (status: number) => void): number;
  watchClose(watch: number): number;

  /**
   * Counts how long each turn of this thread's event loop takes, waiting left out, in a histogram in shared memory
   * (core/base/histogram.ts), for as long as the thread lives. 0 or −errno.
   */
  turnsWatch(words: Float64Array): number;

  /**
   * Runs a program to its end on a thread of libuv's pool, without the cost that fork has for a large process. `environment`:
   * NAME=VALUE each; `path`: folders, with colons between, where it is looked for. `status`: exit status, 128 + signal,
   * or −errno (could not be started; −ETIMEDOUT, −EMSGSIZE: killed). Never rejects.
   */
  commandRun(
    argv: readonly string[],
    environment: readonly string[],
    path: string,
    input: string,
    timeoutMs: number,
    outputBytesMax: number,
  ): Promise<{ status: number; stdout: string; stderr: string }>;

  /** Sends `text` to $NOTIFY_SOCKET: 1; 0 when there is none; −errno. */
  sdNotify(text: string): number;

  /** For the addon's own tests and nothing else. */
  readonly testing: {
    /** Folded RFC 1071 sum (not complemented) of bytes[offset, offset + length) plus `initial`. */
    checksum(bytes: Uint8Array, offset: number, length: number, initial: number): number;
    /** A pair of AF_UNIX sockets that keep message boundaries, as a TUN does; EMSGSIZE above the send buffer. */
    socketPair(sendBufferBytes: number): [number, number];
    /** Counts a duration in a histogram as `turnsWatch` does. */
    histogramAdd(words: Float64Array, micros: number): number;
  };
}

/** What the addon answers in place of a refused opening. */
interface Refusal {
  errno: number;
  step: string;
}

/** The addon as it is: nothing throws, openings answer a refusal or −errno. */
interface RawNative extends Omit<Native, 'tunOpen' | 'udpOpen' | 'packetOpen'> {
  packetOpen(device: string, protocol: number, filter: Uint8Array): PacketSocket | Refusal;
  tunOpen(name: string, queues: number, offloads: number): TunDevice | Refusal;
  udpOpen(
    address: string,
    port: number,
    device: string,
    mark: number,
    offloads: number,
    reusePort: boolean,
  ): UdpSocket | Refusal;
}

const HINTS: Readonly<Record<string, string>> = {
  EPERM: 'Run as root, or give the process CAP_NET_ADMIN.',
  EACCES: 'Run as root, or give the process CAP_NET_ADMIN.',
  EBUSY: 'Another process has it open.',
  EADDRINUSE: 'Another process uses this port.',
  ENODEV: 'The network device does not exist.',
  'TUNSETIFF EINVAL': 'A device of this name exists and is of another kind, or has another number of queues.',
};

/** What opening /dev/net/tun answers where there is no such device, or no module behind it. */
const NO_TUN: ReadonlySet<string> = new Set(['ENOENT', 'ENODEV', 'ENXIO']);

function openingError(code: ErrorCode, what: string, { errno, step }: Refusal): TwinspanError {
  const name = getSystemErrorName(errno);
  const hint = HINTS[`${step} ${name}`] ?? HINTS[name];
  return new TwinspanError(code, `${what} cannot be opened (${step}: ${name}).`, hint);
}

/** The handle or descriptor that an opening answered; −errno there is a bug of the caller or the end of resources. */
function opened(answer: number, what: string): number {
  if (answer < 0) throw new AssertionError(`${what}: ${getSystemErrorName(answer)}`);
  return answer;
}

/** Puts coded errors in front of the openings; the data path's calls stay the addon's own functions. */
function withErrors(raw: RawNative): Native {
  return {
    ...raw,
    contextOpen: (options) => opened(raw.contextOpen(options), 'contextOpen'),
    pollerOpen: (fds) => opened(raw.pollerOpen(fds), 'pollerOpen'),
    eventOpen: () => opened(raw.eventOpen(), 'eventOpen'),
    tunOpen(name, queues, offloads) {
      const answer = raw.tunOpen(name, queues, offloads);
      if (!('errno' in answer)) return answer;
      if (answer.step === 'open /dev/net/tun' && NO_TUN.has(getSystemErrorName(answer.errno))) {
        throw new TwinspanError(
          'TS_NO_TUN',
          'There is no usable /dev/net/tun.',
          'Load the module: modprobe tun',
        );
      }
      throw openingError('TS_DEVICE', `The TUN device "${name}"`, answer);
    },
    packetOpen(device, protocol, filter) {
      const answer = raw.packetOpen(device, protocol, filter);
      if ('errno' in answer) throw openingError('TS_DEVICE', `A packet socket on "${device}"`, answer);
      return answer;
    },
    udpOpen({ address, port, device, mark, offloads, reusePort }) {
      const answer = raw.udpOpen(address, port, device, mark, offloads, reusePort);
      if ('errno' in answer) {
        const where = device === '' ? '' : ` on ${device}`;
        throw openingError('TS_SOCKET', `The UDP socket ${address || '*'}:${port}${where}`, answer);
      }
      return answer;
    },
  };
}

let loaded: Native | undefined;

/** The addon, loaded once. Throws TS_NATIVE_MISSING with a hint where it is not built. */
export function native(): Native {
  if (loaded === undefined) {
    let raw: RawNative;
    try {
      raw = createRequire(import.meta.url)('../../../native/build/Release/twinspan.node') as RawNative;
    } catch (error) {
      throw new TwinspanError(
        'TS_NATIVE_MISSING',
        'The native addon cannot be loaded.',
        'Build it: npm run setup',
        error,
      );
    }
    loaded = withErrors(raw);
  }
  return loaded;
}
