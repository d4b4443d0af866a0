/**
 * A router on small memory for tests: three clusters as in the seed (0 = ours, 1 = AWS with two members and a hub, 2 =
 * another edge), sessions that exist without keys, and one packet at a time. What leaves a row is read back as bytes.
 */
import { encodeEndpoint } from '../../src/core/base/endpoint.js';
import { compileNat } from '../../src/core/nat/map.js';
import { clearRow } from '../../src/core/packet/clear-row.js';
import { DROP_REASONS } from '../../src/core/packet/drop.js';
import {
  ROW_LENGTH,
  ROW_OFFSET,
  ROW_PEER,
  ROW_REASON,
  ROW_SESSION,
  ROW_SOURCE,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_OPENED,
} from '../../src/core/packet/rows.js';
import { compileRoutes } from '../../src/core/route/table.js';
import { BeatTable, PATHS_PER_PEER, pathSlotBytes, SLOTS_PER_ROW } from '../../src/core/router/beat-table.js';
import {
  ALONE,
  AVAILABLE_HERE,
  createRouterMemory,
  RouterMemory,
  type SharedTables,
  type WorkerPlace,
} from '../../src/core/router/memory.js';
import { Router } from '../../src/core/router/router.js';
import {
  type Snapshot,
  TRUST_HUB,
  TRUST_OWN_ROUTES,
  TRUST_PARTNER,
  UNMATCHED_DROP,
  WATCH_WORDS,
} from '../../src/core/router/snapshot.js';
import { PeerTable, SessionTable } from '../../src/core/wireguard/tables.js';
import { address, prefix, word } from './packets.js';

export const OURS = 0;
export const AWS = 1;
export const OTHER = 2;
export const WAN = 3;
/** Peer numbers. */
export const AWS_A = 0;
export const AWS_B = 1;
export const PARTNER = 2;
export const STRANGER = 3;
export const NOW = 1_000_000;
const PEERS = 4;
const PACKET_AT = 256;
/** Packets of a batch, and bytes for each of them. */
export const BATCH_ROWS = 80;
const BATCH_BYTES = 800;

export const ROUTES = [
  { prefix: prefix('10.100.10.0/24'), metric: 100, target: OURS, blackhole: false },
  { prefix: prefix('10.100.100.0/24'), metric: 100, target: AWS, blackhole: false },
  { prefix: prefix('10.100.30.0/24'), metric: 100, target: OTHER, blackhole: false },
  { prefix: prefix('10.100.66.0/24'), metric: 100, target: -1, blackhole: true },
  { prefix: prefix('0.0.0.0/0'), metric: 100, target: WAN, blackhole: false },
  { prefix: prefix('fd10:a::/64'), metric: 100, target: OURS, blackhole: false },
  { prefix: prefix('fd10:100::/64'), metric: 100, target: AWS, blackhole: false },
];
export const NATS = [
  { local: prefix('172.16.10.15/32'), network: prefix('10.100.10.15/32') },
  { local: prefix('172.16.10.32/27'), network: prefix('10.100.10.32/27') },
  { local: prefix('fd00:10::/64'), network: prefix('fd10:a::/64') },
];

/** The row of path `k` of a peer: not those of its number, since a peer may have any. */
export function rowOf(peer: number, k = 0): number {
  return (PEERS - peer) * PATHS_PER_PEER - 1 - k;
}

/** The first slot of that path; where that of the first path leads is `endpointOf`. */
export function pathOf(peer: number, k = 0): number {
  return rowOf(peer, k) * SLOTS_PER_ROW;
}

export function endpointOf(peer: number): Uint8Array {
  return encodeEndpoint(Uint8Array.of(203, 0, 113, peer + 1), 51820, 0);
}

/** What became of one packet. */
export interface Outcome {
  readonly verdict: number;
  readonly reason: string;
  readonly peer: number;
  readonly packet: Uint8Array;
  readonly replies: readonly {
    readonly verdict: number;
    readonly peer: number;
    readonly packet: Uint8Array;
  }[];
}

export class RouterBench {
  readonly memory: RouterMemory;
  readonly tables: SharedTables;
  readonly router: Router;

  constructor(change: Partial<Snapshot> = {}, place: WorkerPlace = ALONE) {
    const parts = createRouterMemory({
      batchRows: BATCH_ROWS,
      slotBytes: 70_000,
      sourceCount: 4,
      peerCapacity: PEERS,
      ringBytes: 8192,
    });
    this.memory = new RouterMemory(parts);
    const beats = BeatTable.create(PEERS);
    for (let peer = 0; peer < PEERS; peer++) {
      for (let k = 0; k < PATHS_PER_PEER; k++) beats.rowAt[peer * PATHS_PER_PEER + k] = rowOf(peer, k);
    }
    this.tables = {
      sessions: SessionTable.create(8),
      peers: PeerTable.create(PEERS),
      beats,
      paths: new Uint8Array(new SharedArrayBuffer(pathSlotBytes(beats))),
      available: Int32Array.of(AVAILABLE_HERE, AWS_A, AWS_A, AVAILABLE_HERE, -1),
      era: new Int32Array(1),
    };
    [AWS_A, AWS_B, PARTNER, STRANGER].forEach((peer) => {
      this.connect(peer, [AWS, AWS, OURS, OTHER][peer]);
    });
    this.router = new Router(this.memory, this.tables, { ...snapshot(), ...change }, 1, place);
    this.router.now = NOW;
  }

