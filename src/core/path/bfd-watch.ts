/**
 * BFD with a router that is not ours, between two addresses inside its tunnel (RFC 5881): whether it is there, and nothing
 * of quality or choice. Only its own packets count: a router whose bfdd is dead still answers with ICMP errors. Sans-IO: its packets and time in; our packets and news out. AFTER EACH INPUT DRAIN pollTransmit AND
 * pollNews FULLY.
 *
 * What BFD says counts from the first time that it was Up: a router that does not speak it (yet) is nobody's fault (RFC
 * 5882 4.3). One that has taken its session out of service (AdminDown) asks not to be judged by it either (RFC 5882 4.2).
 */

import { UDP_HEADER } from '../packet/offsets.js';
import type { Parsed } from '../packet/parsed.js';
import { BFD_ADMIN_DOWN, BFD_BYTES, BFD_REFUSAL, BFD_UP, BfdPacket, diagnosticText } from './bfd-packet.js';
import { BfdSession } from './bfd-session.js';
import { BFD_CONTROL_PORT, bfdSourcePort, checkDatagram, Envelope, payloadLength } from './datagram.js';
import type { Pace } from './pacing.js';

/** IP and UDP headers of IPv6, and a control packet. */
export const WATCH_BYTES_MAX = 40 + UDP_HEADER + BFD_BYTES;

export type WatchVerdict = 'unknown' | 'up' | 'down';

export interface WatchNews {
  readonly to: WatchVerdict;
  readonly why: string;
}

export interface WatchOptions {
  /** Our address and the router's, inside the tunnel: 4 or 16 bytes, of one family. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly localDiscriminator: number;
  readonly pace: Pace;
  /** A number from 0 up to but not including 1. */
  readonly random: () => number;
}

export class BfdWatch {
  verdict: WatchVerdict = 'unknown';
  why = 'not heard yet';
  sinceMs: number;
  readonly session: BfdSession;
  readonly #packet = new BfdPacket();
  readonly #envelope: Envelope;
  readonly #news: WatchNews[] = [];

  constructor({ local, remote, localDiscriminator, pace, random }: WatchOptions, now: number) {
    const port = bfdSourcePort(Math.floor(random() * 0x4000));
    this.#envelope = new Envelope(local, remote, port, BFD_CONTROL_PORT);
    this.sinceMs = now;
    this.session = new BfdSession(
      {
        localDiscriminator,
        pace,
        requiredMinEchoRxMs: 0,
        active: true,
        fastWhileDownMs: 0,
        offloaded: false,
        random,
      },
      now,
    );
  }

  /** A packet from the router's address to ours, parsed. Returns 0 or a refusal (BFD_REFUSALS). */
  handleDatagram(bytes: Uint8Array, parsed: Parsed, now: number): number {
    const packet = this.#packet;
    const at = parsed.l4Offset + UDP_HEADER;
    const refusal =
      checkDatagram(bytes, parsed, BFD_CONTROL_PORT) || packet.parse(bytes, at, payloadLength(bytes, parsed));
    if (refusal !== 0) return refusal;
    const { yourDiscriminator } = packet;
    if (yourDiscriminator !== 0 && yourDiscriminator !== this.session.localDiscriminator) {
      return BFD_REFUSAL['unknown-session'];
    }
    this.session.handlePacket(packet, now);
    this.#judge(now);
    return 0;
  }

  /** There is reason to believe that it can be reached now. */
  hurry(now: number): void {
    this.session.hurry(now);
  }

  handleTimeout(now: number): void {
    this.session.handleTimeout(now);
    this.#judge(now);
  }

  /** Writes a whole inner packet to be sent now at `at`, WATCH_BYTES_MAX at most; returns its length, 0 = none. */
  pollTransmit(bytes: Uint8Array, at: number): number {
    if (!this.session.pollPacket(this.#packet)) return 0;
    this.#packet.encode(bytes, at + this.#envelope.headerBytes);
    return this.#envelope.close(bytes, at, BFD_BYTES);
  }

  pollNews(): WatchNews | undefined {
    return this.#news.shift();
  }

  nextDeadline(): number {
    return this.session.nextDeadline();
  }

  #judge(now: number): void {
    const { session } = this;
    while (session.pollChange());
    const isOut = session.remoteDiscriminator !== 0 && session.remoteState === BFD_ADMIN_DOWN;
    if (session.state === BFD_UP) this.#become('up', '', now);
    else if (isOut) this.#become('unknown', 'they have taken BFD out of service', now);
    else if (this.verdict === 'up') this.#become('down', diagnosticText(session.diagnostic), now);
  }

  #become(to: WatchVerdict, why: string, now: number): void {
    if (to === this.verdict) return;
    this.verdict = to;
    this.why = why;
    this.sinceMs = now;
    this.#news.push({ to, why });
  }
}
