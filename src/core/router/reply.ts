/**
 * ICMP errors that this router sends itself: to the site by the LAN TUN, or back through the tunnel to the peer that a
 * packet came from. Each takes one reply row and its buffer; a batch may send REPLY_ROWS of them, and a token bucket
 * bounds them over time (RFC 1812 4.3.2.8, RFC 4443 2.4(f)).
 *
 * Towards the site the source is our LAN address, as a router's must be (RFC 1812 4.3.2.4). Towards a peer we have no
 * overlay address of our own: the source is the packet's own destination, which the receiver's reverse-path check
 * accepts.
 */

import { clearRow } from '../packet/clear-row.js';
import { DROP } from '../packet/drop.js';
import {
  ICMP4_TIME_EXCEEDED,
  ICMP4_UNREACHABLE,
  ICMP6_TIME_EXCEEDED,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
  mayAnswer,
  UNREACHABLE4,
  unreachable6For,
  writeError4,
  writeError6,
} from '../packet/icmp.js';
import { put32 } from '../packet/offsets.js';
import { RateLimit } from '../packet/ratelimit.js';
import { ROW_STRIDE, ROW_VERDICT, VERDICT_LAN } from '../packet/rows.js';
import type { RouterContext } from './context.js';
import { REPLY_BYTES, REPLY_ROWS } from './memory.js';

/** Errors a second in the long run, and how many at once, of all workers. */
const RATE_PER_SECOND = 1000;
const BURST = 200;

const NONE = -1;

/** The unreachable code that tells a host of each drop reason; reasons that are not in here are dropped in silence. */
const UNREACHABLE_CODE = new Int8Array(256).fill(NONE);
UNREACHABLE_CODE[DROP['no-nat-source']] = UNREACHABLE4.netUnknown;
UNREACHABLE_CODE[DROP['no-route']] = UNREACHABLE4.net;
UNREACHABLE_CODE[DROP['peer-down']] = UNREACHABLE4.host;
UNREACHABLE_CODE[DROP.policy] = UNREACHABLE4.prohibited;
UNREACHABLE_CODE[DROP['no-nat-destination']] = UNREACHABLE4.hostUnknown;
UNREACHABLE_CODE[DROP['too-big']] = UNREACHABLE4.fragmentationNeeded;

export class ReplyWriter {
  /** Reply rows filled in this batch, from `memory.replyRow` on. */
  count = 0;
  readonly #context: RouterContext;
  readonly #limit: RateLimit;
  /** Source of the error being written: an IPv4 word, or 16 bytes. */
  #source4 = 0;
  readonly #source6 = new Uint8Array(16);

  constructor(context: RouterContext) {
    this.#context = context;
    this.#limit = new RateLimit(RATE_PER_SECOND / context.workers, BURST / context.workers);
  }

  /** Forgets the replies of the last batch. */
  begin(): void {
    this.count = 0;
  }

  /** Tells the site host that sent the packet in `context.parsed` why it was dropped, if that reason is one to tell. */
  toLan(reason: number): void {
    const { parsed, snapshot, rows } = this.#context;
    const { lanAddress4, lanAddress6 } = snapshot.data;
    this.#source4 = lanAddress4 !== 0 ? lanAddress4 : parsed.destination4;
    if ((lanAddress6[0] | lanAddress6[1]) !== 0) {
      this.#setSource6(lanAddress6[0], lanAddress6[1], lanAddress6[2], lanAddress6[3]);
    } else {
      this.#setSource6(parsed.d0, parsed.d1, parsed.d2, parsed.d3);
    }
    const at = this.#write(reason);
    if (at >= 0) rows[at + ROW_VERDICT] = VERDICT_LAN;
  }

  /** The same for a packet that came from `peer`. */
  toPeer(reason: number, peer: number): void {
    const { parsed } = this.#context;
    this.#source4 = parsed.destination4;
    this.#setSource6(parsed.d0, parsed.d1, parsed.d2, parsed.d3);
    const at = this.#write(reason);
    if (at >= 0 && !this.#context.seal(at, peer)) this.count -= 1;
  }

  #setSource6(w0: number, w1: number, w2: number, w3: number): void {
    put32(this.#source6, 0, w0);
    put32(this.#source6, 4, w1);
    put32(this.#source6, 8, w2);
    put32(this.#source6, 12, w3);
  }

  /** Writes the error for `reason` into the next reply row. Returns the row's position, −1 if there is nothing to send. */
  #write(reason: number): number {
    const { parsed, rows, memory, now } = this.#context;
    const expired = reason === DROP['ttl-exceeded'];
    const code = expired ? 0 : UNREACHABLE_CODE[reason];
    if (code === NONE || this.count >= REPLY_ROWS || !mayAnswer(parsed) || !this.#limit.take(now))
      return NONE;
    const offset = memory.scratchAt + this.count * REPLY_BYTES;
    const length =
      parsed.family === 4 ? this.#write4(offset, expired, code) : this.#write6(offset, expired, code);
    if (length === 0) return NONE;
    const at = (memory.replyRow + this.count) * ROW_STRIDE;
    this.count += 1;
    clearRow(rows, at, offset, length);
    return at;
  }

  #write4(offset: number, expired: boolean, code: number): number {
    const { parsed, bytes, mtu } = this.#context;
    const type = expired ? ICMP4_TIME_EXCEEDED : ICMP4_UNREACHABLE;
    const rest = code === UNREACHABLE4.fragmentationNeeded ? mtu : 0;
    return writeError4(bytes, offset, parsed, bytes, this.#source4, type, code, rest);
  }

  #write6(offset: number, expired: boolean, code: number): number {
    const { parsed, bytes, mtu } = this.#context;
    const tooBig = code === UNREACHABLE4.fragmentationNeeded;
    const type = expired ? ICMP6_TIME_EXCEEDED : tooBig ? ICMP6_TOO_BIG : ICMP6_UNREACHABLE;
    const code6 = expired || tooBig ? 0 : unreachable6For(code);
    return writeError6(bytes, offset, parsed, bytes, this.#source6, type, code6, tooBig ? mtu : 0);
  }
}
