/**
 * One running node: the configuration it runs by, the machine it holds, the protocol, the worker. This is composition:
 * every rule lives elsewhere, here the parts are made and told of each other.
 *
 * Start: devices and sockets are opened, the host is brought into its desired state, the worker breathes, sessions are
 * dialled. Stop: the reverse. Nothing survives a kill but files that the next start replaces.
 */
import { ENDPOINT_BYTES, ENDPOINT_SOCKET } from '../../core/base/endpoint.js';
import { timeoutMs } from '../../core/base/timeout.js';
import type { ClusterTimes } from '../../core/cluster/settings.js';
import type { Configuration } from '../../core/config/configuration.js';
import { LiveRoutes } from '../../core/route/live.js';
import { parseControlDatagram } from '../../core/router/control-datagram.js';
import type { SharedTables } from '../../core/router/memory.js';
import {
  OUT_DATAGRAM,
  OUT_INNER,
  OUT_PATH,
  OUT_ROAMED,
  OUT_SESSION_USED,
  OUT_SILENCE,
  OUT_WANTED,
} from '../../core/router/outbox.js';
import { type Snapshot, SnapshotView } from '../../core/router/snapshot.js';
import type { Timers } from '../../core/wireguard/constants.js';
import { WireGuard } from '../../core/wireguard/device.js';
import { TimestampSource } from '../../core/wireguard/tai64n.js';
import { openTimestampStore } from '../../edge/clock/timestamps.js';
import { createCrypto } from '../../edge/crypto/node.js';
import type { Secrets } from '../../edge/file/configuration.js';
import { realHost } from '../../edge/linux/observe.js';
import type { Native } from '../../edge/native.js';
import type { ReloadReport } from '../observe/report.js';
import type { ClusterKeeper } from './cluster-keeper.js';
import { clusterTimes } from './cluster-times.js';
import { createCluster } from './create-cluster.js';
import { createPathing } from './create-pathing.js';
import { Dataplane } from './dataplane.js';
import { Dialler } from './dialler.js';
import { Directory, targetCount } from './directory.js';
import { Externals } from './externals.js';
import { handOver } from './hand-over.js';
import { HostKeeper } from './host.js';
import { Liveness } from './liveness.js';
import type { Logger } from './log.js';
import { type Machine, openMachine } from './machine.js';
import type { Pathing } from './pathing.js';
import { Pauses } from './pauses.js';
import { PeerSet } from './peer-set.js';
import { Peering } from './peering.js';
import { readReload } from './reload.js';
import { sendControl } from './send-control.js';
import { compileSnapshot, type LanAddresses } from './snapshot.js';
import { useStandIns } from './stand-ins.js';
import { createSharedTables, PathSlots, pathRowsFor } from './tables.js';
import type { UplinkSockets } from './uplink-sockets.js';
import { UplinkKeeper } from './uplinks.js';
import type { WorkerThreads } from './worker-threads.js';

/** A tick that comes later than this after its time follows a pause of the whole process; and how long the next waits. */
const LATE_MS_MAX = 150;
const AFTER_LATE_MS = 20;
/** Targets (clusters and WAN) that a reload may add without a restart. */
const TARGETS_SPARE = 64;

export interface NodeOptions {
  readonly native: Native;
  readonly threads: WorkerThreads;
  readonly configuration: Configuration;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** SPEC_TIMERS if left out. */
  readonly timers?: Timers;
  /** The data plane has failed: the node must go down. */
  readonly onFault: (reason: string) => void;
}

export class Node {
  readonly native: Native;
  readonly log: Logger;
  readonly startedAtMs: number;
  readonly wireguard: WireGuard;
  readonly tables: SharedTables;
  readonly directory: Directory;
  readonly paths: PathSlots;
  readonly machine: Machine;
  readonly dataplane: Dataplane;
  readonly pauses: Pauses;
  readonly liveness: Liveness;
  readonly pathing: Pathing;
  readonly #sockets: UplinkSockets;
  configuration: Configuration;
  snapshot: Snapshot;
  readonly routes = new LiveRoutes();
  secrets: Secrets;
  readonly #host: HostKeeper;
  #lan: LanAddresses;
  readonly #peering: Peering;
  readonly #peers: PeerSet;
  readonly #dialler: Dialler;
  readonly #timestamps: TimestampSource;
  readonly #crypto = createCrypto();
  readonly cluster: ClusterKeeper;
  readonly externals: Externals;
  readonly uplinks: UplinkKeeper;
  readonly #times: ClusterTimes;
  #tickDueAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #reloading: Promise<void> = Promise.resolve();

