/**
 * BFD echo packets (RFC 5881 4, 5): UDP to port 3785 that the other end sends straight back, from its data plane. Ours
 * go out with hop limit 255 and come back with 254, which is how both ends tell a question from an answer; what is
 * inside is nobody's business but ours:
 *
 *   0 discriminator of the path   4 sequence number   8–15 our clock when it left (float64, ms)
 *
 * An echo packet may be longer (mtu.ts): what is to be learned then is whether it arrives, so its answer is cut to the
 * first ECHO_LONG_BYTES of payload.
 *
 * The sender believes its own memory of when a sequence number left, not the clock in the packet, so the other end
 * cannot make a path look better than it is; the clock serves a worker, which keeps no memory.
 */
import { applyDifference, difference16, finish, pseudoHeaderSum, sum } from '../packet/checksum.js';
import {
  get16,
  get32,
  IP4_CHECKSUM,
  IP4_DESTINATION,
  IP4_LENGTH,
  IP4_SOURCE,
  IP4_TTL,
  IP6_DESTINATION,
  IP6_HEADER,
  IP6_HOP_LIMIT,
  IP6_PAYLOAD_LENGTH,
  IP6_SOURCE,
  put16,
  put32,
  UDP_CHECKSUM,
  UDP_HEADER,
  UDP_LENGTH,
} from '../packet/offsets.js';
import type { Parsed } from '../packet/parsed.js';
import { BFD_REFUSAL } from './bfd-packet.js';
import { BFD_TTL } from './datagram.js';
import type { Quality } from './quality.js';

export const ECHO_BYTES = 16;
/** Payload of the answer to anything longer. */
export const ECHO_LONG_BYTES = 24;
/** TTL or hop limit of an answer: forwarded once. */
export const ECHO_ANSWER_TTL = 254;
/** Echo packets under way at once; a power of two. At 5 a second and 2 s to wait, 10 are. */
const OUTSTANDING = 64;

/** Turns the echo packet `parsed` (hop limit 255, checked) in `bytes` into its answer, in place; returns its length. */
export function writeEchoAnswer(bytes: Uint8Array, parsed: Parsed): number {
  const { offset } = parsed;
  const v4 = parsed.family === 4;
  bytes[offset + (v4 ? IP4_TTL : IP6_HOP_LIMIT)] = ECHO_ANSWER_TTL;
  if (v4) {
    const at = offset + IP4_CHECKSUM;
    put16(bytes, at, applyDifference(get16(bytes, at), difference16(BFD_TTL << 8, ECHO_ANSWER_TTL << 8)));
  }
  // Addresses stand at even offsets and change places: no sum sees it. Ports stay, as in RFC 5881's loop.
  const from = offset + (v4 ? IP4_SOURCE : IP6_SOURCE);
  const to = offset + (v4 ? IP4_DESTINATION : IP6_DESTINATION);
  for (let i = 0; i < to - from; i += 4) {
    const word = get32(bytes, from + i);
    put32(bytes, from + i, get32(bytes, to + i));
    put32(bytes, to + i, word);
  }
  return shorten(bytes, parsed);
}

function shorten(bytes: Uint8Array, parsed: Parsed): number {
  const { offset, l4Offset, family } = parsed;
  const udpBytes = UDP_HEADER + ECHO_LONG_BYTES;
  if (get16(bytes, l4Offset + UDP_LENGTH) <= udpBytes) return parsed.length;
  const length = parsed.headerLength + udpBytes;
  if (family === 4) {
    put16(bytes, offset + IP4_LENGTH, length);
    put16(bytes, offset + IP4_CHECKSUM, 0);
    put16(bytes, offset + IP4_CHECKSUM, finish(sum(bytes, offset, parsed.headerLength, 0)));
  } else put16(bytes, offset + IP6_PAYLOAD_LENGTH, length - IP6_HEADER);
  put16(bytes, l4Offset + UDP_LENGTH, udpBytes);
  put16(bytes, l4Offset + UDP_CHECKSUM, 0);
  const checksum = finish(sum(bytes, l4Offset, udpBytes, pseudoHeaderSum(parsed, udpBytes)));
  put16(bytes, l4Offset + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum);
  return length;
}

