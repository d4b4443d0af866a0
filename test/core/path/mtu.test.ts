/** Path MTU discovery in virtual time, on a path that loses what is too long, and other packets by chance. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/base/random.js';
import { MTU_BASE, MTU_MIN, type MtuChange, PathMtu } from '../../../src/core/path/mtu.js';
import { Quality } from '../../../src/core/path/quality.js';

const FULL = 1_408;
const SECOND = 1_000;
const ECHO_MS = 200;

/** A path, with the echo packets that tell of its loss. */
class Line {
  now = 5_000;
  /** Largest inner packet. */
  limit = Number.POSITIVE_INFINITY;
  /** Each way. */
  loss = 0;
  full = FULL;
  oneWayMs = 20;
  /** So many large packets are lost, whatever their size; and large ones are so much slower. */
  unlucky = 0;
  lateMs = 0;
  sent = 0;
  readonly changes: MtuChange[] = [];
  readonly quality = new Quality();
  readonly mtu = new PathMtu(() => this.full, this.quality);
  readonly #random: SeededRandom;
  readonly #answers: { atMs: number; sequence: number }[] = [];
  #echoAtMs = 0;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
  }

  start(): this {
    this.mtu.start(4, this.now);
    this.#drain();
    return this;
  }

  /** `each` is asked after every step; what it says is added up over time, ms. */
  runFor(ms: number, each: () => boolean = () => false): number {
    const untilMs = this.now + ms;
    let trueMs = 0;
    while (this.now < untilMs) {
      const nextMs = Math.min(
        untilMs,
        this.mtu.nextDeadline(),
        this.#echoAtMs,
        ...this.#answers.map(({ atMs }) => atMs),
      );
      if (each()) trueMs += Math.max(0, nextMs - this.now);
      this.now = Math.max(this.now, nextMs);
      this.#step();
    }
    return trueMs;
  }

  #step(): void {
    const landed = this.#answers.filter(({ atMs }) => atMs <= this.now);
    for (const answer of landed) {
      this.#answers.splice(this.#answers.indexOf(answer), 1);
      this.mtu.handleAnswer(answer.sequence, this.now);
    }
    if (this.now >= this.#echoAtMs) {
      this.#echoAtMs = this.now + ECHO_MS;
      if (this.#passes(100)) this.quality.handleAnswer(2 * this.oneWayMs, this.now);
      else this.quality.handleCounts(0, 1, this.now);
    }
    this.mtu.handleTimeout(this.now);
    this.#drain();
  }

  #passes(bytes: number): boolean {
    return bytes <= this.limit && !this.#random.chance(this.loss) && !this.#random.chance(this.loss);
  }

  #drain(): void {
    for (let probe = this.mtu.pollProbe(); probe !== undefined; probe = this.mtu.pollProbe()) {
      this.sent += 1;
      const { sequence, bytes } = probe;
      if (bytes > 0 && this.unlucky-- > 0) continue;
      const lateMs = bytes > MTU_BASE ? this.lateMs : 0;
      if (this.#passes(bytes)) this.#answers.push({ atMs: this.now + 2 * this.oneWayMs + lateMs, sequence });
    }
    for (let change = this.mtu.pollChange(); change !== undefined; change = this.mtu.pollChange()) {
      this.changes.push(change);
    }
  }

  settle(t: ExecutionContext): void {
    this.runFor(60 * SECOND);
    t.false(this.mtu.isSearching);
    this.changes.length = 0;
  }
}

/** The slow twin: the largest size worth having that passes, all of them tried. */
function largest(limit: number, full: number): number {
  if (limit >= full) return full;
  let found = MTU_MIN;
  for (let size = MTU_MIN; size <= Math.min(limit, full); size++) if (size % 16 === 0) found = size;
  return found;
}

test('a path that carries the tunnel takes one attempt, and nothing is said', (t) => {
  const line = new Line().start();
  t.is(line.mtu.bytes, FULL, 'until it is known to be otherwise');
  t.true(line.mtu.isSearching);
  line.runFor(SECOND);
  t.false(line.mtu.isSearching);
  t.is(line.sent, 2, 'a large one and a small one');
  line.runFor(600 * SECOND);
  t.true(line.sent <= 2 + 2 * 11, 'once a minute afterwards');
  t.deepEqual(line.changes, []);
});

