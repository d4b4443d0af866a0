/**
 * Keys as text: 32 bytes in base64, as `wg` prints them. Core has no Buffer, and a key wants one reading only, so this
 * is a strict decoder: exactly 44 characters, canonical padding, no bits left over.
 */
export const KEY_BYTES = 32;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PADDING = '='.charCodeAt(0);
const KEY_TEXT = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** The 32 bytes of a key in base64; undefined where `text` is not one. */
export function parseKey(text: string): Uint8Array | undefined {
  if (!KEY_TEXT.test(text)) return undefined;
  const bytes = new Uint8Array(KEY_BYTES);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < 43; i++) {
    bits = (bits << 6) | ALPHABET.indexOf(text[i]);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = bits >> held;
    bits &= (1 << held) - 1;
  }
  return bytes;
}

/** The base64 text of 32 bytes. Made at once: a string that grew by letters keeps all of its parts, a kilobyte. */
export function formatKey(key: Uint8Array): string {
  const codes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const byte of key) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 6) {
      held -= 6;
      codes.push(ALPHABET.charCodeAt(bits >> held));
      bits &= (1 << held) - 1;
    }
  }
  if (held > 0) codes.push(ALPHABET.charCodeAt(bits << (6 - held)));
  return String.fromCharCode(...codes, PADDING);
}
