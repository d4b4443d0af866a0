/** A directory of a test's own, removed when the test is over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';

/** Path of a new, empty directory. */
export function tempDir(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'twinspan-test-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
