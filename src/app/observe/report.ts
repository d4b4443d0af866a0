/**
 * What the daemon tells about itself: plain data that crosses the control socket as JSON, is printed by the CLI, and
 * is a stable interface for scripts (`--json`). Names are those of configuration; addresses are text; durations are ms.
 */

import type { Evidence } from '../../core/cluster/outputs.js';
import type { DropReason } from '../../core/packet/drop.js';
import type { NetcheckReport, PathsReport, PingReport, PingRequest, UplinksReport } from './path-reports.js';

/** Methods of the control socket: parameters in, result out. */
export interface ControlMethods {
  status: { params: Record<string, never>; result: StatusReport };
  routes: { params: { address?: string }; result: RoutesReport };
  metrics: { params: Record<string, never>; result: MetricsReport };
  nat: { params: Record<string, never>; result: NatReport };
  explain: { params: ExplainRequest; result: ExplainReport };
  reload: { params: Record<string, never>; result: ReloadReport };
  cluster: { params: Record<string, never>; result: ClusterReport };
  /** `to`: a member's name. */
  failover: { params: { to?: string }; result: RoleReport };
  drain: { params: Record<string, never>; result: RoleReport };
  undrain: { params: Record<string, never>; result: RoleReport };
  uplinks: { params: Record<string, never>; result: UplinksReport };
  /** `peer`: a node's name. */
  paths: { params: { peer?: string }; result: PathsReport };
  ping: { params: PingRequest; result: PingReport };
  netcheck: { params: Record<string, never>; result: NetcheckReport };
}

export type ControlMethod = keyof ControlMethods;

export type Role = 'active' | 'standby' | 'claiming' | 'draining';

export interface StatusReport {
  version: string;
  network: string;
  node: string;
  cluster: string;
  role: Role;
  /** Epoch of the role, where the cluster has one. */
  epoch?: { n: number; memberIndex: number };
  /** Whether the operator has taken it out of service. */
  drained: boolean;
  uptimeMs: number;
  publicKey: string;
  listenPort: number;
  configFile: string;
  workers: WorkerReport[];
  /** `reason`: why it is not as configured. */
  scheduling: { realtime: boolean; reason?: string };
  devices: DeviceReport[];
  offloads: OffloadReport[];
  peers: PeerReport[];
  pauses: PauseReport[];
  /** Packets refused by the data path, by reason; reasons that never happened are left out. */
  drops: Partial<Record<DropReason, number>>;
  /** Handshake messages refused, by reason. */
  handshakeDrops: Record<string, number>;
  memory: { rssBytes: number; heapUsedBytes: number; externalBytes: number };
}

export interface WorkerReport {
  index: number;
  state: 'running' | 'starting' | 'failed';
  /** Why it failed. */
  reason?: string;
  /** Messages that it has sealed and opened. */
  sealed: number;
  opened: number;
  /** Messages of its peers that came to another worker, which handed them over. */
  strays: number;
}

export interface DeviceReport {
  role: 'lan' | 'wan' | 'uplink';
  name: string;
  state: 'up' | 'down';
  mtu?: number;
  rxPackets?: number;
  txPackets?: number;
  rxBytes?: number;
  txBytes?: number;
}

export interface OffloadReport {
  name: string;
  /** Whether it is used; of several sockets: by any. */
  on: boolean;
  /** Why it is off, where it is, or where. */
  reason?: string;
  /** Switched off; not offered by the kernel, or known to be broken there; refused at run time; useless without another. */
  cause?: 'configuration' | 'kernel' | 'demoted' | 'dependency';
  /** What the kernel has refused since the start. */
  demotions?: DemotionReport[];
}

/**
 * How long a thread was away from what it serves: a worker from its descriptors, the control thread from its event loop.
 * Durations are known to within 1/16.
 */
export interface PauseReport {
  /** `control`, or `worker N` */
  thread: string;
  turns: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  /** What is too long, and how often it was. */
  limitMs: number;
  over: number;
}

/** What `metrics` prints: numbers since the start. */
export interface MetricsReport {
  node: string;
  uptimeMs: number;
  pauses: HistogramReport[];
  drops: Partial<Record<DropReason, number>>;
  offloads: { name: string; on: boolean; demotions: number }[];
  peers: Pick<PeerReport, 'name' | 'rxBytes' | 'txBytes' | 'rxPackets' | 'txPackets'>[];
}

export interface HistogramReport {
  /** As in PauseReport. */
  thread: string;
  count: number;
  sumMs: number;
  maxMs: number;
  /** Greatest duration in ms, and how many; empty ones are left out. */
  buckets: [number, number][];
}

export interface DemotionReport {
  /** Wall-clock time, ISO 8601. */
  at: string;
  /** Name of the error, as `EIO`. */
  error: string;
  /** The socket's uplink; left out of TUN devices. */
  uplink?: string;
}

