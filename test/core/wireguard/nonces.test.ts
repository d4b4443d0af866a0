/**
 * Nonces are never used twice with a key, however several workers are interleaved: a model of how they take counters, run in
 * every order, and the real life of a session slot, run in many.
 */
import test from 'ava';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/base/random.js';
import { SPEC_TIMERS } from '../../../src/core/wireguard/constants.js';
import type { MacWriter } from '../../../src/core/wireguard/cookie.js';
import { Keypairs } from '../../../src/core/wireguard/keypairs.js';
import { OutputQueue } from '../../../src/core/wireguard/outputs.js';
import { Peer } from '../../../src/core/wireguard/peer.js';
import { PeerBytes } from '../../../src/core/wireguard/peer-bytes.js';
import { Slots } from '../../../src/core/wireguard/slots.js';
import { PeerTable, SessionTable } from '../../../src/core/wireguard/tables.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';

/** A worker that takes some counters, several times: `wants` are the numbers, `at` the one under way. */
interface Taker {
  readonly wants: readonly number[];
  readonly at: number;
  /** What it has loaded, undefined before. */
  readonly seen: number | undefined;
}

interface World {
  readonly next: number;
  readonly takers: readonly Taker[];
  /** First counter and number of what was taken. */
  readonly taken: readonly (readonly [number, number])[];
}

/** One step of a worker as in native/seal.cc: a load, or a comparison that exchanges, fails, or fails without a reason. */
function steps(world: World, who: number, atomic: boolean): World[] {
  const taker = world.takers[who];
  const want = taker.wants[taker.at];
  if (want === undefined) return [];
  const become = (change: Partial<Taker>, more: Partial<World> = {}): World => ({
    ...world,
    ...more,
    takers: world.takers.map((one, index) => (index === who ? { ...taker, ...change } : one)),
  });
  const { seen } = taker;
  if (seen === undefined) return [become({ seen: world.next })];
  const succeeded = become(
    { seen: undefined, at: taker.at + 1 },
    { next: seen + want, taken: [...world.taken, [seen, want]] },
  );
  if (!atomic || seen === world.next) return [succeeded];
  return [become({ seen: world.next })];
}

/** Every end of the world, each once. */
function ends(start: World, atomic: boolean): World[] {
  const known = new Set<string>();
  const found: World[] = [];
  const waiting = [start];
  for (let world = waiting.pop(); world !== undefined; world = waiting.pop()) {
    const name = JSON.stringify(world);
    if (known.has(name)) continue;
    known.add(name);
    const next = world.takers.flatMap((_, who) => steps(world, who, atomic));
    if (next.length === 0) found.push(world);
    waiting.push(...next);
  }
  return found;
}

/** Whether what was taken are the counters from 0 on, each once: what a single worker would take. */
function isWhole({ taken, next }: World): boolean {
  const counters = taken.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
  return counters.length === next && new Set(counters).size === next && Math.max(...counters) === next - 1;
}

const START: World = {
  next: 0,
  taken: [],
  takers: [
    [2, 1],
    [1, 3],
    [1, 1],
  ].map((wants) => ({ wants, at: 0, seen: undefined })),
};

/** The slow twin: what is taken where each worker takes its counters in one step, in every order. */
function undivided(wants: readonly (readonly number[])[], next = 0): (readonly [number, number])[][] {
  if (wants.every((left) => left.length === 0)) return [[]];
  return wants.flatMap(([want, ...left], who) => {
    if (want === undefined) return [];
    const rest = wants.map((one, index) => (index === who ? left : one));
    return undivided(rest, next + want).map((later) => [[next, want] as const, ...later]);
  });
}

test('in every order of their steps three workers take each counter once, as if each took them in one', (t) => {
  const all = ends(START, true);
  t.true(all.every(isWhole));
  const twin = undivided(START.takers.map(({ wants }) => wants)).map((taken) => JSON.stringify(taken));
  const found = new Set(all.map(({ taken }) => JSON.stringify(taken)));
  t.deepEqual([...found].sort(), [...new Set(twin)].sort());
});

test('the model finds it where a worker stores what it has added without a comparison', (t) => {
  t.false(ends(START, false).every(isWhole));
});

/** A worker as far as nonces are concerned: the keys that it has, what it was told, and the batch under way. */
class SlowWorker {
  readonly keys = new Map<number, string>();
  readonly told: (() => void)[] = [];
  slot = -1;
}

