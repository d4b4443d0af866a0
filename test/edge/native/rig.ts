/** A context of the addon with all its memory, as a worker has one, for the tests. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ENDPOINT_BYTES, encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { ROW_STRIDE } from '../../../src/core/packet/rows.js';
import {
  native,
  SLOT_BYTES,
  SLOT_HEADROOM,
  STAT,
  STAT_COUNT,
  type UdpSocket,
} from '../../../src/edge/native.js';

export const UDP_SLOTS = 64;
export const TUN_SLOTS = 64;
export const ROWS = 16_384;
export const PATHS = 8;
export const SESSIONS = 8;
export const LOOPBACK = new Uint8Array([127, 0, 0, 1]);

export class Rig {
  readonly arena = new Uint8Array(new SharedArrayBuffer((UDP_SLOTS + TUN_SLOTS) * SLOT_BYTES + 65_536));
  readonly rows = new Int32Array(ROWS * ROW_STRIDE);
  readonly sources = new Uint8Array(UDP_SLOTS * ENDPOINT_BYTES);
  readonly paths = new Uint8Array(PATHS * ENDPOINT_BYTES);
  readonly sendCounter: BigUint64Array<ArrayBufferLike>;
  readonly remoteIndex = new Uint32Array(SESSIONS).map((_, i) => 0xa0b0_c000 + i);
  readonly stats = new Float64Array(STAT_COUNT);
  readonly context: number;
  readonly fds: number[] = [];

  /** `sendCounter` may be shared with other threads; `lanes` help to open. */
  constructor(sendCounter = new BigUint64Array(new SharedArrayBuffer(SESSIONS * 8)), lanes = 0) {
    this.sendCounter = sendCounter;
    this.context = native().contextOpen({
      arena: this.arena,
      rows: this.rows,
      udpSlots: UDP_SLOTS,
      tunSlots: TUN_SLOTS,
      sources: this.sources,
      paths: this.paths,
      sendCounter: this.sendCounter,
      remoteIndex: this.remoteIndex,
      stats: this.stats,
      lanes,
    });
  }

  close(): void {
    native().contextClose(this.context);
    for (const fd of this.fds) native().closeFd(fd);
  }

  stat(name: keyof typeof STAT): number {
    return this.stats[STAT[name]];
  }

  /** A loopback socket under `index`; path `index` leads to the socket itself unless `to` says otherwise. */
  socket(index: number, offloads: number, address = '127.0.0.1', to: Uint8Array = LOOPBACK): UdpSocket {
    const socket = native().udpOpen({ address, port: 0, device: '', mark: 0, offloads, reusePort: false });
    this.fds.push(socket.fd);
    native().socketSet(this.context, index, socket.fd, socket.offloads);
    this.paths.set(encodeEndpoint(to, socket.port, index), index * ENDPOINT_BYTES);
    return socket;
  }

  /** Installs one random key for both directions, so that what is sealed can be opened here too. */
  key(slot: number): Uint8Array {
    const key = randomBytes(32);
    native().keyInstall(this.context, slot, key, key);
    return key;
  }

  /** Arena offset of packet `index`, in the TUN slots. */
  slot(index: number): number {
    return (UDP_SLOTS + index) * SLOT_BYTES + SLOT_HEADROOM;
  }

  /** Puts a packet into the arena and describes it in a row; missing fields are 0. */
  row(
    index: number,
    packet: Uint8Array,
    fields: Readonly<Record<number, number | undefined>>,
    offset = this.slot(index),
  ): void {
    this.arena.set(packet, offset);
    const row = this.rows.subarray(index * ROW_STRIDE, (index + 1) * ROW_STRIDE).fill(0);
    row[0] = offset;
    row[1] = packet.length;
    for (const [field, value] of Object.entries(fields)) row[Number(field)] = value ?? 0;
  }

  field(row: number, field: number): number {
    return this.rows[row * ROW_STRIDE + field];
  }

  /** Bytes of the packet that a row describes (a view). */
  packet(row: number): Uint8Array {
    const offset = this.field(row, 0);
    return this.arena.subarray(offset, offset + this.field(row, 1));
  }

  /** Receives `count` datagrams on a socket, as copies; fewer where a second passes without any. */
  receive(fd: number, socket: number, count: number): Uint8Array[] {
    const poller = native().pollerOpen([fd]);
    const datagrams: Uint8Array[] = [];
    while (datagrams.length < count && native().wait(poller, 1000) !== 0) {
      const rows = native().udpRecv(this.context, fd, socket, 0, UDP_SLOTS);
      if (rows < 0) throw new Error(`udpRecv: ${rows}`);
      for (let row = 0; row < rows; row++) datagrams.push(this.packet(row).slice());
    }
    native().pollerClose(poller);
    return datagrams;
  }
}

/** A transport data message taken apart and opened by node:crypto. */
export function openMessage(
  message: Uint8Array,
  key: Uint8Array,
): { index: number; counter: bigint; plain: Uint8Array } {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  if (view.getUint32(0, true) !== 4) throw new Error('not a transport data message');
  const nonce = new Uint8Array(12);
  nonce.set(message.subarray(8, 16), 4);
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(message.subarray(message.length - 16));
  const plain = Buffer.concat([decipher.update(message.subarray(16, message.length - 16)), decipher.final()]);
  return { index: view.getUint32(4, true), counter: view.getBigUint64(8, true), plain };
}

/** Padded with zeros to a multiple of 16, as the plaintext of a message is. */
export function padded(packet: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(packet.length / 16) * 16);
  out.set(packet);
  return out;
}

/** A transport data message as node:crypto makes it. */
export function sealMessage(key: Uint8Array, counter: bigint, plain: Uint8Array): Uint8Array {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(4, 0);
  header.writeBigUInt64LE(counter, 8);
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(counter, 4);
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}
