/**
 * Small files that must survive a crash whole: written to a new file, synced, and renamed over the old one.
 */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Replaces the content of `fileName`. Throws what the file system throws; the old content is then still there. */
export function writeDurably(fileName: string, content: string | Uint8Array): void {
  const next = `${fileName}.new`;
  const fd = openSync(next, 'w', 0o600);
  try {
    writeSync(fd, Buffer.from(content as Uint8Array));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, fileName);
}
