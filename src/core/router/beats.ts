/**
 * What a worker sends by itself to the peers that are its own, so that the control thread sleeps while nothing changes: the BFD control packet of each
 * path, again and again, and echo packets that measure it. The other way, silence beyond a path's detection time, and its
 * end, is told to the control thread once.
 *
 * Each wait is a random 75–100 % of the interval (RFC 5880 6.8.7). When one packet is due, all that may go by now go with
 * it: paths of one pace share a wake-up without ever being in step with a peer. They share what chance has said, too: the
 * shortest of many waits would always be near 75 %.
 */
import { SeededRandom } from '../base/random.js';
import { finish, sum } from '../packet/checksum.js';
import { clearRow } from '../packet/clear-row.js';
import {
  IP6_HEADER,
  IP6_PAYLOAD_LENGTH,
  IP6_SOURCE,
  PROTOCOL_UDP,
  put16,
  put32,
  UDP_CHECKSUM,
  UDP_DESTINATION_PORT,
  UDP_HEADER,
  UDP_LENGTH,
} from '../packet/offsets.js';
import { ROW_STRIDE } from '../packet/rows.js';
import { BFD_ECHO_PORT } from '../path/datagram.js';
import { ECHO_BYTES } from '../path/echo.js';
import { BEAT_BYTES, BEAT_UP, type BeatTable, PATHS_PER_PEER } from './beat-table.js';
import type { RouterContext } from './context.js';
import { CONTROL_BYTES, CONTROL_ROWS, REPLY_BYTES, REPLY_ROWS } from './memory.js';
import { OUT_SILENCE } from './outbox.js';

/** A peer's rows of one fill: a control and an echo packet for each path. */
const PEER_ROWS_MAX = PATHS_PER_PEER * 2;
/** Echo packets of one path under way at once; a power of two. */
const OUTSTANDING = 16;
/** After a pause of the process: what was sent to it meanwhile is read within this time. */
const DEAF_MS = 20;
const HEADERS = IP6_HEADER + UDP_HEADER;

export class Beats {
  readonly #context: RouterContext;
  readonly #table: BeatTable;
  readonly #random: SeededRandom;
  readonly #clock = new DataView(new ArrayBuffer(8));
  /** By row: when the next repetition is due, from when on it may go, and what was last seen of `schedule`. */
  readonly #dueAtMs: Float64Array;
  readonly #earliestAtMs: Float64Array;
  readonly #schedule: Int32Array;
  readonly #silent: Uint8Array;
  /** By row: when the next echo packet may go, the sequence numbers under way, and when each left (NaN = settled). */
  readonly #echoAtMs: Float64Array;
  readonly #echoNext: Uint32Array;
  readonly #echoOldest: Uint32Array;
  readonly #echoSentAtMs: Float64Array;
  #cursor: number;
  #count = 0;
  /** Earliest of everything that the fill under way has seen: of repetitions, and of all. */
  #nextBeatAtMs = Number.POSITIVE_INFINITY;
  #nextAtMs = Number.POSITIVE_INFINITY;
  /** A repetition is due: what may go, goes. */
  #gathers = true;
  /** Where between its least and its most the next wait of each is, 0–1. */
  #chance = 0;
  #deafUntilMs = 0;
  /** Time (ms) at which `fill` is due; 0 = at once. */
  dueAtMs = 0;
  /** `fill` has more to do at once. */
  unfinished = false;

  constructor(context: RouterContext, seed: number) {
    const table = context.tables.beats;
    const { rows } = table;
    this.#context = context;
    this.#cursor = context.worker;
    this.#table = table;
    this.#random = new SeededRandom(seed);
    this.#dueAtMs = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
    this.#earliestAtMs = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
    this.#schedule = new Int32Array(rows);
    this.#silent = new Uint8Array(rows);
    this.#echoAtMs = new Float64Array(rows);
    this.#echoNext = new Uint32Array(rows);
    this.#echoOldest = new Uint32Array(rows);
    this.#echoSentAtMs = new Float64Array(rows * OUTSTANDING).fill(Number.NaN);
  }

