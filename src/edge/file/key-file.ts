/**
 * Key files: one line of base64, private to their owner. A private key that group or others can read is refused, not
 * warned about: a warning is read once, a refusal is mended.
 */
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { TwinspanError } from '../../core/base/errors.js';
import { formatKey, KEY_BYTES, parseKey } from '../../core/base/key.js';

/** Permission bits of group and others. */
const OTHERS = 0o077;
/** DER head of a PKCS #8 X25519 private key (RFC 8410); the 32 key bytes follow. */
const PKCS8_X25519 = Uint8Array.from(Buffer.from('302e020100300506032b656e04220420', 'hex'));
const TEXT_BYTES_MAX = 256;

/**
 * The 32 bytes in a private or preshared key file. Throws TS_CONFIG_UNREADABLE, TS_KEY_READABLE_BY_OTHERS or
 * TS_KEY_INVALID. Permissions are checked on the open file, so they are those of what is read.
 */
export function readSecretKey(fileName: string): Uint8Array {
  let fd: number;
  try {
    fd = openSync(fileName, 'r');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const message = `The key file ${fileName} cannot be read (${reason}).`;
    throw new TwinspanError(
      'TS_CONFIG_UNREADABLE',
      message,
      `Make one: twinspan keygen --out ${fileName}`,
      error,
    );
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new TwinspanError('TS_CONFIG_UNREADABLE', `${fileName} is not a file.`);
    if ((stat.mode & OTHERS) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      const message = `The key file ${fileName} can be read by others (mode ${mode}).`;
      throw new TwinspanError('TS_KEY_READABLE_BY_OTHERS', message, `Run: chmod 600 ${fileName}`);
    }
    const buffer = Buffer.alloc(TEXT_BYTES_MAX);
    const text = buffer.toString('latin1', 0, readSync(fd, buffer)).trim();
    const key = parseKey(text);
    if (key !== undefined) return key;
    const message = `The key file ${fileName} does not hold a key: 32 bytes in base64 are wanted.`;
    throw new TwinspanError('TS_KEY_INVALID', message, `Make one: twinspan keygen --out FILE`);
  } finally {
    closeSync(fd);
  }
}

/** Writes a secret key to a new file with mode 0600; throws TS_CONFIG_UNREADABLE where the file exists already. */
export function writeSecretKey(fileName: string, key: Uint8Array): void {
  try {
    writeFileSync(fileName, `${formatKey(key)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const hint = reason === 'EEXIST' ? 'It exists; a key is never overwritten.' : undefined;
    throw new TwinspanError(
      'TS_CONFIG_UNREADABLE',
      `${fileName} cannot be written (${reason}).`,
      hint,
      error,
    );
  }
}

/** A new X25519 private key, clamped as RFC 7748 section 5 and `wg genkey` do. */
export function generatePrivateKey(): Uint8Array {
  const key = Uint8Array.from(randomBytes(KEY_BYTES));
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  return key;
}

/** The X25519 public key of a private key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const der = Buffer.concat([PKCS8_X25519, privateKey]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return Uint8Array.from(Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url'));
}
