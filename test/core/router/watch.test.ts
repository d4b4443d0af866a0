/** BFD of external peers as a worker sees it: only between the agreed addresses it goes to the control thread. */
import test from 'ava';
import { BFD_BYTES } from '../../../src/core/path/bfd-packet.js';
import { BFD_CONTROL_PORT, Envelope } from '../../../src/core/path/datagram.js';
import { OUT_PATH, OUT_ROAMED } from '../../../src/core/router/outbox.js';
import { WATCH_WORDS } from '../../../src/core/router/snapshot.js';
import { address, word } from '../../support/packets.js';
import { endpointOf, RouterBench, STRANGER } from '../../support/router.js';

const ENDS = {
  4: ['10.9.0.1', '10.9.0.2'],
  6: ['fd00:9::1', 'fd00:9::2'],
} as const;

function benchOf(family: 4 | 6): RouterBench {
  const peerWatch = new Int32Array(4 * WATCH_WORDS);
  const words = ENDS[family].flatMap((text) => {
    const bytes = address(text);
    return [0, 1, 2, 3].map((i) => (i * 4 < bytes.length ? word(bytes, i) : 0));
  });
  peerWatch.set([family, ...words], STRANGER * WATCH_WORDS);
  return new RouterBench({ peerWatch });
}

function packet(from: string, to: string, port = BFD_CONTROL_PORT): Uint8Array {
  const envelope = new Envelope(address(from), address(to), 50_000, port);
  const bytes = new Uint8Array(envelope.headerBytes + BFD_BYTES);
  envelope.close(bytes, 0, BFD_BYTES);
  return bytes;
}

/** Types of what the control thread was told, and the peers. */
function told(bench: RouterBench): number[][] {
  const records: number[][] = [];
  const { outbox } = bench.memory;
  for (; outbox.next(); outbox.release()) records.push([outbox.type, outbox.argument]);
  return records;
}

for (const family of [4, 6] as const) {
  const [local, remote] = ENDS[family];
  test(`IPv${family}: BFD between the agreed addresses is handed on, anything else is routed or refused`, (t) => {
    const bench = benchOf(family);
    bench.fromPeer(STRANGER, packet(remote, local), 1);
    t.deepEqual(told(bench), [[OUT_PATH, STRANGER]]);
    for (const [i, other] of [
      packet(remote, local, BFD_CONTROL_PORT + 1),
      packet(local, remote),
      packet(remote, remote),
      packet(local, local),
    ].entries()) {
      t.not(bench.fromPeer(STRANGER, other, 2 + i).reason, 'none');
      t.deepEqual(told(bench), [], `packet ${i}`);
    }
    t.not(bench.fromPeer(0, packet(remote, local), 1).reason, 'none', 'another peer');
    t.deepEqual(told(bench), []);
  });

  test(`IPv${family}: a peer that speaks BFD from elsewhere has moved there`, (t) => {
    const bench = benchOf(family);
    bench.fromPeer(STRANGER, packet(remote, local), 1, endpointOf(0));
    t.deepEqual(told(bench), [
      [OUT_ROAMED, STRANGER],
      [OUT_PATH, STRANGER],
    ]);
  });
}
