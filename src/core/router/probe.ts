/**
 * The liveness probe inside the tunnel: an ICMPv6 echo request (RFC 4443 4.1) between control addresses, carrying the
 * sender's clock. The peer's worker answers it in place, so an answer proves that sealed packets go there and come back,
 * and tells the round-trip time. Between probes a node says that it lives by a pulse, an IPv6 header with nothing behind
 * it (RFC 8200 4.7), to which nobody answers. BFD takes their place once paths are measured one by one.
 */
import { finish, sum } from '../packet/checksum.js';
import { ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST } from '../packet/icmp.js';
import {
  ICMP_CHECKSUM,
  ICMP_HEADER,
  IP6_DESTINATION,
  IP6_HEADER,
  IP6_HOP_LIMIT,
  IP6_NEXT_HEADER,
  IP6_PAYLOAD_LENGTH,
  IP6_SOURCE,
  PROTOCOL_ICMP6,
  PROTOCOL_NONE,
  put16,
  put32,
} from '../packet/offsets.js';
import type { Parsed } from '../packet/parsed.js';
import type { PeerTable } from '../wireguard/tables.js';
import type { ControlAddress } from './control-address.js';

const CLOCK_BYTES = 8;
const CLOCK_AT = IP6_HEADER + ICMP_HEADER;
const PROBE_BYTES = CLOCK_AT + CLOCK_BYTES;
const HOP_LIMIT = 64;
/** An answer that took longer is none. */
export const PROBE_AGE_MS_MAX = 3_500;
/** Weight of a new sample in the smoothed round-trip time (RFC 6298: 1/8). */
const RTT_GAIN = 1 / 8;

/** The probe sent at `now` (ms) as a whole IPv6 packet. */
export function encodeProbe(source: ControlAddress, destination: ControlAddress, now: number): Uint8Array {
  const packet = new Uint8Array(PROBE_BYTES);
  const view = new DataView(packet.buffer);
  writeProbe(packet, view, 0, Int32Array.from(source), Int32Array.from(destination), 0, now);
  return packet;
}

/**
 * Writes a probe at `at` of `bytes` (`view` is a view of the same bytes), from the four words of `source` to the four of
 * `destinations` from `first` on; returns its length. Allocates nothing.
 */
export function writeProbe(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  source: ArrayLike<number>,
  destinations: ArrayLike<number>,
  first: number,
  now: number,
): number {
  const length = PROBE_BYTES - IP6_HEADER;
  writeHeader(bytes, at, PROTOCOL_ICMP6, length, source, destinations, first);
  put32(bytes, at + IP6_HEADER, 0);
  put32(bytes, at + IP6_HEADER + 4, 0);
  bytes[at + IP6_HEADER] = ICMP6_ECHO_REQUEST;
  view.setFloat64(at + CLOCK_AT, now);
  const pseudo = sum(bytes, at + IP6_SOURCE, 32, length + PROTOCOL_ICMP6);
  put16(bytes, at + IP6_HEADER + ICMP_CHECKSUM, finish(sum(bytes, at + IP6_HEADER, length, pseudo)));
  return PROBE_BYTES;
}

/** Writes a pulse; as writeProbe. */
export function writePulse(
  bytes: Uint8Array,
  at: number,
  source: ArrayLike<number>,
  destinations: ArrayLike<number>,
  first: number,
): number {
  writeHeader(bytes, at, PROTOCOL_NONE, 0, source, destinations, first);
  return IP6_HEADER;
}

/** Whether the packet to our control address is a pulse. */
export function isPulse(parsed: Parsed): boolean {
  return parsed.family === 6 && parsed.length === IP6_HEADER && parsed.protocol === PROTOCOL_NONE;
}

function writeHeader(
  bytes: Uint8Array,
  at: number,
  protocol: number,
  length: number,
  source: ArrayLike<number>,
  destinations: ArrayLike<number>,
  first: number,
): void {
  put32(bytes, at, 0x6000_0000);
  put16(bytes, at + IP6_PAYLOAD_LENGTH, length);
  bytes[at + IP6_NEXT_HEADER] = protocol;
  bytes[at + IP6_HOP_LIMIT] = HOP_LIMIT;
  for (let i = 0; i < 4; i++) {
    put32(bytes, at + IP6_SOURCE + i * 4, source[i]);
    put32(bytes, at + IP6_DESTINATION + i * 4, destinations[first + i]);
  }
}

/** The clock in the answer to a probe, NaN where the packet is no such answer. */
export function probeClockOf(parsed: Parsed): number {
  const answer = parsed.family === 6 && parsed.isIcmp && parsed.icmpType === ICMP6_ECHO_REPLY;
  return answer && parsed.length === PROBE_BYTES
    ? parsed.view.getFloat64(parsed.offset + CLOCK_AT)
    : Number.NaN;
}

/**
 * `peer` has answered the probe that was sent at `sentAtMs`: counts it and smooths the round-trip time. A clock that cannot
 * be ours, or is too old, says nothing. What a worker calls: it allocates nothing and wakes nobody.
 */
export function noteProbeAnswer(peers: PeerTable, peer: number, sentAtMs: number, now: number): void {
  const sample = now - sentAtMs;
  if (!(sample >= 0 && sample <= PROBE_AGE_MS_MAX)) return;
  const before = peers.probeRttMs[peer];
  peers.probeRttMs[peer] = before === 0 ? sample : before + (sample - before) * RTT_GAIN;
  peers.probeAnswers[peer] = (peers.probeAnswers[peer] + 1) | 0;
}
