/**
 * A worker thread that asks a route table without pause, one by one and together, while another edits it (edit-race.test.ts). Versions are counted
 * before and after each edit, so an answer must be that of a version between the one that was finished before the
 * question and the one that was begun after it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { RouteView } from '../../../src/core/route/table.js';

/** Words shared with the writer. */
export const STARTED = 0;
export const FINISHED = 1;
export const STOP = 2;
export const ASKED = 3;
/** Questions that were asked while an edit was under way or had just ended. */
export const RACED = 4;
export const WRONG = 5;
export const WORDS = 8;

export interface RaceSetup {
  readonly buffer: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  /** IPv4 addresses, and for each version the target of each of them or a negative answer. */
  readonly addresses: SharedArrayBuffer;
  readonly answers: SharedArrayBuffer;
  readonly available: SharedArrayBuffer;
}

function read({
  buffer,
  words: shared,
  addresses: questions,
  answers: known,
  available: up,
}: RaceSetup): void {
  const words = new Int32Array(shared);
  const addresses = new Int32Array(questions);
  const answers = new Int32Array(known);
  const available = new Int32Array(up);
  const view = new RouteView(buffer);
  const routes = new Int32Array(addresses.length);
  const targets = new Int32Array(addresses.length);
  const isWrong = (index: number, answer: number, from: number, to: number): boolean => {
    for (let version = from; version <= to; version++) {
      if (answers[version * addresses.length + index] === answer) return false;
    }
    return true;
  };
  for (let round = 0; Atomics.load(words, STOP) === 0; round = (round + 1) % (addresses.length + 1)) {
    const from = Atomics.load(words, FINISHED);
    const isOne = round < addresses.length;
    if (isOne) routes[round] = view.resolve4(addresses[round], available);
    else view.resolveMany4(addresses, addresses.length, available, routes, targets);
    if (isOne && routes[round] >= 0) targets[round] = view.targetOf(routes[round]);
    const to = Atomics.load(words, STARTED);
    words[ASKED]++;
    if (to > from) words[RACED]++;
    // Who sleeps between a group and its parent while both are edited may see the one before and the other after.
    if (to > from + 1) continue;
    for (let index = isOne ? round : 0; index < (isOne ? round + 1 : addresses.length); index++) {
      const answer = routes[index] < 0 ? routes[index] : targets[index];
      if (isWrong(index, answer, from, to)) Atomics.add(words, WRONG, 1);
    }
  }
}

parentPort?.once('message', () => {
  read(workerData as RaceSetup);
  parentPort?.close();
});
