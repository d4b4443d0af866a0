/**
 * The last handshake label on disk, one line in the external TAI64N format ("@" and 24 hexadecimal digits), so that it
 * survives restarts and power cuts: written to a new file, synced, renamed over the old one, and the folder synced.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { TwinspanError } from '../../core/base/errors.js';
import type { TimestampStore } from '../../core/wireguard/tai64n.js';

const LINE = /^@([0-9a-f]{24})\n?$/;

/** The store in the file at `path`; its folder must exist. load and save throw TS_CLOCK_STORE. */
export function openTimestampStore(path: string): TimestampStore {
  const coded = (what: string, error: unknown): TwinspanError =>
    new TwinspanError(
      'TS_CLOCK_STORE',
      `The last handshake timestamp cannot be ${what}: ${path}`,
      'Peers refuse handshakes that are older than the last one; keep this file on a disk that survives restarts.',
      error,
    );
  return {
    load() {
      let text: string;
      try {
        text = readFileSync(path, 'latin1');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw coded('read', error);
      }
      // No bytes is what the source takes for damaged.
      return Uint8Array.from(Buffer.from(LINE.exec(text)?.[1] ?? '', 'hex'));
    },
    save(label) {
      try {
        const next = `${path}.new`;
        writeSynced(next, `@${Buffer.from(label).toString('hex')}\n`);
        renameSync(next, path);
        syncFolder(dirname(path));
      } catch (error) {
        throw coded('stored', error);
      }
    },
  };
}

function writeSynced(path: string, text: string): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