type Step = { readonly who: number; readonly what: 'obey' | 'decide' | 'seal' };

/** The control thread with one peer, whose sessions come and go in a table of two slots, so that slots are soon used again. */
class Life {
  readonly sessions = SessionTable.create(2);
  readonly peers = PeerTable.create(1);
  readonly outputs = new OutputQueue();
  readonly workers = [new SlowWorker(), new SlowWorker(), new SlowWorker()];
  readonly used = new Set<string>();
  readonly keypairs: Keypairs;
  readonly #slots: Slots;
  readonly #peer = new Peer(
    { index: 0, publicKey: new Uint8Array(32), initiate: 'on-demand', endpointKnown: true },
    new Uint8Array(32),
    undefined as unknown as MacWriter,
    new PeerBytes(1),
  );
  readonly #answers = new Map<number, number>();
  #serial = 0;
  now = 1;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.#slots = new Slots(
      createCrypto((length) => random.bytes(length)),
      2,
    );
    this.keypairs = new Keypairs(this.sessions, this.peers, this.#slots, SPEC_TIMERS, this.outputs);
  }

  /** Begins another session if there is a slot. */
  begin(): void {
    const slot = this.#slots.allocate(0, this.now);
    if (slot < 0) return;
    const key = new Uint8Array(32).fill(++this.#serial);
    this.keypairs.install(this.#peer, slot, 1, { sendKey: key, receiveKey: key }, undefined, this.now);
    this.#carryOut();
  }

  end(): void {
    this.keypairs.removeAll(this.#peer, this.now);
    this.#carryOut();
  }

  step({ who, what }: Step): boolean {
    const worker = this.workers[who];
    if (what === 'obey') {
      // Between two batches only.
      worker.slot = -1;
      for (const command of worker.told.splice(0)) command();
    } else if (what === 'decide') worker.slot = this.peers.session[0];
    else if (worker.slot >= 0) return this.#seal(worker);
    return true;
  }

  #seal({ keys, slot }: SlowWorker): boolean {
    const key = keys.get(slot);
    if (key === undefined) return true;
    const nonce = `${key} ${this.sessions.sendCounter[slot]++}`;
    if (this.used.has(nonce)) return false;
    this.used.add(nonce);
    return true;
  }

  #carryOut(): void {
    for (let output = this.outputs.poll(); output !== undefined; output = this.outputs.poll()) {
      const { type } = output;
      if (type !== 'install' && type !== 'remove') continue;
      const { slot } = output;
      const name = type === 'install' ? String(output.sendKey[0]) : '';
      if (type === 'install') this.#answers.set(slot, this.workers.length);
      for (const worker of this.workers) {
        worker.told.push(() => {
          if (type === 'remove') worker.keys.delete(slot);
          else {
            worker.keys.set(slot, name);
            this.#handleAnswer(slot);
          }
        });
      }
    }
  }

  #handleAnswer(slot: number): void {
    const left = this.#answers.get(slot)! - 1;
    this.#answers.set(slot, left);
    if (left > 0) return;
    this.keypairs.handleInstalled(slot, this.now);
    this.#carryOut();
  }
}

test('a slot that is used again repeats no nonce, however long a worker stands in the middle of a batch', (t) => {
  const what = fc.constantFrom<Step['what'][]>('obey', 'decide', 'decide', 'seal', 'seal', 'seal', 'seal');
  const step = fc.record({ who: fc.nat(2), what });
  const change = fc.constantFrom<('begin' | 'end' | 'all obey')[]>(
    'begin',
    'begin',
    'end',
    'all obey',
    'all obey',
  );
  const order = fc.oneof({ weight: 4, arbitrary: step }, change);
  let sealed = 0;
  fc.assert(
    fc.property(fc.array(order, { minLength: 20, maxLength: 200 }), fc.nat(), (orders, seed) => {
      const life = new Life(seed);
      for (const one of orders) {
        // No time that passes is too short for what comes next.
        life.now += 2_000;
        if (one === 'begin') life.begin();
        else if (one === 'end') life.end();
        else if (one === 'all obey') for (let who = 0; who < 3; who++) life.step({ who, what: 'obey' });
        else if (!life.step(one)) return false;
      }
      sealed += life.used.size;
      return true;
    }),
    { numRuns: 2_000 },
  );
  t.true(sealed > 1_000, `${sealed} messages were sealed`);
});
