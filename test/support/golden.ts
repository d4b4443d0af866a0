/**
 * Golden text: what a person reads is compared with a committed file, and the diff is what gets reviewed.
 * UPDATE_GOLDEN=1 writes the files anew.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

/** Compares `text` with test/golden/`name`. */
export function golden(t: ExecutionContext, name: string, text: string): void {
  const file = fileURLToPath(new URL(`../../../test/golden/${name}`, import.meta.url));
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  if (!existsSync(file)) t.fail(`${name} does not exist: run with UPDATE_GOLDEN=1 and review it`);
  else t.is(text, readFileSync(file, 'utf8'), `differs from test/golden/${name}`);
}