  /** Opens everything and starts to dial. Throws a coded error, with nothing left behind, where it cannot. */
  static async start(options: NodeOptions): Promise<Node> {
    const { configuration, native, log } = options;
    const host = new HostKeeper(realHost(), log);
    const lan = await host.lanAddresses(configuration);
    const machine = openMachine(native, configuration);
    try {
      await host.apply(configuration, machine, true);
      const node = new Node(options, machine, host, lan);
      await node.dataplane.ready;
      node.#begin();
      return node;
    } catch (error) {
      await host.undo();
      machine.close();
      throw error;
    }
  }

  private constructor(options: NodeOptions, machine: Machine, host: HostKeeper, lan: LanAddresses) {
    const { native, configuration, secrets, log } = options;
    this.native = native;
    this.configuration = configuration;
    this.log = log;
    this.machine = machine;
    this.startedAtMs = native.now();
    this.secrets = secrets;
    this.#host = host;
    this.#lan = lan;
    const crypto = this.#crypto;
    this.#times = clusterTimes(configuration);
    this.directory = new Directory(configuration);
    this.tables = createSharedTables(
      this.directory.capacity,
      targetCount(configuration) + TARGETS_SPARE,
      machine.workers,
      pathRowsFor(configuration, this.directory.capacity),
    );
    this.paths = new PathSlots(this.tables);
    this.snapshot = compileSnapshot(configuration, this.directory, lan, crypto.hash, 1, this.routes);
    this.#timestamps = new TimestampSource(openTimestampStore(`${configuration.local.stateDir}/tai64n`));
    this.wireguard = new WireGuard({
      privateKey: secrets.privateKey,
      crypto,
      sessions: this.tables.sessions,
      peers: this.tables.peers,
      workers: machine.workers,
      timestamps: this.#timestamps,
      ...(options.timers && { timers: options.timers }),
    });
    this.#dialler = new Dialler(
      log,
      () => native.now(),
      (peer) => this.pathing.handleResolved(peer),
    );
    this.#peering = this.#createPeering();
    this.dataplane = this.#createDataplane(options);
    this.pauses = new Pauses(
      native,
      this.dataplane.workers.map(({ turns }) => turns),
    );
    const { pathing, sockets } = createPathing(this, this.#times, this.#dialler, crypto.hash);
    this.pathing = pathing;
    this.#sockets = sockets;
    this.liveness = new Liveness({
      tables: this.tables,
      pathing: this.pathing,
      dial: (peer) => this.#peering.dial(peer),
    });
    this.#peers = this.#createPeers();
    this.externals = new Externals(this, {
      peering: this.#peering,
      dialler: this.#dialler,
      crypto,
      timers: options.timers,
      send: (peer, bytes) => sendControl(this, peer, bytes),
    });
    this.uplinks = new UplinkKeeper({
      native,
      configuration,
      sockets,
      log,
      host,
      onLinkFaults: (faults) => this.pathing.handleUplinks(faults),
      onAddresses: (addresses) => this.pathing.handleAddresses(addresses),
      onStandIns: (to) => useStandIns(to, this.tables, this.paths, this.#dialler),
    });
    this.cluster = createCluster(this, { lan, hash: crypto.hash, times: this.#times });
  }

  /** Name of a peer's node. */
  peerName(peer: number): string {
    return this.directory.nameOf(peer);
  }

  /** The current snapshot, opened for reading. */
  scratchView(): SnapshotView {
    return new SnapshotView(this.snapshot);
  }

  /**
   * Applies a changed configuration without disturbing the sessions of peers that stay; refuses a wrong one whole. Throws
   * what the host refuses, with nothing changed. Reloads wait for each other.
   */
  reload(configFile: string): Promise<ReloadReport> {
    const turn = this.#reloading.then(() => this.#reload(configFile));
    this.#reloading = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  async #reload(configFile: string): Promise<ReloadReport> {
    const reloaded = await readReload(configFile, this.configuration, (next) => this.#hasRoomFor(next));
    if (!reloaded.ok) {
      this.log.error({ event: 'reload-refused', problems: reloaded.report.problems });
      return reloaded.report;
    }
    const { configuration, secrets, report } = reloaded;
    const lan = await this.#host.lanAddresses(configuration);
    await this.#host.change(this.configuration, configuration, this.machine);
    this.#lan = lan;
    this.log.level = configuration.local.logLevel;
    this.secrets = secrets;
    this.configuration = configuration;
    this.directory.update(configuration);
    this.#peers.update(secrets.presharedKeys);
    this.externals.configure(configuration, secrets);
    const generation = this.snapshot.generation + 1;
    this.snapshot = compileSnapshot(
      configuration,
      this.directory,
      this.#lan,
      this.#crypto.hash,
      generation,
      this.routes,
      this.snapshot,
    );
    this.dataplane.post({ kind: 'snapshot', snapshot: this.snapshot });
    this.cluster.handleConfiguration(configuration, this.native.now());
    this.log.info({
      event: 'reloaded',
      generation,
      changes: report.changes,
      restartNeeded: report.restartNeeded,
    });
    return report;
  }

  /** The shared tables were sized at start. */
  #hasRoomFor(configuration: Configuration): boolean {
    const targets = targetCount(configuration);
    return targets <= this.tables.available.length && this.directory.hasRoomFor(configuration);
  }

  /** Everything that was opened is closed, and the host put back. */
  async stop(): Promise<void> {
    await this.#reloading;
    await handOver(this.cluster, () => this.native.now());
    clearTimeout(this.#timer);
    await this.cluster.close();
    await this.dataplane.stop();
    this.#sockets.close();
    this.#timestamps.close();
    this.externals.close();
    this.uplinks.close();
    await this.#host.undo();
    this.machine.close();
  }

  #createPeers(): PeerSet {
    return new PeerSet({
      directory: this.directory,
      wireguard: this.wireguard,
      peers: this.tables.peers,
      dialler: this.#dialler,
      peering: this.#peering,
      pathing: this.pathing,
      liveness: this.liveness,
      log: this.log,
      lanSocket: this.machine.lanSocket,
      now: () => this.native.now(),
    });
  }

  #createPeering(): Peering {
    const { native } = this;
    return new Peering({
      wireguard: this.wireguard,
      dataplane: () => this.dataplane,
      tables: this.tables,
      paths: this.paths,
      dialler: this.#dialler,
      pathing: () => this.pathing,
      log: this.log,
      now: () => native.now(),
      send: (bytes, record) => {
        const fd = this.#sockets.fd(record[ENDPOINT_SOCKET]);
        if (fd !== undefined) native.datagramSend(fd, bytes, record);
      },
      peerName: (peer) => this.peerName(peer),
      onSession: () => {
        this.cluster.handleSoon();
        this.externals.handleTimeout(this.native.now());
      },
    });
  }

  #createDataplane(options: NodeOptions): Dataplane {
    return new Dataplane({
      native: this.native,
      threads: options.threads,
      tables: this.tables,
      snapshot: this.snapshot,
      machine: this.machine,
      log: this.log,
      onRecord: (type, argument, _argument2, payload) => this.#handleRecord(type, argument, payload),
      onReleased: (index) => this.#sockets.handleReleased(index),
      onInstalled: (slot) => this.#peering.handleInstalled(slot),
      onFault: (reason) => {
        this.cluster.handleFault(this.native.now());
        options.onFault(reason);
      },
    });
  }

  #begin(): void {
    this.#peers.update(this.secrets.presharedKeys);
    this.externals.configure(this.configuration, this.secrets);
    this.#tick();
  }

