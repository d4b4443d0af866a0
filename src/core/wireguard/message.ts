/**
 * The four messages of WireGuard (paper, 5.4.2–5.4.7) as offsets into bytes: check the length once, then read freely.
 * Integers are little-endian; the three bytes after the type are zero.
 */
export const MESSAGE_INITIATION = 1;
export const MESSAGE_RESPONSE = 2;
export const MESSAGE_COOKIE_REPLY = 3;
export const MESSAGE_TRANSPORT = 4;

export const INITIATION_SENDER = 4;
export const INITIATION_EPHEMERAL = 8;
export const INITIATION_STATIC = 40;
export const INITIATION_TIMESTAMP = 88;
export const INITIATION_MAC1 = 116;
export const INITIATION_MAC2 = 132;
export const INITIATION_BYTES = 148;

export const RESPONSE_SENDER = 4;
export const RESPONSE_RECEIVER = 8;
export const RESPONSE_EPHEMERAL = 12;
export const RESPONSE_EMPTY = 44;
export const RESPONSE_MAC1 = 60;
export const RESPONSE_MAC2 = 76;
export const RESPONSE_BYTES = 92;

export const COOKIE_REPLY_RECEIVER = 4;
export const COOKIE_REPLY_NONCE = 8;
export const COOKIE_REPLY_COOKIE = 32;
export const COOKIE_REPLY_BYTES = 64;

export const TRANSPORT_RECEIVER = 4;
export const TRANSPORT_COUNTER = 8;
export const TRANSPORT_PACKET = 16;
/** A transport message without content: a keepalive. */
export const TRANSPORT_BYTES_MIN = 32;

/** Both handshake messages end in mac1 and mac2, so these count from the end. */
export const MAC1_FROM_END = 32;
export const MAC2_FROM_END = 16;

/** The type of a well-formed message of any kind (type, reserved bytes and length agree), or 0. */
export function parseMessageType(bytes: Uint8Array): number {
  if (bytes.length < TRANSPORT_BYTES_MIN || (bytes[1] | bytes[2] | bytes[3]) !== 0) return 0;
  switch (bytes[0]) {
    case MESSAGE_INITIATION:
      return bytes.length === INITIATION_BYTES ? MESSAGE_INITIATION : 0;
    case MESSAGE_RESPONSE:
      return bytes.length === RESPONSE_BYTES ? MESSAGE_RESPONSE : 0;
    case MESSAGE_COOKIE_REPLY:
      return bytes.length === COOKIE_REPLY_BYTES ? MESSAGE_COOKIE_REPLY : 0;
    case MESSAGE_TRANSPORT:
      return MESSAGE_TRANSPORT;
    default:
      return 0;
  }
}

/** The little-endian unsigned 32-bit integer at `offset`. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)) >>> 0
  );
}

/** Writes `value` (unsigned 32 bits) little-endian at `offset`. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** The counter of a transport message as an exact double; at or above 2^53 it is not exact, and callers refuse it. */
export function readCounter(bytes: Uint8Array): number {
  return readUint32(bytes, TRANSPORT_COUNTER) + readUint32(bytes, TRANSPORT_COUNTER + 4) * 0x1_0000_0000;
}

/** A message of `type` and `length` bytes, zero otherwise. */
export function newMessage(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  return bytes;
}