/** Writes the payload of a long echo packet, `length` ≥ ECHO_LONG_BYTES bytes of it, at `at`. */
export function encodeLongEcho(
  bytes: Uint8Array,
  at: number,
  length: number,
  discriminator: number,
  sequence: number,
): void {
  bytes.fill(0, at, at + length);
  put32(bytes, at, discriminator);
  put32(bytes, at + 4, sequence);
}

/** The discriminator in an echo payload at `at`: says which path it belongs to. */
export function echoDiscriminator(bytes: Uint8Array, at: number): number {
  return get32(bytes, at) >>> 0;
}

const clock = new DataView(new ArrayBuffer(8));
/** Of a path whose echo packets a worker sends. */
const NONE = new Float64Array(0);

/** The echo packets of one path: which are under way, which came back, which are lost. */
export class EchoTracker {
  readonly #discriminator: number;
  readonly #quality: Quality;
  #sentAtMs = NONE;
  #next = 0;
  /** The oldest sequence number that may still be under way. */
  #oldest = 0;

  constructor(discriminator: number, quality: Quality) {
    this.#discriminator = discriminator;
    this.#quality = quality;
  }

  /** Writes the next echo packet's payload (ECHO_BYTES) at `at`. */
  encodeNext(bytes: Uint8Array, at: number, now: number): void {
    if (this.#sentAtMs === NONE) this.#sentAtMs = new Float64Array(OUTSTANDING).fill(Number.NaN);
    if (this.#next - this.#oldest >= OUTSTANDING) this.#give(now);
    this.#sentAtMs[this.#next % OUTSTANDING] = now;
    put32(bytes, at, this.#discriminator);
    put32(bytes, at + 4, this.#next);
    clock.setFloat64(0, now);
    for (let i = 0; i < 8; i++) bytes[at + 8 + i] = clock.getUint8(i);
    this.#next += 1;
  }

  /** An answer's payload stands at `at`. Returns 0, or why it is none: not ours, not under way, too late, or twice. */
  handleAnswer(bytes: Uint8Array, at: number, length: number, now: number): number {
    if (length !== ECHO_BYTES || echoDiscriminator(bytes, at) !== this.#discriminator) {
      return BFD_REFUSAL['not-echo'];
    }
    const sequence = get32(bytes, at + 4) >>> 0;
    const slot = sequence % OUTSTANDING;
    const sentAtMs = this.#sentAtMs[slot];
    const underWay = sequence >= this.#oldest && sequence < this.#next;
    if (!underWay || !(now - sentAtMs >= 0)) return BFD_REFUSAL['echo-unknown'];
    this.#sentAtMs[slot] = Number.NaN;
    this.#quality.handleAnswer(now - sentAtMs, now);
    this.#forgetSettled();
    return 0;
  }

  /** Counts as lost what has been under way for too long. */
  handleTimeout(now: number): void {
    while (now >= this.nextDeadline()) this.#give(now);
  }

  /** When the oldest packet under way counts as lost; +Infinity if none is. */
  nextDeadline(): number {
    if (this.#oldest === this.#next) return Number.POSITIVE_INFINITY;
    return this.#sentAtMs[this.#oldest % OUTSTANDING] + this.#quality.answerMsMax;
  }

  /** Forgets what is under way: its fate says nothing about the path as it is now. */
  abandon(): void {
    this.#oldest = this.#next;
  }

  /** Gives up the oldest. */
  #give(now: number): void {
    this.#quality.handleCounts(0, 1, now);
    this.#oldest += 1;
    this.#forgetSettled();
  }

  /** The oldest that is under way is one that has not come back. */
  #forgetSettled(): void {
    while (this.#oldest < this.#next && Number.isNaN(this.#sentAtMs[this.#oldest % OUTSTANDING])) {
      this.#oldest += 1;
    }
  }
}