  #tick(): void {
    const now = this.native.now();
    // After a pause of this process the workers have packets to read that were sent before it: what they say is heard
    // first, or every peer would seem to have been silent.
    const late = this.#tickDueAtMs > 0 && now - this.#tickDueAtMs > LATE_MS_MAX;
    let deadlineMs = now + AFTER_LATE_MS;
    if (!late) {
      this.#peering.handleTimeout();
      this.#dialler.handleTimeout(now);
      this.pathing.handleTimeout(now);
      this.liveness.handleTimeout(this.directory.all, now);
      // Workers move clocks silently: they are looked at this often.
      const lookAtMs = now + this.#times.probeMs;
      deadlineMs = Math.min(this.cluster.handleTimeout(now), this.#peering.nextDeadline(), lookAtMs);
      this.externals.handleTimeout(now);
    }
    const waitMs = timeoutMs(deadlineMs, this.native.now());
    this.#tickDueAtMs = this.native.now() + waitMs;
    this.#timer = setTimeout(() => this.#tick(), waitMs);
  }

  #handleRecord(type: number, argument: number, payload: Uint8Array): void {
    switch (type) {
      case OUT_DATAGRAM:
        this.#peering.handleDatagram(payload.slice(ENDPOINT_BYTES), payload.slice(0, ENDPOINT_BYTES));
        break;
      case OUT_INNER:
        this.#handleInner(argument, payload.slice());
        break;
      case OUT_SESSION_USED:
        this.#peering.handleSessionUsed(argument);
        break;
      case OUT_WANTED:
        this.#peering.handleWanted(argument);
        break;
      case OUT_ROAMED:
        this.#peering.handleRoamed(argument, payload.slice(0, ENDPOINT_BYTES));
        break;
      case OUT_PATH:
        if (!this.externals.watch.handleRecord(argument, payload))
          this.pathing.handleRecord(argument, payload);
        break;
      case OUT_SILENCE:
        this.pathing.handleSilence(argument);
        this.cluster.handleTimeout(this.native.now());
        break;
    }
  }

  /** What comes to our control address and is no path's packet is news, or a hello. */
  #handleInner(peer: number, packet: Uint8Array): void {
    const hello = parseControlDatagram(packet);
    if (hello === undefined || this.externals.handleNews(peer, hello)) return;
    if (this.pathing.handleNews(peer, hello)) return;
    this.cluster.handleHello(peer, hello, this.native.now());
  }
}
