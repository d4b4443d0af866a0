/**
 * The liveness probe inside the tunnel: an ICMPv6 echo request (RFC 4443 4.1) between control addresses, carrying the
 * sender's clock. The peer's worker answers it in place, so an answer proves that sealed packets go there and come back,
 * and tells the round-trip time. BFD takes its place once paths are measured one by one.
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
  put32(packet, 0, 0x6000_0000);
  put16(packet, IP6_PAYLOAD_LENGTH, PROBE_BYTES - IP6_HEADER);
  packet[IP6_NEXT_HEADER] = PROTOCOL_ICMP6;
  packet[IP6_HOP_LIMIT] = HOP_LIMIT;
  for (let i = 0; i < 4; i++) {
    put32(packet, IP6_SOURCE + i * 4, source[i]);
    put32(packet, IP6_DESTINATION + i * 4, destination[i]);
  }
  packet[IP6_HEADER] = ICMP6_ECHO_REQUEST;
  new DataView(packet.buffer).setFloat64(CLOCK_AT, now);
  const pseudo = sum(packet, IP6_SOURCE, 32, PROBE_BYTES - IP6_HEADER + PROTOCOL_ICMP6);
  put16(
    packet,
    IP6_HEADER + ICMP_CHECKSUM,
    finish(sum(packet, IP6_HEADER, PROBE_BYTES - IP6_HEADER, pseudo)),
  );
  return packet;
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