  /** Gives `peer` a session in the slot of its own number and a path. */
  connect(peer: number, cluster: number): void {
    const { sessions, peers, paths } = this.tables;
    sessions.localIndex[peer] = 0x10000 + peer;
    sessions.peer[peer] = peer;
    sessions.expiresAtMs[peer] = NOW + 1000;
    peers.session[peer] = peer;
    peers.path[peer] = pathOf(peer);
    peers.cluster[peer] = cluster;
    paths.set(endpointOf(peer), pathOf(peer) * 32);
  }

  /** `peer` serves `cluster` from now on (−1: nobody). */
  serve(cluster: number, peer: number): void {
    this.tables.available[cluster] = peer;
    this.tables.era[0] += 1;
  }

  /** A packet from the LAN TUN; `fields` are columns of its row. */
  fromLan(packet: Uint8Array, fields: Readonly<Record<number, number>> = {}): Outcome {
    this.#place(packet, fields);
    this.router.handleLan(0, 1);
    return this.#outcome();
  }

  /** A packet that `peer` sealed with `counter` on its session. */
  fromPeer(peer: number, packet: Uint8Array, counter: number, from = endpointOf(peer)): Outcome {
    const at = PACKET_AT - 16;
    this.memory.arena.fill(0, at, PACKET_AT);
    new DataView(this.memory.arena.buffer).setBigUint64(at + 8, BigInt(counter), true);
    this.#place(packet, {
      [ROW_VERDICT]: VERDICT_OPENED,
      [ROW_SESSION]: peer,
      [ROW_PEER]: peer,
      [ROW_SOURCE]: 0,
    });
    this.memory.sources.set(from);
    this.router.handleOpened(0, 1);
    return this.#outcome();
  }

  /** Small packets as one batch, from the LAN TUN (`peer` −1) or from a peer, with counters from `counter` on: all rows. */
  batch(peer: number, packets: readonly Uint8Array[], counter: number): Outcome[] {
    const { arena, rows } = this.memory;
    packets.forEach((packet, index) => {
      const [at, offset] = [index * ROW_STRIDE, index * BATCH_BYTES + PACKET_AT];
      arena.fill(0, offset - 16, offset);
      new DataView(arena.buffer).setBigUint64(offset - 8, BigInt(counter + index), true);
      arena.set(packet, offset);
      clearRow(rows, at, offset, packet.length);
      if (peer < 0) return;
      rows[at + ROW_VERDICT] = VERDICT_OPENED;
      rows[at + ROW_SESSION] = peer;
      rows[at + ROW_PEER] = peer;
      rows[at + ROW_SOURCE] = 0;
    });
    if (peer >= 0) this.memory.sources.set(endpointOf(peer));
    if (peer < 0) this.router.handleLan(0, packets.length);
    else this.router.handleOpened(0, packets.length);
    return packets.map((_, index) => this.#read(index));
  }

  #place(packet: Uint8Array, fields: Readonly<Record<number, number>>): void {
    this.memory.arena.set(packet, PACKET_AT);
    clearRow(this.memory.rows, 0, PACKET_AT, packet.length);
    for (const [column, value] of Object.entries(fields)) this.memory.rows[Number(column)] = value;
  }

  #outcome(): Outcome {
    const { replyRow, replyCount } = this.router;
    return {
      ...this.#read(0),
      replies: Array.from({ length: replyCount }, (_, i) => this.#read(replyRow + i)),
    };
  }

  /** What became of one row, without replies. */
  #read(row: number): Outcome {
    const columns = this.memory.rows.subarray(row * ROW_STRIDE, (row + 1) * ROW_STRIDE);
    const offset = columns[ROW_OFFSET];
    return {
      verdict: columns[ROW_VERDICT],
      reason: DROP_REASONS[columns[ROW_REASON]],
      peer: columns[ROW_PEER],
      packet: this.memory.arena.slice(offset, offset + columns[ROW_LENGTH]),
      replies: [],
    };
  }
}

export function snapshot(): Snapshot {
  const control = [AWS_A, AWS_B, PARTNER, STRANGER].flatMap((peer) => [0xfd000001 | 0, 0, 0, peer + 1]);
  return {
    generation: 1,
    routes: compileRoutes(ROUTES),
    nat: compileNat(NATS),
    clusterCount: 3,
    ownCluster: OURS,
    unmatched: UNMATCHED_DROP,
    mtu: 1408,
    lanAddress4: word(address('172.16.10.200')),
    lanAddress6: [0, 0, 0, 0],
    ownControl: [0xfd000001 | 0, 0, 0, 99],
    peerControl: Int32Array.from(control),
    peerTrust: Uint8Array.of(TRUST_HUB, TRUST_HUB, TRUST_PARTNER, TRUST_OWN_ROUTES),
    peerWatch: new Int32Array(4 * WATCH_WORDS),
  };
}
