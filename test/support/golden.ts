/**
 * Golden texts: what a test prints is compared with a file of test/golden, and written there with UPDATE_GOLDEN=1. The
 * diff of the file is what a reviewer reads.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

/** `text` is what test/golden/NAME holds. */
export function isGolden(t: ExecutionContext, name: string, text: string): void {
  const file = fileURLToPath(new URL(`../../../test/golden/${name}`, import.meta.url));
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text);
  t.true(existsSync(file), `there is no ${file}: run with UPDATE_GOLDEN=1`);
  t.is(text, readFileSync(file, 'utf8'));
}
