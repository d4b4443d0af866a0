/** A rig whose TUN is one end of a socket pair, and what a receiver behind the other end makes of what is written. */
import { readSync } from 'node:fs';
import {
  FLAG_NEEDS_CSUM,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  ROW_VERDICT,
  VERDICT_LAN,
} from '../../../src/core/packet/rows.js';
import {
  native,
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_TSO,
  TUN_OFFLOAD_USO,
} from '../../../src/edge/native.js';
import { get16, layer4Start, protocolOf, sameSum, slowPseudoSum, slowSegments } from './packets.js';
import { Rig } from './rig.js';

export const ALL = TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO | TUN_OFFLOAD_USO | TUN_OFFLOAD_GRO;

export interface Written {
  flags: number;
  gsoType: number;
  headerLength: number;
  gsoSize: number;
  csumStart: number;
  csumOffset: number;
  packet: Uint8Array;
}

export class WriteRig extends Rig {
  readonly fd: number;
  readonly far: number;

  constructor(sendBufferBytes = 4_000_000) {
    super();
    [this.fd, this.far] = native().testing.socketPair(sendBufferBytes);
    this.fds.push(this.fd, this.far);
  }

  /** Packs packets behind each other, with gaps as messages leave them, and writes them in one call. */
  write(packets: Uint8Array[], offloads: number): { count: number; written: Written[] } {
    let offset = this.slot(0);
    for (const [i, packet] of packets.entries()) {
      this.row(i, packet, { [ROW_VERDICT]: VERDICT_LAN }, offset);
      offset += packet.length + 32 + (i % 3);
    }
    const count = native().tunWrite(this.context, this.fd, 0, packets.length, VERDICT_LAN, offloads);
    return { count, written: this.drain() };
  }

  drain(): Written[] {
    const written: Written[] = [];
    const buffer = new Uint8Array(70_000);
    for (;;) {
      let length: number;
      try {
        length = readSync(this.far, buffer);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return written;
        throw error;
      }
      const view = new DataView(buffer.buffer);
      written.push({
        flags: buffer[0],
        gsoType: buffer[1],
        headerLength: view.getUint16(2, true),
        gsoSize: view.getUint16(4, true),
        csumStart: view.getUint16(6, true),
        csumOffset: view.getUint16(8, true),
        packet: buffer.slice(10, length),
      });
    }
  }
}

/** The packets that a receiver sees: super-packets by the slow twin, their virtio header checked on the way. */
export function received({
  gsoType,
  flags,
  headerLength,
  gsoSize,
  csumStart,
  csumOffset,
  packet,
}: Written): Uint8Array[] {
  if (gsoType === 0) {
    if (flags !== 0) throw new Error('a plain packet asks for work');
    return [packet];
  }
  const start = layer4Start(packet);
  const udp = protocolOf(packet) === 17;
  const header = start + (udp ? 8 : (packet[start + 12] >> 4) * 4);
  const type = udp ? GSO_UDP_L4 : start === 40 ? GSO_TCPV6 : GSO_TCPV4;
  const field = get16(packet, start + csumOffset);
  const right =
    gsoType === type &&
    flags === FLAG_NEEDS_CSUM &&
    headerLength === header &&
    csumStart === start &&
    csumOffset === (udp ? 6 : 16) &&
    packet.length - header > gsoSize &&
    (!udp || get16(packet, start + 4) === packet.length - start) &&
    (start === 40 ? get16(packet, 4) === packet.length - 40 : get16(packet, 2) === packet.length) &&
    sameSum(field, slowPseudoSum(packet));
  if (!right) throw new Error('the virtio header does not fit the packet');
  return slowSegments(packet, gsoSize);
}
