/**
 * Captures of ISP links and their judgement: everything that is neither ARP nor a WireGuard message (UDP port 51820,
 * one of the four types, its length) is a leak. ICMP errors that quote a WireGuard datagram are counted apart: a host
 * whose daemon is dead answers with them.
 */
import { readFileSync, rmSync } from 'node:fs';
import { type Child, openChild } from '../run/child.js';
import type { Lab } from './check.js';

const PORT = 51820;
/** Linux cooked capture v1: the one link type that tcpdump gives for `-i any` on request, old and new. */
const LINKTYPE_SLL = 113;
const SLL_BYTES = 16;
const PCAP_HEAD = 24;
const RECORD_HEAD = 16;
const SNAP_BYTES = 96;
const ICMP = 1;
const UDP = 17;

const HANDSHAKES: Readonly<Record<number, number>> = { 1: 148, 2: 92, 3: 64 };
const TRANSPORT = 4;
const TRANSPORT_MIN = 32;

export interface Judgement {
  arp: number;
  handshakes: number;
  transport: number;
  /** ICMP errors about WireGuard datagrams. */
  errors: number;
  /** What else was seen, each kind once. */
  leaks: string[];
}

export interface Capture {
  readonly host: string;
  end(): Promise<Judgement>;
}

function judgeWireguard(payload: DataView, length: number): 'handshake' | 'transport' | undefined {
  if (payload.byteLength < 4 || payload.getUint32(0, true) >>> 8 !== 0) return undefined;
  const type = payload.getUint8(0);
  if (type === TRANSPORT) return length >= TRANSPORT_MIN ? 'transport' : undefined;
  return HANDSHAKES[type] === length ? 'handshake' : undefined;
}

/** Whether an ICMP message is an error (types 3, 11) about a datagram from or to WireGuard's port. */
function quotesWireguard(icmp: DataView): boolean {
  const type = icmp.byteLength >= 8 + 24 ? icmp.getUint8(0) : 0;
  if (type !== 3 && type !== 11) return false;
  const head = 8 + (icmp.getUint8(8) & 15) * 4;
  if (icmp.getUint8(8 + 9) !== UDP || head + 4 > icmp.byteLength) return false;
  return icmp.getUint16(head) === PORT || icmp.getUint16(head + 2) === PORT;
}

/** What an IPv4 packet is: a WireGuard message, an error about one, or words for what it should not have been. */
function judgeIpv4(view: DataView): 'handshake' | 'transport' | 'error' | string {
  const head = (view.getUint8(0) & 15) * 4;
  const fragment = view.getUint16(6) & 0x3fff;
  const protocol = view.getUint8(9);
  if (fragment !== 0) return 'a fragment';
  const body = new DataView(view.buffer, view.byteOffset + head, Math.max(0, view.byteLength - head));
  if (protocol === ICMP && quotesWireguard(body)) return 'error';
  if (protocol !== UDP) return `IP protocol ${protocol}`;
  if (body.byteLength < 8) return 'UDP cut short';
  const ports = [body.getUint16(0), body.getUint16(2)];
  if (!ports.includes(PORT)) return `UDP ${ports.join(' → ')}`;
  const payload = new DataView(
    view.buffer,
    view.byteOffset + head + 8,
    Math.max(0, view.byteLength - head - 8),
  );
  return (
    judgeWireguard(payload, view.getUint16(head + 4) - 8) ?? `UDP ${ports.join(' → ')} that is not WireGuard`
  );
}

/** Judges a capture file (pcap, Linux cooked). Throws RangeError on one that is cut short in the middle of a record. */
export function judgeCapture(file: Uint8Array): Judgement {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const little = view.getUint8(0) === 0xd4 || view.getUint8(0) === 0x4d;
  const judgement: Judgement = { arp: 0, handshakes: 0, transport: 0, errors: 0, leaks: [] };
  const leaks = new Set<string>();
  if (view.getUint32(20, little) !== LINKTYPE_SLL) throw new RangeError('not a Linux cooked capture');
  for (let at = PCAP_HEAD; at < view.byteLength; ) {
    const length = view.getUint32(at + 8, little);
    const frame = new DataView(view.buffer, view.byteOffset + at + RECORD_HEAD, length);
    at += RECORD_HEAD + length;
    const type = frame.getUint16(14);
    if (type === 0x0806) {
      judgement.arp++;
      continue;
    }
    const kind =
      type === 0x0800
        ? judgeIpv4(new DataView(frame.buffer, frame.byteOffset + SLL_BYTES, length - SLL_BYTES))
        : `protocol 0x${type.toString(16).padStart(4, '0')}`;
    if (kind === 'transport') judgement.transport++;
    else if (kind === 'handshake') judgement.handshakes++;
    else if (kind === 'error') judgement.errors++;
    else leaks.add(kind);
  }
  judgement.leaks = [...leaks];
  return judgement;
}

/** Captures everything on all links of an ISP until it is ended. */
export async function openCapture(lab: Lab, host: string): Promise<Capture> {
  const file = `${lab.layout.dir}/${host}.pcap`;
  const argv = [
    'tcpdump',
    '-Z',
    'root',
    '-U',
    '-n',
    '-i',
    'any',
    '-y',
    'LINUX_SLL',
    '-s',
    String(SNAP_BYTES),
  ];
  const child: Child = await openChild(lab.words(host, [...argv, '-w', file]), 'listening on');
  return {
    host,
    async end() {
      await child.end('SIGINT');
      try {
        return judgeCapture(readFileSync(file));
      } finally {
        rmSync(file, { force: true });
      }
    },
  };
}
