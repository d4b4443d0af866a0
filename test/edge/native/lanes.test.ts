/** Threads that help a worker to open a batch: what they make of it is what the worker makes of it alone. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { laneCount } from '../../../src/app/dataplane/lanes.js';
import { SeededRandom } from '../../../src/core/base/random.js';
import {
  ROW_SESSION,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_DROP,
  VERDICT_OPEN,
} from '../../../src/core/packet/rows.js';
import { native } from '../../../src/edge/native.js';
import { Rig, sealMessage } from './rig.js';

const LANES = 3;
const SESSIONS_USED = 3;
/** A session for which no key is installed. */
const KEYLESS = 5;
const ROOM = 1_536;

function laneThreads(): number {
  return readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8') === 'lane\n';
    } catch {
      return false;
    }
  }).length;
}

test.serial('any batch is opened with lanes as without, and the lanes end with their context', (t) => {
  const seed = randomBytes(4).readUInt32LE();
  t.log(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const below = (limit: number): number => Math.floor(random.fraction() * limit);
  const rigs = [new Rig(), new Rig(undefined, LANES)];
  const keys = Array.from({ length: SESSIONS_USED }, () => randomBytes(32));
  for (const rig of rigs) {
    for (const [slot, key] of keys.entries()) native().keyInstall(rig.context, slot, key, key);
  }
  t.is(laneThreads(), 0, 'a small node starts none');
  let opened = 0;
  for (let batch = 0; batch < 150; batch++) {
    const count = 1 + below(batch % 3 === 0 ? 400 : 60);
    for (let row = 0; row < count; row++) {
      const session = below(20) === 0 ? KEYLESS : below(SESSIONS_USED);
      const message = sealMessage(
        keys[session % SESSIONS_USED],
        BigInt(below(1_000)),
        randomBytes(below(1_420)),
      );
      if (below(15) === 0) message[8 + below(message.length - 8)] ^= 1;
      const cut = below(25) === 0 ? message.subarray(0, below(message.length)) : message;
      const verdict = below(12) === 0 ? VERDICT_DROP : VERDICT_OPEN;
      for (const rig of rigs) {
        rig.row(row, cut, { [ROW_VERDICT]: verdict, [ROW_SESSION]: session }, rig.slot(0) + row * ROOM);
      }
    }
    const [alone, helped] = rigs.map(({ context }) => native().openBatch(context, 0, count));
    t.is(helped, alone);
    opened += alone;
    const [rows, others] = rigs.map((rig) => rig.rows.subarray(0, count * ROW_STRIDE));
    t.deepEqual(others, rows);
    const bytes = rigs.map((rig) => Buffer.from(rig.arena.buffer, rig.slot(0), count * ROOM));
    t.true(bytes[1].equals(bytes[0]), 'byte for byte');
    // A key is installed anew now and then, as renewals do: no lane may keep the one before.
    if (batch % 10 === 9) {
      keys[below(SESSIONS_USED)] = randomBytes(32);
      for (const rig of rigs) {
        for (const [slot, key] of keys.entries()) native().keyInstall(rig.context, slot, key, key);
      }
    }
  }
  t.true(opened > 5_000);
  for (const name of ['opened', 'openFailed'] as const) t.is(rigs[1].stat(name), rigs[0].stat(name));
  t.is(laneThreads(), LANES);
  for (const rig of rigs) rig.close();
  t.is(laneThreads(), 0);
});

test.serial('a batch too small to divide is left to the worker', (t) => {
  const rig = new Rig(undefined, LANES);
  const key = rig.key(0);
  for (let row = 0; row < 50; row++) {
    rig.row(
      row,
      sealMessage(key, BigInt(row), randomBytes(1_400)),
      { [ROW_VERDICT]: VERDICT_OPEN },
      rig.slot(0) + row * ROOM,
    );
  }
  t.is(native().openBatch(rig.context, 0, 50), 50);
  t.is(laneThreads(), 0);
  rig.close();
});

test('lanes are for processors that no worker needs', (t) => {
  t.is(laneCount(1, 64), 0, 'a worker alone has none');
  t.is(laneCount(2, 2), 0);
  t.is(laneCount(4, 2), 0);
  t.is(laneCount(2, 3), 1);
  t.is(laneCount(4, 6), 2);
  t.is(laneCount(4, 64), 3);
});
