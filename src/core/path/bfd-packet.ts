/**
 * The BFD control packet (RFC 5880 4.1), without authentication: inside a WireGuard session every packet is already
 * authentic.
 *
 *   0 version (3 bits), diagnostic (5)   1 state (2), flags P F C A D M   2 detect multiplier   3 length
 *   4–7 my discriminator   8–11 your discriminator
 *   12–15 desired min TX   16–19 required min RX   20–23 required min echo RX   (microseconds)
 *
 * A `BfdPacket` is filled again and again, so that parsing allocates nothing. What the wire refuses is a number, counted
 * by whoever owns the counters; `BFD_REFUSALS` names it. The order of the checks is that of 6.8.6.
 */
import { get32, put16, put32 } from '../packet/offsets.js';

export const BFD_BYTES = 24;
const BFD_VERSION = 1;
/** With authentication the section of its own makes a packet at least this long. */
const BFD_BYTES_AUTHENTICATED = 26;

/** Session states as they travel (RFC 5880 4.1). */
export const BFD_ADMIN_DOWN = 0;
export const BFD_DOWN = 1;
export const BFD_INIT = 2;
export const BFD_UP = 3;
export type BfdState = 0 | 1 | 2 | 3;
export const BFD_STATES = ['AdminDown', 'Down', 'Init', 'Up'] as const;

/** Diagnostic codes that we send (RFC 5880 4.1). */
export const DIAGNOSTIC_NONE = 0;
export const DIAGNOSTIC_EXPIRED = 1;
export const DIAGNOSTIC_NEIGHBOR_DOWN = 3;
export const DIAGNOSTIC_PATH_DOWN = 5;
export const DIAGNOSTIC_ADMIN_DOWN = 7;

/** What the codes say (RFC 5880 4.1), for people; codes above 8 are reserved. */
const DIAGNOSTICS = [
  'no diagnostic',
  'detection time expired',
  'echo failed',
  'neighbor signaled session down',
  'forwarding plane reset',
  'path down',
  'concatenated path down',
  'administratively down',
  'reverse concatenated path down',
] as const;

/** The words for a diagnostic code. */
export function diagnosticText(code: number): string {
  return DIAGNOSTICS[code] ?? `diagnostic ${code}`;
}

/** In byte 1. */
export const FLAG_POLL = 0x20;
const FLAG_FINAL = 0x10;
const FLAG_CONTROL_PLANE_INDEPENDENT = 0x08;
const FLAG_AUTHENTICATION = 0x04;
const FLAG_DEMAND = 0x02;
const FLAG_MULTIPOINT = 0x01;

/** Why a packet was refused, by number; 0 is "not refused". Counters are indexed by it. */
export const BFD_REFUSALS = [
  'none',
  'not-udp',
  'ttl',
  'port',
  'checksum',
  'short',
  'version',
  'length',
  'multiplier',
  'multipoint',
  'my-discriminator',
  'your-discriminator',
  'authentication',
  'unknown-session',
  'too-many-paths',
  'not-echo',
  'echo-unknown',
] as const;
export type BfdRefusalName = (typeof BFD_REFUSALS)[number];

/** Numbers of the refusals by name. */
export const BFD_REFUSAL = Object.fromEntries(BFD_REFUSALS.map((name, index) => [name, index])) as Readonly<
  Record<BfdRefusalName, number>
>;

/** The fields of a control packet. Intervals are in microseconds, as on the wire. */
export class BfdPacket {
  state: BfdState = BFD_DOWN;
  diagnostic = 0;
  poll = false;
  final = false;
  controlPlaneIndependent = false;
  demand = false;
  multiplier = 0;
  myDiscriminator = 0;
  yourDiscriminator = 0;
  desiredMinTxUs = 0;
  requiredMinRxUs = 0;
  requiredMinEchoRxUs = 0;

  /** Writes the 24 bytes at `at`. */
  encode(bytes: Uint8Array, at: number): void {
    bytes[at] = (BFD_VERSION << 5) | this.diagnostic;
    bytes[at + 1] =
      (this.state << 6) |
      (this.poll ? FLAG_POLL : 0) |
      (this.final ? FLAG_FINAL : 0) |
      (this.controlPlaneIndependent ? FLAG_CONTROL_PLANE_INDEPENDENT : 0) |
      (this.demand ? FLAG_DEMAND : 0);
    put16(bytes, at + 2, (this.multiplier << 8) | BFD_BYTES);
    put32(bytes, at + 4, this.myDiscriminator);
    put32(bytes, at + 8, this.yourDiscriminator);
    put32(bytes, at + 12, this.desiredMinTxUs);
    put32(bytes, at + 16, this.requiredMinRxUs);
    put32(bytes, at + 20, this.requiredMinEchoRxUs);
  }

  /**
   * Reads the UDP payload `bytes[at … at + length)` with the checks of RFC 5880 6.8.6 that need no session. Returns 0 or
   * a refusal; after a refusal the fields hold nothing of value.
   */
  parse(bytes: Uint8Array, at: number, length: number): number {
    if (length < BFD_BYTES) return BFD_REFUSAL.short;
    if (bytes[at] >> 5 !== BFD_VERSION) return BFD_REFUSAL.version;
    const flags = bytes[at + 1];
    const authenticated = (flags & FLAG_AUTHENTICATION) !== 0;
    const stated = bytes[at + 3];
    if (stated < (authenticated ? BFD_BYTES_AUTHENTICATED : BFD_BYTES) || stated > length) {
      return BFD_REFUSAL.length;
    }
    this.multiplier = bytes[at + 2];
    if (this.multiplier === 0) return BFD_REFUSAL.multiplier;
    if ((flags & FLAG_MULTIPOINT) !== 0) return BFD_REFUSAL.multipoint;
    this.myDiscriminator = get32(bytes, at + 4) >>> 0;
    if (this.myDiscriminator === 0) return BFD_REFUSAL['my-discriminator'];
    this.yourDiscriminator = get32(bytes, at + 8) >>> 0;
    this.state = (flags >> 6) as BfdState;
    // Without our discriminator the other side cannot have seen us, so it can only be Down or AdminDown.
    if (this.yourDiscriminator === 0 && this.state > BFD_DOWN) return BFD_REFUSAL['your-discriminator'];
    if (authenticated) return BFD_REFUSAL.authentication;
    this.diagnostic = bytes[at] & 0x1f;
    this.poll = (flags & FLAG_POLL) !== 0;
    this.final = (flags & FLAG_FINAL) !== 0;
    this.controlPlaneIndependent = (flags & FLAG_CONTROL_PLANE_INDEPENDENT) !== 0;
    this.demand = (flags & FLAG_DEMAND) !== 0;
    this.desiredMinTxUs = get32(bytes, at + 12) >>> 0;
    this.requiredMinRxUs = get32(bytes, at + 16) >>> 0;
    this.requiredMinEchoRxUs = get32(bytes, at + 20) >>> 0;
    return 0;
  }
}
