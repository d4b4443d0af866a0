/** A worker of its own for threads.test.ts: seals on a session that others seal on too, and notes which counters it got. */
import { parentPort, workerData } from 'node:worker_threads';
import { SeededRandom } from '../../../src/core/base/random.js';
import {
  FLAG_NEEDS_CSUM,
  GSO_TCPV4,
  ROW_CSUM_OFFSET,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_VERDICT,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { native, UDP_OFFLOAD_GSO } from '../../../src/edge/native.js';
import { buildPacket, gsoOf, plainHeaders, withPartialChecksum } from './packets.js';
import { openMessage, Rig } from './rig.js';

export interface SealingOrder {
  readonly sendCounter: SharedArrayBuffer;
  readonly gate: SharedArrayBuffer;
  readonly key: Uint8Array;
  readonly seed: number;
  readonly batches: number;
}

/** Short messages in long trains: it is counters that they are to compete for. */
const ROWS = 256;
const KEEPALIVE = new Uint8Array(0);

const order = workerData as SealingOrder;
const gate = new Int32Array(order.gate);
const rig = new Rig(new BigUint64Array(order.sendCounter));
const { fd } = rig.socket(0, UDP_OFFLOAD_GSO);
native().keyInstall(rig.context, 0, order.key, order.key);
const random = new SeededRandom(order.seed);
const counters: number[] = [];
Atomics.sub(gate, 0, 1);
// All begin together.
while (Atomics.load(gate, 0) > 0);
const packet = withPartialChecksum(buildPacket(plainHeaders, new Uint8Array(5 * 16)));
const { csumStart, csumOffset } = gsoOf(plainHeaders, 16);
for (let batch = 0; batch < order.batches; batch++) {
  let datagrams = 0;
  for (let row = 0; row < ROWS; row++) {
    const isWhole = random.fraction() < 0.1;
    rig.row(
      row,
      isWhole ? packet : KEEPALIVE,
      {
        [ROW_VERDICT]: VERDICT_SEAL,
        ...(isWhole && {
          [ROW_GSO_TYPE]: GSO_TCPV4,
          [ROW_GSO_SIZE]: 16,
          [ROW_FLAGS]: FLAG_NEEDS_CSUM,
          [ROW_CSUM_START]: csumStart,
          [ROW_CSUM_OFFSET]: csumOffset,
        }),
      },
      rig.slot(0) + row * 256,
    );
    datagrams += isWhole ? 5 : 1;
  }
  if (native().sealSend(rig.context, 0, ROWS) !== datagrams) throw new Error('not all was sent');
  const messages = rig.receive(fd, 0, datagrams);
  openMessage(messages[0], order.key);
  for (const message of messages) counters.push(Buffer.from(message).readUInt32LE(8));
}
rig.close();
parentPort?.postMessage(counters);
