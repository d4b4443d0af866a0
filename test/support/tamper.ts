/**
 * Preloaded into a daemon (NODE_OPTIONS=--import), it lets a test tamper with the process from outside, by files in the
 * folder $TEST_TAMPER:
 *
 *   worker   `hang`: the data-plane workers stand still in the middle of a breath; `throw`: one fails, once; with a number
 *            behind it only that worker does
 *   control  `hang`: the control thread stands still
 *   clock    milliseconds by which the wall clock is wrong
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isMainThread, workerData } from 'node:worker_threads';
import { GATE_WORKER } from '../../src/app/dataplane/protocol.js';

const folder = process.env['TEST_TAMPER'] ?? '';
const { load } = Atomics;
const { now } = Date;

function sleep20(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}

function brokenLoad(words: Int32Array, index: number): number {
  const file = `${folder}/worker`;
  while (existsSync(file)) {
    const [how, which] = readFileSync(file, 'utf8').split(' ');
    if (which !== undefined && Number(which) !== (workerData as Int32Array)[GATE_WORKER]) break;
    if (how === 'throw') {
      rmSync(file);
      throw new Error('broken by the test');
    }
    sleep20();
  }
  return load(words, index);
}

function wrongNow(): number {
  const file = `${folder}/clock`;
  return now() + (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
}

function hangControl(): void {
  while (existsSync(`${folder}/control`)) sleep20();
}

if (isMainThread) setInterval(hangControl, 20).unref();
else Object.assign(Atomics, { load: brokenLoad });
Object.assign(Date, { now: wrongNow });
