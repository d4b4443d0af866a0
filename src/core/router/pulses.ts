/**
 * Signs of life that a worker gives by itself, so that the control thread sleeps while nothing changes. For each peer
 * with `pulseMs` a packet goes out at every multiple of it: peers with one pace share a wake-up. Every PROBE_EVERY-th is
 * a probe, whose answer tells the round-trip time, the others are pulses. The other way, a peer that has been silent for
 * `silentAfterMs`, or is heard again, is told to the control thread once. That is only a hint to look at the clocks:
 * after a pause of the process packets may still wait to be read.
 */
import { clearRow } from '../packet/clear-row.js';
import { ROW_STRIDE } from '../packet/rows.js';
import type { RouterContext } from './context.js';
import { CONTROL_BYTES, CONTROL_ROWS, REPLY_BYTES, REPLY_ROWS } from './memory.js';
import { OUT_SILENCE } from './outbox.js';
import { writeProbe, writePulse } from './probe.js';

const PROBE_EVERY = 16;

export class Pulses {
  readonly #context: RouterContext;
  readonly #view: DataView;
  readonly #dueAtMs: Float64Array;
  readonly #sent: Uint8Array;
  readonly #silent: Uint8Array;
  #cursor = 0;
  #nextAtMs = Number.POSITIVE_INFINITY;
  /** Time (ms) at which `fill` is due; 0 = at once. */
  dueAtMs = 0;

  constructor(context: RouterContext) {
    const { bytes, tables } = context;
    const { capacity } = tables.peers;
    this.#context = context;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#dueAtMs = new Float64Array(capacity);
    this.#sent = new Uint8Array(capacity);
    this.#silent = new Uint8Array(capacity);
  }

  /** Fills control rows with what is due; returns how many. Call again at once while it is CONTROL_ROWS. */
  fill(): number {
    const { tables, now } = this.#context;
    const { pulseMs, session, capacity } = tables.peers;
    let count = 0;
    let peer = this.#cursor;
    for (; peer < capacity && count < CONTROL_ROWS; peer++) {
      const every = pulseMs[peer];
      if (every === 0) continue;
      if (now >= this.#dueAtMs[peer]) {
        this.#dueAtMs[peer] = (Math.floor(now / every) + 1) * every;
        if (session[peer] >= 0) this.#write(count++, peer);
      }
      this.#nextAtMs = Math.min(this.#nextAtMs, this.#dueAtMs[peer], this.#listen(peer));
    }
    if (peer < capacity) {
      this.#cursor = peer;
      return count;
    }
    this.dueAtMs = this.#nextAtMs;
    this.#nextAtMs = Number.POSITIVE_INFINITY;
    this.#cursor = 0;
    return count;
  }

  #write(index: number, peer: number): void {
    const { memory, rows, bytes, snapshot, now } = this.#context;
    const at = (memory.controlRow + index) * ROW_STRIDE;
    const offset = memory.scratchAt + REPLY_ROWS * REPLY_BYTES + index * CONTROL_BYTES;
    const { ownControl, peerControl } = snapshot.data;
    const probe = this.#sent[peer] % PROBE_EVERY === 0;
    this.#sent[peer] += 1;
    const length = probe
      ? writeProbe(bytes, this.#view, offset, ownControl, peerControl, peer * 4, now)
      : writePulse(bytes, offset, ownControl, peerControl, peer * 4);
    clearRow(rows, at, offset, length);
    this.#context.seal(at, peer);
  }

  /** Notices silence and its end; returns when the peer's silence would be news. */
  #listen(peer: number): number {
    const { memory, tables, bytes, now } = this.#context;
    const { authenticatedReceivedAtMs, silentAfterMs } = tables.peers;
    const silentAtMs = authenticatedReceivedAtMs[peer] + silentAfterMs[peer];
    const silent = now >= silentAtMs ? 1 : 0;
    if (silent !== this.#silent[peer] && memory.outbox.push(OUT_SILENCE, peer, silent, bytes, 0, 0)) {
      this.#silent[peer] = silent;
    }
    return silent === 1 ? Number.POSITIVE_INFINITY : silentAtMs;
  }
}
