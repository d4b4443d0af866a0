/**
 * What the control thread and the data-plane workers share about sessions and peers: flat typed arrays over one
 * SharedArrayBuffer each. The control thread installs and removes; a worker reads, moves counters, windows and
 * clocks. No field is torn by design: 32-bit fields are published with Atomics, 64-bit clocks have one writer or do
 * not mind (a clock that is one packet old is as good).
 *
 * A session's local index is (random bits << SLOT_BITS) | slot, so a datagram finds its slot by a mask and is then
 * checked against the whole index.
 */
export const SLOT_BITS = 16;
export const SLOT_MASK = (1 << SLOT_BITS) - 1;

/** Replay window in 32-bit words a session: 8192 counters, as in wireguard-go and the kernel; see replay.ts. */
export const WINDOW_WORDS = 256;

/** `flags` of a session. */
export const SESSION_INITIATOR = 1;
/** A responder's new session, not to be sent on before its first data packet has arrived (paper, 5.4.3). */
export const SESSION_UNCONFIRMED = 2;

export class SessionTable {
  readonly capacity: number;
  readonly buffer: SharedArrayBuffer;
  /** Next counter to send; the addon takes nonces from here with an atomic add. */
  readonly sendCounter: BigUint64Array;
  /** Time (ms, monotonic) after which the session is neither sealed nor opened with: created + REJECT_AFTER_TIME. */
  readonly expiresAtMs: Float64Array;
  readonly createdAtMs: Float64Array;
  /** Highest counter received + 1, 0 before the first (exact below 2^53; higher counters are refused). */
  readonly received: Float64Array;
  /** Our index; 0 = slot is empty. Published last at installation, cleared first at removal. */
  readonly localIndex: Uint32Array;
  readonly remoteIndex: Uint32Array;
  readonly peer: Int32Array;
  readonly flags: Int32Array;
  /** Replay bitmaps, WINDOW_WORDS each. */
  readonly window: Uint32Array;

  static bytesFor(capacity: number): number {
    return capacity * (8 * 4 + 4 * 4 + 4 * WINDOW_WORDS);
  }

  constructor(buffer: SharedArrayBuffer, capacity: number) {
    this.buffer = buffer;
    this.capacity = capacity;
    let at = 0;
    const take = (bytes: number): number => {
      at += bytes * capacity;
      return at - bytes * capacity;
    };
    this.sendCounter = new BigUint64Array(buffer, take(8), capacity);
    this.expiresAtMs = new Float64Array(buffer, take(8), capacity);
    this.createdAtMs = new Float64Array(buffer, take(8), capacity);
    this.received = new Float64Array(buffer, take(8), capacity);
    this.localIndex = new Uint32Array(buffer, take(4), capacity);
    this.remoteIndex = new Uint32Array(buffer, take(4), capacity);
    this.peer = new Int32Array(buffer, take(4), capacity);
    this.flags = new Int32Array(buffer, take(4), capacity);
    this.window = new Uint32Array(buffer, take(4 * WINDOW_WORDS), capacity * WINDOW_WORDS);
  }

  static create(capacity: number): SessionTable {
    return new SessionTable(new SharedArrayBuffer(SessionTable.bytesFor(capacity)), capacity);
  }
}

/**
 * Per peer: the session and path to send with, and the four clocks from which every WireGuard timer is derived
 * (clocks.ts). Index = peer number, stable for the peer's life.
 */
export class PeerTable {
  readonly capacity: number;
  readonly buffer: SharedArrayBuffer;
  /** Since when data we sent has gone without any authenticated answer; 0 = answered. */
  readonly dataSentUnansweredSinceMs: Float64Array;
  /** Since when data we received has gone without anything sent back; 0 = answered. */
  readonly dataReceivedUnansweredSinceMs: Float64Array;
  readonly authenticatedSentAtMs: Float64Array;
  readonly authenticatedReceivedAtMs: Float64Array;
  /** Slot of the session to send with, −1 none. */
  readonly session: Int32Array;
  /** Slot of the path to send on, −1 none. */
  readonly path: Int32Array;
  /** Cluster of which the peer is a member. */
  readonly cluster: Int32Array;
  /** Set by a worker that wants a session or a rekey, cleared by the control thread. */
  readonly wanted: Int32Array;

  static bytesFor(capacity: number): number {
    return capacity * (8 * 4 + 4 * 4);
  }

  constructor(buffer: SharedArrayBuffer, capacity: number) {
    this.buffer = buffer;
    this.capacity = capacity;
    let at = 0;
    const take = (bytes: number): number => {
      at += bytes * capacity;
      return at - bytes * capacity;
    };
    this.dataSentUnansweredSinceMs = new Float64Array(buffer, take(8), capacity);
    this.dataReceivedUnansweredSinceMs = new Float64Array(buffer, take(8), capacity);
    this.authenticatedSentAtMs = new Float64Array(buffer, take(8), capacity);
    this.authenticatedReceivedAtMs = new Float64Array(buffer, take(8), capacity);
    this.session = new Int32Array(buffer, take(4), capacity);
    this.path = new Int32Array(buffer, take(4), capacity);
    this.cluster = new Int32Array(buffer, take(4), capacity);
    this.wanted = new Int32Array(buffer, take(4), capacity);
  }

  static create(capacity: number): PeerTable {
    const table = new PeerTable(new SharedArrayBuffer(PeerTable.bytesFor(capacity)), capacity);
    table.session.fill(-1);
    table.path.fill(-1);
    table.cluster.fill(-1);
    return table;
  }
}
