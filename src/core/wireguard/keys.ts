/**
 * Keys as text: base64 of exactly 32 bytes, as `wg` prints them (44 characters, the last is '='). Stricter than most
 * base64 readers on purpose: one key has one spelling, so keys can be compared and looked up as text.
 */
import { TwinspanError } from '../base/errors.js';
import { KEY_BYTES } from './constants.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const KEY_CHARACTERS = 44;

/** The 44-character base64 text of a 32-byte key. */
export function formatKey(key: Uint8Array): string {
  let text = '';
  for (let at = 0; at < KEY_BYTES; at += 3) {
    const group = (key[at] << 16) | ((key[at + 1] ?? 0) << 8) | (key[at + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) text += ALPHABET[(group >> shift) & 63];
  }
  return `${text.slice(0, KEY_CHARACTERS - 1)}=`;
}

/** The 32 bytes of a key in base64; undefined for any text that `formatKey` would not print. */
export function tryParseKey(text: string): Uint8Array | undefined {
  if (text.length !== KEY_CHARACTERS || text[KEY_CHARACTERS - 1] !== '=') return undefined;
  const key = new Uint8Array(KEY_BYTES);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < KEY_CHARACTERS - 1; i++) {
    const value = ALPHABET.indexOf(text[i]);
    if (value < 0) return undefined;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      key[at++] = held >> bits;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? key : undefined;
}

/** The 32 bytes of a key in base64. Throws TS_KEY_INVALID, never printing the text, which may be secret. */
export function parseKey(text: string, what = 'The key'): Uint8Array {
  const key = tryParseKey(text);
  if (key === undefined) {
    throw new TwinspanError(
      'TS_KEY_INVALID',
      `${what} is not 32 bytes in base64 (44 characters that end in "=").`,
      'Make one with: twinspan keygen',
    );
  }
  return key;
}
