/** Rows of the paths of several peers: where workers find them, and what happens where there is no room. */
import test from 'ava';
import { PathRows } from '../../../src/app/control/path-rows.js';
import { createSharedTables } from '../../../src/app/control/tables.js';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { BFD_REFUSALS } from '../../../src/core/path/bfd-packet.js';
import { PACE_DEFAULT } from '../../../src/core/path/pacing.js';
import type { Path } from '../../../src/core/path/path.js';
import { PathManager } from '../../../src/core/path/path-manager.js';
import { PATHS_PER_PEER, rowOfSlot } from '../../../src/core/router/beat-table.js';
import { SLOT_REST_MS } from '../../../src/core/wireguard/constants.js';

const NOW = 1_000;
const PEERS = 3;
const UPLINK = { id: 0, name: 'wan0', socket: 0, cost: 0, v4: true, v6: true };

let discriminator = 0;

/** A manager with `count` configured paths. */
function managerOf(peer: number, count: number): PathManager {
  const settings = {
    pace: PACE_DEFAULT,
    echoMs: 1_000,
    requiredMinEchoRxMs: 50,
    fastWhileDownMs: 0,
    offloaded: true,
    mtuBytes: () => 1408,
    random: () => 0.5,
    newDiscriminator: () => ++discriminator,
    refusals: new Uint32Array(BFD_REFUSALS.length),
  };
  const manager = new PathManager(settings, new Uint8Array(16), new Uint8Array(16), NOW);
  const endpoints = Array.from({ length: count }, (_, k) => ({
    key: `peer ${peer} place ${k}`,
    address: Uint8Array.of(192, 0, 2, peer * 16 + k),
    port: 51820,
    isName: false,
    cost: 0,
  }));
  manager.setTopology([UPLINK], endpoints, NOW);
  return manager;
}

class Bench {
  readonly tables = createSharedTables(PEERS, 1, 1, 8);
  readonly rows = new PathRows(this.tables, 1);

  give(peer: number, manager: PathManager, path: Path, now = NOW): number {
    const row = this.rows.take(peer, now);
    if (row >= 0) this.rows.publish(row, manager, path, false, 1_000);
    return row;
  }

  /** Rows that workers find for a peer. */
  found(peer: number): number[] {
    const { mask, rowAt } = this.tables.beats;
    return Array.from({ length: PATHS_PER_PEER }, (_, k) => k)
      .filter((k) => (mask[peer] & (1 << k)) !== 0)
      .map((k) => rowAt[peer * PATHS_PER_PEER + k]);
  }
}

test('workers find the rows of each peer and no other, with the endpoint of the path', (t) => {
  const bench = new Bench();
  const { beats, paths } = bench.tables;
  const managers = [0, 1, 2].map((peer) => managerOf(peer, 2));
  const given = [0, 1].flatMap((k) =>
    managers.map((manager, peer) => ({ peer, k, row: bench.give(peer, manager, manager.paths[k]) })),
  );
  for (const { peer, k, row } of given) {
    t.true(bench.found(peer).includes(row));
    const slot = bench.rows.slot(row);
    t.is(rowOfSlot(beats, slot), row);
    t.deepEqual(
      paths.slice(slot * 32, slot * 32 + 32),
      encodeEndpoint(Uint8Array.of(192, 0, 2, peer * 16 + k), 51820, 0),
    );
    t.is(beats.discriminator[row], managers[peer].paths[k].session.localDiscriminator);
  }
  t.is(new Set(given.map(({ row }) => row)).size, 6);
  const [first] = given;
  bench.rows.release(first.row, NOW);
  t.deepEqual(bench.found(0), [given[3].row]);
  t.is(bench.rows.slot(first.row), -1);
  t.is(bench.found(1).length, 2);
});

test('a path for which there is no row is counted, and gets one when there is', (t) => {
  const bench = new Bench();
  const managers = [managerOf(0, 5), managerOf(1, 2)];
  const rows = managers[0].paths.map((path) => bench.give(0, managers[0], path));
  // Eight, of which two are promised to each of the others.
  t.deepEqual(
    rows.map((row) => row >= 0),
    [true, true, true, true, false],
  );
  t.is(bench.rows.refusals, 1);
  t.true(managers[1].paths.every((path) => bench.give(1, managers[1], path) >= 0));
  bench.rows.release(rows[1], NOW);
  t.true(bench.give(0, managers[0], managers[0].paths[4]) >= 0);
  t.deepEqual(bench.found(0).length, 4);
});

test('a row that was given back rests before anybody has it, and begins anew', (t) => {
  const bench = new Bench();
  const manager = managerOf(0, 4);
  const rows = manager.paths.map((path) => bench.give(0, manager, path));
  const other = managerOf(1, 2);
  const all = [...rows, ...other.paths.map((path) => bench.give(1, other, path))];
  const last = managerOf(2, 2);
  all.push(...last.paths.map((path) => bench.give(2, last, path)));
  t.deepEqual([...all].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  const { beats } = bench.tables;
  beats.heardAtMs[rows[0]] = NOW;
  const schedule = beats.schedule[rows[0]];
  bench.rows.release(rows[0], NOW);
  t.is(bench.give(0, manager, manager.paths[0], NOW + SLOT_REST_MS - 1), -1);
  t.is(bench.give(0, manager, manager.paths[0], NOW + SLOT_REST_MS), rows[0]);
  t.is(beats.heardAtMs[rows[0]], 0);
  t.true(beats.schedule[rows[0]] > schedule);
});

test('more paths are promised while there are rows for them', (t) => {
  const { rows } = new Bench();
  t.true(rows.promise(0, 4));
  t.false(rows.promise(1, 3));
  t.true(rows.promise(0, 0));
  t.true(rows.promise(1, 3));
});
