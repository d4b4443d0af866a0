/**
 * What the protocol asks of the control thread, and why it refused a handshake message.
 *
 * Outputs come in the order in which they must be carried out. The one that takes two steps is 'install': neither the
 * session's columns nor its index are there yet, so no worker can meet it. Once every worker has the keys, the control
 * thread calls handleInstalled(slot); only then is the slot filled and the index published, and only then comes what may
 * provoke packets on the session: the handshake response (we are the responder), or 'use' and a keepalive (initiator).
 */
export type EventName =
  /** A session can be sent on; `detail` is 'initiator' or 'responder'. */
  | 'session-established'
  /** Initiations went unanswered for REKEY_ATTEMPT_TIME (they go on if the peer is always to be reached). */
  | 'handshake-failed'
  /** Handshake labels can no longer be stored (TimestampSource.storeError says why); reported once. */
  | 'timestamp-store-failed';

export type Output =
  /** Send to the peer: `to` is the source to answer, undefined = on the peer's path. `peer` is −1 for cookie replies. */
  | {
      readonly type: 'send';
      readonly peer: number;
      readonly bytes: Uint8Array;
      readonly to: Uint8Array | undefined;
    }
  /** Install keys in all workers, then call handleInstalled(slot), once for each install. The keys may then be erased. */
  | {
      readonly type: 'install';
      readonly slot: number;
      readonly peer: number;
      readonly sendKey: Uint8Array;
      readonly receiveKey: Uint8Array;
    }
  /** PeerTable.session has been set to this slot: what waits for a session can go. */
  | { readonly type: 'use'; readonly peer: number; readonly slot: number }
  /** The session is over and its index withdrawn: remove its keys from all workers. */
  | { readonly type: 'remove'; readonly slot: number }
  /** Send a keepalive (empty transport message) with the peer's session. */
  | { readonly type: 'keepalive'; readonly peer: number }
  /** An authentic handshake message of the peer came from this endpoint record. */
  | { readonly type: 'endpoint'; readonly peer: number; readonly endpoint: Uint8Array }
  | { readonly type: 'event'; readonly name: EventName; readonly peer: number; readonly detail: string };

/** Outputs in order. BOUNDED by the caller, who drains it after each input; an input adds a few for each peer. */
export class OutputQueue {
  #outputs: Output[] = [];
  #taken = 0;

  push(output: Output): void {
    this.#outputs.push(output);
  }

  poll(): Output | undefined {
    if (this.#taken === this.#outputs.length) return undefined;
    const output = this.#outputs[this.#taken++];
    if (this.#taken === this.#outputs.length) {
      this.#outputs = [];
      this.#taken = 0;
    }
    return output;
  }
}

/** Why a handshake datagram was refused; the names are stable, they are what status and metrics print. */
export const HANDSHAKE_DROPS = [
  /** Wrong length, type or reserved bytes. */
  'malformed',
  /** mac1 does not match: the sender does not know our public key. */
  'mac1',
  /** For a key for which another node answers now. */
  'standby',
  /** Under load and without a good mac2: answered with a cookie. */
  'cookie-required',
  /** Under load, and this source address starts too many handshakes. */
  'source-rate',
  /** An initiation whose static key does not decrypt, or whose ephemeral has a small order. */
  'static-undecryptable',
  /** An initiation by a key that is not one of our peers. */
  'unknown-peer',
  /** An initiation whose timestamp does not decrypt: its sender does not own the static key. */
  'timestamp-undecryptable',
  /** An initiation whose timestamp is not greater than the last one's: replayed, or the peer's clock went back. */
  'timestamp-replayed',
  /** An initiation too soon after the last one of the same peer. */
  'flood',
  /** A response or cookie reply for an index on which nothing waits. */
  'unknown-index',
  /** A response that does not decrypt: wrong pre-shared key, or forged. */
  'response-undecryptable',
  /** A cookie reply that does not decrypt or answers nothing that we sent. */
  'cookie-undecryptable',
  /** Every session slot is taken. */
  'no-slot',
] as const;

export type HandshakeDrop = (typeof HANDSHAKE_DROPS)[number];

/** One counter for each reason. */
export type HandshakeDrops = Record<HandshakeDrop, number>;

/** Counters at zero. */
export function newHandshakeDrops(): HandshakeDrops {
  return Object.fromEntries(HANDSHAKE_DROPS.map((name) => [name, 0])) as HandshakeDrops;
}