  /** Fills control rows with what is due; returns how many. Call again at once while `unfinished`. */
  fill(): number {
    const { mask, capacity } = this.#table;
    const { worker, workers } = this.#context;
    this.#count = 0;
    if (!this.unfinished) this.#begin();
    let peer = this.#cursor;
    for (; peer < capacity && this.#count <= CONTROL_ROWS - PEER_ROWS_MAX; peer += workers) {
      const used = mask[peer];
      if (used !== 0) this.#fillPeer(peer, used);
    }
    this.unfinished = peer < capacity;
    this.#cursor = this.unfinished ? peer : worker;
    if (!this.unfinished) this.dueAtMs = this.#nextAtMs;
    return this.#count;
  }

  /** The process has slept: for a moment packets wait to be read, and nobody is taken to be silent. */
  handlePause(): void {
    this.#deafUntilMs = this.#context.now + DEAF_MS;
  }

  #begin(): void {
    this.#gathers = this.#context.now >= this.#nextBeatAtMs;
    this.#chance = this.#random.fraction();
    this.#nextBeatAtMs = Number.POSITIVE_INFINITY;
    this.#nextAtMs = Number.POSITIVE_INFINITY;
  }

  #fillPeer(peer: number, used: number): void {
    const { now } = this.#context;
    const { rowAt } = this.#table;
    for (let rest = used, at = peer * PATHS_PER_PEER; rest !== 0; rest >>>= 1, at++) {
      if ((rest & 1) === 0) continue;
      const row = rowAt[at];
      this.#adoptSchedule(row);
      if (now >= (this.#gathers ? this.#earliestAtMs[row] : this.#dueAtMs[row])) this.#beat(peer, row);
      this.#nextBeatAtMs = Math.min(this.#nextBeatAtMs, this.#dueAtMs[row]);
      this.#nextAtMs = Math.min(this.#nextAtMs, this.#dueAtMs[row], this.#listen(peer, row));
    }
  }

  #adoptSchedule(row: number): void {
    const schedule = this.#table.schedule[row];
    if (schedule === this.#schedule[row]) return;
    this.#schedule[row] = schedule;
    this.#dueAtMs[row] = this.#table.nextAtMs[row];
    this.#earliestAtMs[row] = this.#dueAtMs[row];
  }

  #beat(peer: number, row: number): void {
    const { tables, now } = this.#context;
    const table = this.#table;
    const interval = table.intervalMs[row];
    const least = table.jitterMin[row];
    const part = least + this.#chance * (table.jitterMax[row] - least);
    this.#earliestAtMs[row] = now + interval * least;
    this.#dueAtMs[row] = now + interval * part;
    if (interval === Number.POSITIVE_INFINITY || tables.peers.session[peer] < 0) return;
    const offset = this.#take(row, BEAT_BYTES);
    table.repeatedAtMs[row] = now;
    this.#seal(peer, row, offset, BEAT_BYTES);
    if ((table.flags[row] & BEAT_UP) === 0) {
      this.#echoOldest[row] = this.#echoNext[row];
      return;
    }
    if (now >= this.#echoAtMs[row] && table.echoMs[row] !== Number.POSITIVE_INFINITY) this.#ask(peer, row);
  }

  /** Puts `length` bytes of the row's packet into the next free buffer; returns where. */
  #take(row: number, length: number): number {
    const { bytes, memory } = this.#context;
    const { content } = this.#table;
    const offset = memory.scratchAt + REPLY_ROWS * REPLY_BYTES + this.#count * CONTROL_BYTES;
    const from = this.#table.contentAt(row, Atomics.load(this.#table.version, row));
    for (let i = 0; i < length; i++) bytes[offset + i] = content[from + i];
    return offset;
  }

  #seal(peer: number, row: number, offset: number, length: number): void {
    const { memory, rows } = this.#context;
    const at = (memory.controlRow + this.#count) * ROW_STRIDE;
    this.#count += 1;
    clearRow(rows, at, offset, length);
    this.#context.sealOn(at, peer, this.#table.slot[row]);
  }

  /** Sends an echo packet: the headers of the control packet with another port, and a payload of its own. */
  #ask(peer: number, row: number): void {
    const { bytes, now } = this.#context;
    this.#echoAtMs[row] = now + this.#table.echoMs[row];
    this.#giveUp(row);
    const sequence = this.#echoNext[row];
    this.#echoNext[row] = sequence + 1;
    this.#echoSentAtMs[row * OUTSTANDING + (sequence & (OUTSTANDING - 1))] = now;
    const at = this.#take(row, HEADERS);
    const udp = at + IP6_HEADER;
    const length = UDP_HEADER + ECHO_BYTES;
    put32(bytes, at + HEADERS, this.#table.discriminator[row]);
    put32(bytes, at + HEADERS + 4, sequence);
    this.#clock.setFloat64(0, now);
    for (let i = 0; i < 8; i++) bytes[at + HEADERS + 8 + i] = this.#clock.getUint8(i);
    put16(bytes, at + IP6_PAYLOAD_LENGTH, length);
    put16(bytes, udp + UDP_DESTINATION_PORT, BFD_ECHO_PORT);
    put16(bytes, udp + UDP_LENGTH, length);
    put16(bytes, udp + UDP_CHECKSUM, 0);
    const checksum = finish(sum(bytes, udp, length, sum(bytes, at + IP6_SOURCE, 32, length + PROTOCOL_UDP)));
    put16(bytes, udp + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum);
    this.#seal(peer, row, at, HEADERS + ECHO_BYTES);
  }

  /** Counts as lost what has been under way for too long, and makes room. */
  #giveUp(row: number): void {
    const { now } = this.#context;
    const lostAfterMs = this.#table.echoLostAfterMs[row];
    while (this.#echoOldest[row] !== this.#echoNext[row]) {
      const sentAtMs = this.#echoSentAtMs[row * OUTSTANDING + (this.#echoOldest[row] & (OUTSTANDING - 1))];
      const full = (this.#echoNext[row] - this.#echoOldest[row]) >>> 0 >= OUTSTANDING;
      if (!Number.isNaN(sentAtMs)) {
        if (!full && now - sentAtMs < lostAfterMs) return;
        this.#table.echoLost[row] += 1;
      }
      this.#echoOldest[row] += 1;
    }
  }

  /** The answer to an echo packet of row `row` came back; its sequence number is `sequence`. */
  handleEcho(row: number, sequence: number): void {
    const { now } = this.#context;
    const at = row * OUTSTANDING + (sequence & (OUTSTANDING - 1));
    const sentAtMs = this.#echoSentAtMs[at];
    const back = (this.#echoNext[row] - sequence) >>> 0;
    const underWay = back >= 1 && back <= (this.#echoNext[row] - this.#echoOldest[row]) >>> 0;
    if (!underWay || !(now >= sentAtMs)) return;
    this.#echoSentAtMs[at] = Number.NaN;
    this.#table.echoRttMs[row] = now - sentAtMs;
    this.#table.echoAnswered[row] += 1;
  }

  /** Notices silence and its end; returns when the path's silence would be news. */
  #listen(peer: number, row: number): number {
    const { memory, bytes, now } = this.#context;
    const { basisAtMs, absorbedAtMs, heardAtMs, flags, detectionMs } = this.#table;
    const heard = (flags[row] & BEAT_UP) !== 0 ? heardAtMs[row] : 0;
    const silentAtMs = Math.max(basisAtMs[row], absorbedAtMs[row], heard) + detectionMs[row];
    if (now >= silentAtMs && now < this.#deafUntilMs) return this.#deafUntilMs;
    const silent = now >= silentAtMs ? 1 : 0;
    if (silent !== this.#silent[row] && memory.outbox.push(OUT_SILENCE, peer, silent, bytes, 0, 0)) {
      this.#silent[row] = silent;
    }
    return silent === 1 ? Number.POSITIVE_INFINITY : silentAtMs;
  }
}
