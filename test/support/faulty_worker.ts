/**
 * Preloaded into a daemon (NODE_OPTIONS=--import), it lets a test break the data-plane worker from outside: while the file
 * $TWINSPAN_TEST_FAULT says `hang` the worker stands still in the middle of a breath, and when it says `throw` it fails, once.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env['TWINSPAN_TEST_FAULT'] ?? '';
const { load } = Atomics;

function brokenLoad(words: Int32Array, index: number): number {
  while (existsSync(file)) {
    if (readFileSync(file, 'utf8') === 'throw') {
      rmSync(file);
      throw new Error('broken by the test');
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  return load(words, index);
}

if (!isMainThread) Object.assign(Atomics, { load: brokenLoad });