export interface PeerReport {
  name: string;
  cluster: string;
  state: 'up' | 'connecting' | 'down';
  publicKey: string;
  /** Where it is dialled or was last heard, `address:port`. */
  endpoint?: string;
  lastHandshakeAgeMs?: number;
  rxBytes: number;
  txBytes: number;
  rxPackets: number;
  txPackets: number;
  /** Smoothed round-trip time through the tunnel. */
  rttMs?: number;
  /** What its traffic takes: `uplink isp1`, `lan`, `hub AWSCluster`. */
  path?: string;
}

export interface RoutesReport {
  /** The address that was asked for; then `routes` holds those that cover it, best first. */
  address?: string;
  routes: RouteReport[];
}

export interface RouteReport {
  cidr: string;
  /** `to CLUSTER`, `via wan`, `blackhole` */
  target: string;
  metric: number;
  available: boolean;
  /** Whether this is the one that packets take now (for an asked address: the answer). */
  selected: boolean;
  /** Node that packets go to. */
  peer?: string;
  description?: string;
  /** Line in network.yaml. */
  line: number;
}

export interface NatReport {
  unmatched: 'drop' | 'identity';
  nats: NatEntryReport[];
}

export interface NatEntryReport {
  local: string;
  network: string;
  cluster: string;
  /** Whether it is translated on this node. */
  here: boolean;
  /** Packets translated, where they are counted. */
  hits?: number;
  description?: string;
  line: number;
}

export interface ExplainRequest {
  src: string;
  dst: string;
  protocol: 'tcp' | 'udp' | 'icmp';
  /** Destination port of tcp and udp. */
  port?: number;
}

export interface ExplainReport {
  request: ExplainRequest;
  steps: { stage: string; text: string; evidence?: string }[];
  verdict: 'forwarded' | 'delivered' | 'dropped';
  reason?: DropReason;
  /** The ICMP error that the sender gets. */
  icmp?: string;
}

export interface ReloadReport {
  applied: boolean;
  /** What changed, one sentence each. */
  changes: string[];
  /** Keys whose change takes effect only after a restart. */
  restartNeeded: string[];
  /** Warnings, or the problems for which the new configuration was refused, as printed by `validate`. */
  problems: string[];
}

/** What a command that moves the role has come to. */
export interface RoleReport {
  /** The member that was asked. */
  node: string;
  cluster: string;
  /** Who is active now, as far as `node` knows. */
  active?: string;
  /** The highest epoch that is known, `N.MEMBER`. */
  epoch: string;
  /** Whether the role went from one member to another. */
  moved: boolean;
  tookMs: number;
  /** Whether `node` is out of service, and whether it serves nevertheless, since nobody else can. */
  drained: boolean;
  stillServes: boolean;
  /** The operator put the role where it is: no automatic failback until it moves again. */
  held: boolean;
}

/** How one member sees its cluster and the others. Epochs are `N.MEMBER`, `-` where none is known. */
export interface ClusterReport {
  network: string;
  /** The member that tells. */
  node: string;
  cluster: string;
  role: Role;
  /** The highest that is known. */
  epoch: string;
  drained: boolean;
  /** Who is active, as far as it knows. */
  active?: string;
  /** The member that comes first. */
  preferred: string;
  failback: 'automatic' | 'manual';
  /** The operator put the role where it is: no automatic failback until it moves again. */
  held: boolean;
  /** Why this standby does not claim now, and for how long, where time alone decides. */
  waiting?: { why: string; leftMs?: number };
  /** Hold-downs are this many times longer than configured, after so many changes of role in ten minutes. */
  patience: { factor: number; changes: number };
  redis: RedisReport;
  members: MemberReport[];
  clusters: OtherClusterReport[];
  /** Newest first, since this process started. */
  failovers: FailoverReport[];
}

export interface RedisReport {
  state: 'answers' | 'silent' | 'not configured';
  /** What the register holds. */
  epoch?: string;
  /** Since when it answers, or when it last did; left out where it never did. */
  sinceMs?: number;
}

export interface MemberReport {
  name: string;
  here: boolean;
  /** What the member says of itself; left out where it has said nothing yet. */
  record?: {
    role: Role;
    epoch: string;
    able: boolean;
    lan: boolean;
    serve: boolean;
    held: boolean;
    /** Peers that it reaches, and which. */
    score: number;
    direct: string[];
    throughHub: string[];
    /** How many of its uplinks are usable, and how many are not. */
    uplinks: { usable: number; lost: number };
  };
  /** How it is heard; ms since, where it ever was. Left out of the member that tells. */
  heard?: { now: boolean; lanMs?: number; redisMs?: number; witnesses: string[] };
}

export interface OtherClusterReport {
  name: string;
  gateway: boolean;
  epoch: string;
  members: { name: string; up: boolean; role?: Role }[];
  /** Node that packets for it go to, and whether that is a member, a hub, or our partner. */
  way: 'direct' | 'hub' | 'partner' | 'none';
  through?: string;
}

export interface FailoverReport {
  /** Wall-clock time of the decision, ISO 8601. */
  at: string;
  from: Role;
  to: Role;
  epoch: string;
  why: string;
  /** What was known at that moment. */
  evidence: Evidence;
  /** In order; offsets count from `at`. */
  steps: FailoverStep[];
}

export interface FailoverStep {
  offsetMs: number;
  what: string;
}
