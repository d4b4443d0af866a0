/**
 * The bytes that a device keeps of each peer, all in one array: an array of its own for each would take five times as much.
 * By peer number; what is handed out are views.
 */
import { KEY_BYTES, MAC_BYTES, TIMESTAMP_BYTES } from './constants.js';

const MAC_AT = TIMESTAMP_BYTES;
const STATIC_AT = MAC_AT + MAC_BYTES;
const STRIDE = STATIC_AT + KEY_BYTES;

export class PeerBytes {
  readonly #bytes: Uint8Array;

  /** `capacity` in peers. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity * STRIDE);
  }

  /** Greatest timestamp of the peer's initiations, zeros = none yet. */
  timestamp(peer: number): Uint8Array {
    return this.#view(peer, 0, TIMESTAMP_BYTES);
  }

  /** mac1 of our last handshake message to the peer. */
  lastMac1(peer: number): Uint8Array {
    return this.#view(peer, MAC_AT, MAC_BYTES);
  }

  /** DH(own static, its static). */
  staticStatic(peer: number): Uint8Array {
    return this.#view(peer, STATIC_AT, KEY_BYTES);
  }

  /** Forgets a peer. */
  erase(peer: number): void {
    this.#view(peer, 0, STRIDE).fill(0);
  }

  #view(peer: number, at: number, length: number): Uint8Array {
    const from = peer * STRIDE + at;
    return this.#bytes.subarray(from, from + length);
  }
}
