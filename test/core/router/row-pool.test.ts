/** Rows of paths: the pool against a slow twin that counts promises anew each time, and how many rows there are. */
import test from 'ava';
import fc from 'fast-check';
import { PATHS_PER_PEER } from '../../../src/core/router/beat-table.js';
import { promisedRows, RowPool, rowCapacityFor } from '../../../src/core/router/row-pool.js';
import { SLOT_REST_MS } from '../../../src/core/wireguard/constants.js';

const PEERS = 4;
const LEAST = 2;

interface Row {
  peer: number;
  restedAtMs: number;
}

/** The same rules, from the definition. Which of the rested rows it would give is left open. */
class Twin {
  readonly rows: Row[];
  readonly promised: number[] = new Array<number>(PEERS).fill(LEAST);

  constructor(rows: number) {
    this.rows = Array.from({ length: rows }, () => ({ peer: -1, restedAtMs: 0 }));
  }

  held(peer: number): number {
    return this.rows.filter((row) => row.peer === peer).length;
  }

  get free(): Row[] {
    return this.rows.filter(({ peer }) => peer < 0);
  }

  owed(promised = this.promised): number {
    return promised.reduce((sum, rows, peer) => sum + Math.max(0, rows - this.held(peer)), 0);
  }

  promise(peer: number, rows: number): boolean {
    const wanted = Math.min(PATHS_PER_PEER, Math.max(LEAST, rows));
    const promised = this.promised.with(peer, wanted);
    if (wanted > this.promised[peer] && this.owed(promised) > this.free.length) return false;
    this.promised[peer] = wanted;
    return true;
  }

  /** Whether `peer` may have a row, were all rested. */
  mayTake(peer: number): boolean {
    if (this.free.length === 0) return false;
    return this.held(peer) < this.promised[peer] || this.free.length > this.owed();
  }
}

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('take' as const), peer: fc.nat(PEERS - 1) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('give' as const), which: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(SLOT_REST_MS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('promise' as const),
      peer: fc.nat(PEERS - 1),
      rows: fc.nat(PATHS_PER_PEER + 2),
    }),
  },
);

test('a row has one owner, has rested, and every promise can always be kept', (t) => {
  const spare = fc.nat(3);
  const steps = fc.array(step, { maxLength: 150, size: 'max' });
  fc.assert(
    fc.property(spare, steps, (extra, script) => {
      const capacity = PEERS * LEAST + extra;
      const pool = new RowPool(capacity, PEERS, LEAST);
      const twin = new Twin(capacity);
      let now = 1;
      for (const one of script) {
        if (one.kind === 'wait') now += one.ms;
        else if (one.kind === 'promise')
          t.is(pool.promise(one.peer, one.rows), twin.promise(one.peer, one.rows));
        else if (one.kind === 'take') {
          const row = pool.take(one.peer, now);
          const rested = twin.free.some(({ restedAtMs }) => restedAtMs <= now);
          t.is(row >= 0, twin.mayTake(one.peer) && rested);
          if (row < 0) continue;
          t.is(twin.rows[row].peer, -1);
          t.true(twin.rows[row].restedAtMs <= now);
          twin.rows[row].peer = one.peer;
        } else {
          const held = twin.rows.flatMap(({ peer }, row) => (peer < 0 ? [] : [row]));
          if (held.length === 0) continue;
          const row = held[one.which % held.length];
          t.is(pool.ownerOf(row), twin.rows[row].peer);
          pool.give(row, now);
          twin.rows[row] = { peer: -1, restedAtMs: now + SLOT_REST_MS };
        }
        t.true(twin.owed() <= twin.free.length, 'every promise can be kept');
      }
      twin.rows.forEach(({ peer }, row) => {
        t.is(pool.ownerOf(row), peer);
      });
    }),
  );
});

test('one peer that takes whatever it gets leaves the others what they are promised', (t) => {
  const pool = new RowPool(PEERS * LEAST + 3, PEERS, LEAST);
  let taken = 0;
  while (pool.take(0, 1) >= 0) taken++;
  t.is(taken, LEAST + 3);
  for (let peer = 1; peer < PEERS; peer++) {
    for (let k = 0; k < LEAST; k++) t.true(pool.take(peer, 1) >= 0);
    t.is(pool.take(peer, 1), -1);
  }
});

test('few peers may have all paths, many what their uplinks and the configuration need', (t) => {
  t.is(promisedRows(1), 2);
  t.is(promisedRows(9), PATHS_PER_PEER);
  t.is(rowCapacityFor(66, 1, []), 66 * PATHS_PER_PEER);
  const many = rowCapacityFor(5_000, 1, []);
  t.true(many < 5_000 * 2.5, `${many} rows`);
  // Each endpoint by both uplinks, and the fourth endpoint is beyond what a peer may have.
  t.is(rowCapacityFor(5_000, 2, [6, 10]) - rowCapacityFor(5_000, 2, [2]), 2 + 4);
  t.is(rowCapacityFor(3, 1, [100, 100, 100]), 3 * PATHS_PER_PEER);
});
