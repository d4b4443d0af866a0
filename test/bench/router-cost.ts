/**
 * What the whole TypeScript part of the path costs a packet: a batch of small packets of many flows through the router,
 * from the TUN (parse, route, NAT, session) and from a peer (classify, replay window, clocks, reverse path, route, NAT).
 * The NAT maps a prefix to itself, so the packets stay what they are from round to round while all of its work is done.
 */
import { compileNat } from '../../src/core/nat/map.js';
import { clearRow } from '../../src/core/packet/clear-row.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_SOURCE,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_LAN,
  VERDICT_OPENED,
  VERDICT_SEAL,
} from '../../src/core/packet/rows.js';
import { compileRoutes } from '../../src/core/route/table.js';
import { createRouterMemory, RouterMemory } from '../../src/core/router/memory.js';
import { Router } from '../../src/core/router/router.js';
import { AVAILABLE_HERE } from '../../src/core/router/serving.js';
import { PeerTable, SessionTable } from '../../src/core/wireguard/tables.js';
import { ip, prefix, udp } from '../support/packets.js';

const BATCH = 256;
const SLOT = 2048;
const AT = 256;
const PEER = 0;
const INDEX = 0x10000;

/** A batch each way: run it, and it decides BATCH packets. */
export interface RouterCost {
  readonly batch: number;
  readonly lan: () => number;
  readonly overlay: () => number;
  /** What `overlay` does in the addon's place, to be taken off its cost. */
  readonly scaffold: () => number;
}

/** Routers with `extraRoutes` besides the two that are used. */
export function prepareRouterCost(extraRoutes: readonly { prefix: ReturnType<typeof prefix> }[]): RouterCost {
  const memory = new RouterMemory(
    createRouterMemory({
      batchRows: BATCH,
      slotBytes: BATCH * SLOT,
      sourceCount: 1,
      peerCapacity: 1,
      ringBytes: 4096,
    }),
  );
  const tables = {
    sessions: SessionTable.create(1),
    peers: PeerTable.create(1),
    paths: new Uint8Array(new SharedArrayBuffer(32)),
    available: Int32Array.of(AVAILABLE_HERE, PEER, AVAILABLE_HERE),
    era: new Int32Array(1),
  };
  tables.sessions.localIndex[0] = INDEX;
  tables.sessions.expiresAtMs[0] = Number.POSITIVE_INFINITY;
  tables.peers.session[PEER] = 0;
  tables.peers.path[PEER] = 0;
  tables.peers.cluster[PEER] = 1;
  const filler = extraRoutes.map((entry) => ({ ...entry, metric: 10, target: 1, blackhole: false }));
  const route = (text: string, target: number) => ({
    prefix: prefix(text),
    metric: 1,
    target,
    blackhole: false,
  });
  const router = new Router(memory, tables, {
    generation: 1,
    routes: compileRoutes([...filler, route('172.16.10.0/24', 0), route('10.100.100.0/24', 1)]),
    nat: compileNat([{ local: prefix('172.16.10.0/24'), network: prefix('172.16.10.0/24') }]),
    clusterCount: 2,
    ownCluster: 0,
    unmatched: 0,
    mtu: 1408,
    lanAddress4: 1,
    lanAddress6: [0, 0, 0, 0],
    ownControl: [0, 0, 0, 0],
    peerControl: new Int32Array(4),
    peerTrust: new Uint8Array(1),
  });
  router.now = 1;
  const place = (inward: boolean): void => {
    for (let k = 0; k < BATCH; k++) {
      const [here, far] = [`172.16.10.${k}`, `10.100.100.${255 - k}`];
      const ends = inward ? { source: far, destination: here } : { source: here, destination: far };
      const packet = ip({ ...ends, protocol: 17, payload: udp(4000 + k, 53, new Uint8Array(64)) });
      memory.arena.set(packet, k * SLOT + AT);
      clearRow(memory.rows, k * ROW_STRIDE, k * SLOT + AT, packet.length);
    }
  };
  let placed = '';
  let counter = 0;
  const lengths = 92;
  const lan = (): number => {
    if (placed !== 'lan') place(false);
    placed = 'lan';
    router.handleLan(0, BATCH);
    if (memory.rows[ROW_VERDICT] !== VERDICT_SEAL) throw new Error('a packet of the bench is refused');
    return router.sealCount;
  };
  const view = new DataView(memory.arena.buffer);
  // What udpRecv leaves behind: datagrams with a header.
  const receive = (): number => {
    if (placed !== 'overlay') place(true);
    placed = 'overlay';
    for (let k = 0; k < BATCH; k++) {
      const at = k * ROW_STRIDE;
      const offset = k * SLOT + AT - 16;
      memory.arena[offset] = 4;
      view.setUint32(offset + 4, INDEX, true);
      view.setUint32(offset + 8, counter++, true);
      memory.rows[at + ROW_OFFSET] = offset;
      memory.rows[at + ROW_LENGTH] = lengths + 32;
      memory.rows[at + ROW_SOURCE] = 0;
    }
    return counter;
  };
  // What openBatch makes of them.
  const open = (): void => {
    for (let at = 0; at < BATCH * ROW_STRIDE; at += ROW_STRIDE) {
      memory.rows[at + ROW_OFFSET] += 16;
      memory.rows[at + ROW_LENGTH] -= 32;
      memory.rows[at + ROW_VERDICT] = VERDICT_OPENED;
    }
  };
  const scaffold = (): number => {
    receive();
    open();
    return counter;
  };
  const overlay = (): number => {
    receive();
    router.handleDatagrams(0, BATCH);
    open();
    router.handleOpened(0, BATCH);
    if (memory.rows[ROW_VERDICT] !== VERDICT_LAN) throw new Error('a packet of the bench is refused');
    return router.lanCount;
  };
  return { batch: BATCH, lan, overlay, scaffold };
}