test('any path MTU is found exactly, within seconds, from any size of the tunnel', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: MTU_MIN, max: 9_100 }),
      fc.oneof(fc.integer({ min: 1_280, max: 1_500 }), fc.integer({ min: 1_280, max: 9_000 })),
      fc.integer({ min: 0, max: 400 }),
      (limit, full, oneWayMs) => {
        const line = new Line();
        Object.assign(line, { limit, full, oneWayMs });
        line.start();
        while (line.mtu.isSearching && line.now < 60 * SECOND) line.runFor(SECOND);
        t.is(line.mtu.bytes, largest(limit, full), `${limit} of ${full}`);
        t.false(line.mtu.isSearching);
        const said = line.changes.at(-1)?.to ?? full;
        t.is(said, line.mtu.bytes, 'the last that was said is how it is');
      },
    ),
    // The last step of a search, where halves fall below what is known.
    {
      numRuns: 300,
      examples: [
        [6_242, 6_244, 0],
        [1_376, 1_385, 0],
      ],
    },
  );
});

test('what is said: from what to what, and why', (t) => {
  const line = new Line();
  line.limit = 1_240;
  line.start().runFor(5 * SECOND);
  line.limit = Number.POSITIVE_INFINITY;
  line.runFor(30 * SECOND);
  line.mtu.setBusy(true);
  line.limit = 800;
  line.runFor(10 * SECOND);
  t.deepEqual(line.changes, [
    { from: 1_408, to: 1_200, why: 'packets of 1468 bytes do not arrive, small ones do' },
    { from: 1_200, to: 1_232, why: 'packets of 1292 bytes arrive, of 1308 bytes do not' },
    { from: 1_232, to: 1_408, why: 'packets of 1468 bytes arrive' },
    { from: 1_408, to: 1_200, why: 'packets of 1468 bytes no longer arrive, small ones do' },
    { from: 1_200, to: 512, why: 'packets of 1260 bytes do not arrive, small ones do' },
    { from: 512, to: 800, why: 'packets of 860 bytes arrive, of 876 bytes do not' },
  ]);
});

test('a path that becomes narrower: base size within four seconds while large packets are sent, a minute else', (t) => {
  for (const [busy, seconds] of [
    [true, 4],
    [false, 62],
  ] as const) {
    for (let seed = 1; seed <= 20; seed++) {
      const line = new Line(seed).start();
      line.settle(t);
      line.mtu.setBusy(busy);
      line.runFor(SECOND * seed);
      line.limit = 1_250;
      line.runFor(seconds * SECOND);
      t.true(line.mtu.bytes <= 1_250, `seed ${seed}`);
      line.runFor(5 * SECOND);
      t.is(line.mtu.bytes, 1_248);
      t.is(line.changes[0].to, MTU_BASE);
    }
  }
});

test('a path that becomes wider is seen within 12 s at first, ever more seldom, at last every ten minutes', (t) => {
  const line = new Line();
  line.limit = 1_300;
  line.start().runFor(3 * SECOND);
  line.limit = 1_350;
  line.runFor(12 * SECOND);
  t.is(line.mtu.bytes, 1_344);
  line.runFor(3_600 * SECOND);
  const before = line.sent;
  line.runFor(6_000 * SECOND);
  // Fifteen steps of a search at most, three attempts each, two packets; and one attempt a minute.
  t.true(line.sent - before <= 11 * 15 * 6 + 101 * 2, `${line.sent - before} packets`);
  line.limit = FULL;
  line.runFor(605 * SECOND);
  t.is(line.mtu.bytes, FULL);
});

test('another path: looked for at once; what was known counts until it fails', (t) => {
  const line = new Line();
  line.limit = 1_300;
  line.start();
  line.settle(t);
  line.limit = Number.POSITIVE_INFINITY;
  line.start();
  t.is(line.mtu.bytes, 1_296);
  line.runFor(SECOND);
  t.is(line.mtu.bytes, FULL);
});

