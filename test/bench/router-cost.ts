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
import { BeatTable, pathSlotBytes } from '../../src/core/router/beat-table.js';
import {
  AVAILABLE_HERE,
  createRouterMemory,
  RouterMemory,
  type SharedTables,
} from '../../src/core/router/memory.js';
import { Router } from '../../src/core/router/router.js';
import { WATCH_WORDS } from '../../src/core/router/snapshot.js';
import { PeerTable, SessionTable } from '../../src/core/wireguard/tables.js';
import { ip, prefix, udp } from '../support/packets.js';

const BATCH = 256;
const SLOT = 2048;
const AT = 256;
const PEER = 0;
const INDEX = 0x10000;
const TYPE_DATA = 4;
const HEADER = 16;
/** IPv4 and UDP headers and 64 bytes. */
const PACKET_BYTES = 92;

/** A batch each way: run it, and it decides BATCH packets. */
export interface RouterCost {
  readonly batch: number;
  readonly lan: () => number;
  readonly overlay: () => number;
  /** What `overlay` does in the addon's place, to be taken off its cost. */
  readonly scaffold: () => number;
}

/** Prefixes of this many routes besides the two that are used make the table large. */
type Filler = readonly { prefix: ReturnType<typeof prefix> }[];

function createMemory(): RouterMemory {
  return new RouterMemory(
    createRouterMemory({
      batchRows: BATCH,
      slotBytes: BATCH * SLOT,
      sourceCount: 1,
      peerCapacity: 1,
      ringBytes: 4096,
    }),
  );
}

/** One peer with a session that never expires. */
function createTables(): SharedTables {
  const beats = BeatTable.create(1);
  const tables = {
    sessions: SessionTable.create(1),
    peers: PeerTable.create(1),
    beats,
    paths: new Uint8Array(new SharedArrayBuffer(pathSlotBytes(beats))),
    available: Int32Array.of(AVAILABLE_HERE, PEER, AVAILABLE_HERE),
    era: new Int32Array(1),
  };
  tables.sessions.localIndex[0] = INDEX;
  tables.sessions.expiresAtMs[0] = Number.POSITIVE_INFINITY;
  tables.peers.session[PEER] = 0;
  tables.peers.path[PEER] = 0;
  tables.peers.cluster[PEER] = 1;
  return tables;
}

function createRouter(memory: RouterMemory, filler: Filler): Router {
  const route = (text: string, target: number) => ({
    prefix: prefix(text),
    metric: 1,
    target,
    blackhole: false,
  });
  const routes = filler.map((entry) => ({ ...entry, metric: 10, target: 1, blackhole: false }));
  const router = new Router(memory, createTables(), {
    generation: 1,
    routes: compileRoutes([...routes, route('172.16.10.0/24', 0), route('10.100.100.0/24', 1)]),
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
    peerWatch: new Int32Array(WATCH_WORDS),
  });
  router.now = 1;
  return router;
}

/** Puts one packet of each of BATCH flows into the arena. */
function place(memory: RouterMemory, inward: boolean): void {
  for (let k = 0; k < BATCH; k++) {
    const [here, far] = [`172.16.10.${k}`, `10.100.100.${255 - k}`];
    const ends = inward ? { source: far, destination: here } : { source: here, destination: far };
    const packet = ip({ ...ends, protocol: 17, payload: udp(4000 + k, 53, new Uint8Array(64)) });
    memory.arena.set(packet, k * SLOT + AT);
    clearRow(memory.rows, k * ROW_STRIDE, k * SLOT + AT, packet.length);
  }
}

/** A router for each way. */
export function prepareRouterCost(filler: Filler): RouterCost {
  const out = createMemory();
  const outward = createRouter(out, filler);
  place(out, false);
  const lan = (): number => {
    outward.handleLan(0, BATCH);
    if (out.rows[ROW_VERDICT] !== VERDICT_SEAL) throw new Error('a packet of the bench is refused');
    return outward.sealCount;
  };
  const memory = createMemory();
  const inward = createRouter(memory, filler);
  place(memory, true);
  const view = new DataView(memory.arena.buffer);
  let counter = 0;
  // What udpRecv leaves behind: datagrams with a header.
  const receive = (): void => {
    for (let k = 0; k < BATCH; k++) {
      const at = k * ROW_STRIDE;
      const offset = k * SLOT + AT - HEADER;
      memory.arena[offset] = TYPE_DATA;
      view.setUint32(offset + 4, INDEX, true);
      view.setUint32(offset + 8, counter++, true);
      memory.rows[at + ROW_OFFSET] = offset;
      memory.rows[at + ROW_LENGTH] = PACKET_BYTES + 2 * HEADER;
      memory.rows[at + ROW_SOURCE] = 0;
    }
  };
  // What openBatch makes of them.
  const open = (): void => {
    for (let at = 0; at < BATCH * ROW_STRIDE; at += ROW_STRIDE) {
      memory.rows[at + ROW_OFFSET] += HEADER;
      memory.rows[at + ROW_LENGTH] -= 2 * HEADER;
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
    inward.handleDatagrams(0, BATCH);
    open();
    inward.handleOpened(0, BATCH);
    if (memory.rows[ROW_VERDICT] !== VERDICT_LAN) throw new Error('a packet of the bench is refused');
    return inward.lanCount;
  };
  return { batch: BATCH, lan, overlay, scaffold };
}
