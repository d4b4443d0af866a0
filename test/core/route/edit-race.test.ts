/** Workers read a table while it is edited: whatever they are told is the answer before an edit or the one after it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { prefixOf } from '../../../src/core/base/prefix.js';
import { type GroupEdit, RouteTable } from '../../../src/core/route/compile.js';
import type { Route } from '../../../src/core/route/table.js';
import { random } from '../../bench/random-routes.js';
import { word } from '../../support/packets.js';
import { ASKED, FINISHED, RACED, type RaceSetup, STARTED, STOP, WORDS, WRONG } from './reader.js';
import { type Listed, slowResolve } from './slow-routes.js';

const TARGETS = 6;
const DOWN = 5;
const ROUTES = 40_000;
const EDITS = 600;
const ROUNDS = 2;
const ADDRESSES = 6;

const below = (limit: number): number => (random() >>> 4) % limit;

function anyRoute(): Route {
  const at = Uint8Array.of(10, below(16), below(32), below(256));
  const length = [9, 12, 16, 20, 22, 24, 26, 28, 30, 32][below(10)];
  return {
    prefix: prefixOf(at, length),
    metric: below(3),
    target: below(TARGETS),
    blackhole: below(8) === 0,
  };
}

const int32 = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));

/** Edits of a table about a few addresses, and what each of them is to be told after each edit. */
function plan(routes: readonly Route[], available: Int32Array) {
  const bytes = Array.from({ length: ADDRESSES }, () => prefixOf(anyRoute().prefix.bytes, 32).bytes);
  const near = (route: Listed): boolean => bytes.some((one) => slowResolve([route], one, available) !== -1);
  let listed = routes.map((route, number) => ({ route, number })).filter(near);
  const edits: GroupEdit[] = [];
  const answers = int32((EDITS + 1) * ADDRESSES);
  const note = (version: number): void => {
    const targets = new Map(listed.map(({ route, number }) => [number, route.target]));
    bytes.forEach((one, index) => {
      const answer = slowResolve(listed, one, available);
      answers[version * ADDRESSES + index] = answer < 0 ? answer : targets.get(answer)!;
    });
  };
  note(0);
  for (let number = routes.length; edits.length < EDITS; ) {
    const old = below(3) > 0 && listed.length > 0 ? listed[below(listed.length)].route : undefined;
    const prefix = old?.prefix ?? prefixOf(bytes[below(ADDRESSES)], 12 + below(21));
    const own = listed.filter(
      ({ route }) => `${route.prefix.bytes}/${route.prefix.length}` === `${prefix.bytes}/${prefix.length}`,
    );
    const removed = own.slice(below(2));
    const added = Array.from({ length: below(3) }, () => ({ ...anyRoute(), prefix }));
    edits.push({ prefix, removed: removed.map((one) => one.number), added });
    listed = listed.filter((one) => !removed.includes(one));
    for (const route of added) listed.push({ route, number: number++ });
    note(edits.length);
  }
  return { edits, answers, addresses: int32(ADDRESSES).map((_, index) => word(bytes[index])) };
}

test('a worker that reads during edits is told what held before or what holds after', async (t) => {
  const available = int32(TARGETS);
  available[DOWN] = -1;
  let [asked, raced, edited] = [0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const routes = Array.from({ length: ROUTES }, anyRoute);
    const table = new RouteTable(routes);
    const { edits, answers, addresses } = plan(routes, available);
    const words = int32(WORDS);
    const shared = (array: Int32Array) => array.buffer as SharedArrayBuffer;
    const questions = int32(ADDRESSES);
    questions.set(addresses);
    const setup: RaceSetup = {
      buffer: table.buffer,
      words: shared(words),
      addresses: shared(questions),
      answers: shared(answers),
      available: shared(available),
    };
    const worker = new Worker(new URL('./reader.js', import.meta.url), { workerData: setup });
    const ended = once(worker, 'exit');
    worker.postMessage('go');
    while (Atomics.load(words, ASKED) === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const edit of edits) {
      Atomics.add(words, STARTED, 1);
      if (table.edit([edit]) === undefined) break;
      Atomics.add(words, FINISHED, 1);
      edited++;
      // On one processor the reader needs its turn.
      Atomics.wait(words, STOP, 0, 0.05);
    }
    Atomics.store(words, STOP, 1);
    await ended;
    t.is(words[WRONG], 0);
    asked += words[ASKED];
    raced += words[RACED];
  }
  t.log(`${asked} questions, ${raced} of them during one of ${edited} edits`);
  t.true(edited > (ROUNDS * EDITS) / 2);
  t.true(raced > 0);
});