test('30 % loss each way: no smaller MTU for long, and a real one is found all the same', (t) => {
  let wrongMs = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const line = new Line(seed);
    line.loss = seed % 2 === 0 ? 0.3 : 0.15;
    line.mtu.setBusy(true);
    line.runFor(10 * SECOND);
    line.start();
    wrongMs += line.runFor(300 * SECOND, () => line.mtu.bytes < FULL);
    line.limit = 1_300;
    line.runFor(60 * SECOND);
    const tooLongMs = line.runFor(300 * SECOND, () => line.mtu.bytes > line.limit);
    t.is(tooLongMs, 0, `seed ${seed}`);
    const tooShortMs = line.runFor(300 * SECOND, () => line.mtu.bytes < 1_296);
    t.true(tooShortMs < 15 * SECOND, `seed ${seed}: ${tooShortMs} ms`);
    line.limit = Number.POSITIVE_INFINITY;
    line.runFor(700 * SECOND);
    t.is(line.mtu.bytes, FULL, `seed ${seed}`);
  }
  t.true(wrongMs < 20 * 300 * SECOND * 0.01, `${wrongMs} ms of ${20 * 300} s`);
});

test('chance is told apart: two lost packets at first, three of a known size, and any number under loss', (t) => {
  const line = new Line();
  line.unlucky = 2;
  line.start().runFor(10 * SECOND);
  line.unlucky = 3;
  line.runFor(120 * SECOND);
  t.deepEqual(line.changes, []);
  let falls = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const lossy = new Line(seed);
    lossy.loss = 0.3;
    lossy.mtu.setBusy(true);
    lossy.runFor(10 * SECOND);
    lossy.start().runFor(300 * SECOND);
    falls += lossy.changes.filter(({ from, to }) => from > to).length;
  }
  t.true(falls < 10, `${falls} in 100 min`);
});

test('an answer that comes too late is believed all the same', (t) => {
  for (const lateMs of [150, 500]) {
    const line = new Line();
    Object.assign(line, { lateMs, limit: 1_400 });
    line.start().runFor(9 * SECOND);
    t.is(line.mtu.bytes, 1_392, `${lateMs} ms`);
    t.false(line.mtu.isSearching);
  }
});

test('silence says nothing of sizes, and is asked ever less', (t) => {
  const line = new Line().start();
  line.settle(t);
  line.loss = 1;
  const before = line.sent;
  line.mtu.setBusy(true);
  line.runFor(3_600 * SECOND);
  t.is(line.mtu.bytes, FULL);
  t.true(line.sent - before < 200, `${line.sent - before} packets`);
  line.loss = 0;
  line.runFor(61 * SECOND);
  t.false(line.mtu.isSearching);
  t.deepEqual(line.changes, []);
});

test('a short break of everything is no narrow path', (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const line = new Line(seed).start();
    line.settle(t);
    line.mtu.setBusy(true);
    line.runFor(seed * 97);
    line.loss = 1;
    line.runFor(400);
    line.loss = 0;
    line.runFor(10 * SECOND);
    t.deepEqual(line.changes, []);
  }
});

test('a tunnel of another size after a reload; and one that is not looked for', (t) => {
  const line = new Line();
  line.limit = 1_390;
  line.start();
  line.settle(t);
  t.is(line.mtu.bytes, 1_376);
  line.full = 1_344;
  line.mtu.handleTimeout(line.now);
  t.is(line.mtu.bytes, 1_344);
  t.false(line.mtu.isLess);
  line.runFor(SECOND);
  line.full = FULL;
  line.runFor(61 * SECOND);
  t.is(line.mtu.bytes, 1_376);
  const none = new Line();
  none.full = 0;
  none.start().runFor(600 * SECOND);
  t.is(none.sent, 0);
});

test('answers that nobody waits for are told apart', (t) => {
  const line = new Line().start();
  t.false(line.mtu.handleAnswer(7, line.now));
  line.runFor(SECOND);
  t.false(line.mtu.handleAnswer(0, line.now), 'twice');
  line.limit = 1_300;
  line.start();
  line.mtu.stop();
  t.false(line.mtu.handleAnswer(2, line.now), 'of a path that was');
  t.is(line.mtu.nextDeadline(), Number.POSITIVE_INFINITY);
});
