/**
 * Endpoint records: where a datagram came from or goes to, as 32 bytes that TypeScript and the addon both read.
 * One format serves for received sources and for paths, so that "did the peer roam?" is a comparison of six words.
 *
 *   0 family (4, 6; 0 = empty)   1 socket (index of the local UDP socket)   2–3 port, big-endian
 *   4–7 IPv6 scope id, little-endian   8–23 address (IPv4 in the first four bytes)   24–31 zero
 */
export const ENDPOINT_BYTES = 32;
export const ENDPOINT_WORDS = ENDPOINT_BYTES / 4;
/** Words that take part in a comparison; the rest is reserved. */
export const ENDPOINT_WORDS_COMPARED = 6;

export const ENDPOINT_FAMILY = 0;
export const ENDPOINT_SOCKET = 1;
export const ENDPOINT_PORT = 2;
export const ENDPOINT_SCOPE = 4;
export const ENDPOINT_ADDRESS = 8;

/** A new endpoint record. `address` has 4 or 16 bytes, `port` is 1–65535, `socket` 0–255. */
export function encodeEndpoint(address: Uint8Array, port: number, socket: number, scope = 0): Uint8Array {
  const record = new Uint8Array(ENDPOINT_BYTES);
  record[ENDPOINT_FAMILY] = address.length === 4 ? 4 : 6;
  record[ENDPOINT_SOCKET] = socket;
  record[ENDPOINT_PORT] = port >> 8;
  record[ENDPOINT_PORT + 1] = port;
  for (let i = 0; i < 4; i++) record[ENDPOINT_SCOPE + i] = scope >>> (8 * i);
  record.set(address, ENDPOINT_ADDRESS);
  return record;
}

/** The address bytes (4 or 16, a view) of a record. */
export function endpointAddress(record: Uint8Array): Uint8Array {
  return record.subarray(ENDPOINT_ADDRESS, ENDPOINT_ADDRESS + (record[ENDPOINT_FAMILY] === 4 ? 4 : 16));
}

/** The port of a record. */
export function endpointPort(record: Uint8Array): number {
  return (record[ENDPOINT_PORT] << 8) | record[ENDPOINT_PORT + 1];
}

/** Whether two records name the same remote address, port and local socket. */
export function sameEndpoint(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < ENDPOINT_WORDS_COMPARED * 4; i++) if (a[i] !== b[i]) return false;
  return true;
}
