/**
 * The validated configuration: names resolved to indices, text to bytes, files to absolute paths. Everything that uses
 * configuration uses this, and may rely on what validation promised. Plain data, frozen by type.
 *
 * Indices are positions in the lists below, in file order. Roles are no part of configuration: the first member of a
 * cluster is merely preferred.
 */
import type { Prefix } from '../base/prefix.js';
import type { HostPort, InterfaceAddress } from './address.js';

export interface Configuration {
  readonly network: NetworkConfiguration;
  readonly clusters: readonly ClusterConfiguration[];
  readonly nodes: readonly NodeConfiguration[];
  readonly externals: readonly ExternalConfiguration[];
  readonly routes: readonly RouteConfiguration[];
  readonly nats: readonly NatConfiguration[];
  /** Index of this machine's node. */
  readonly self: number;
  /** Index of its cluster. */
  readonly cluster: number;
  /** Its place in that cluster's members. */
  readonly memberIndex: number;
  readonly local: LocalConfiguration;
}

export interface NetworkConfiguration {
  readonly name: string;
  readonly cidrs: readonly Prefix[];
  readonly mtu: number;
}

export interface ClusterConfiguration {
  readonly index: number;
  readonly name: string;
  /** Node indices; the first is preferred. Never empty. */
  readonly members: readonly number[];
  /** Of the key that its members share; undefined: it serves no external peers. */
  readonly publicKey: Uint8Array | undefined;
  readonly failback: 'automatic' | 'manual';
  readonly sites: readonly Prefix[];
  readonly natUnmatched: 'drop' | 'identity';
  readonly gateway: boolean;
  readonly vip: InterfaceAddress | undefined;
  readonly aws: AwsConfiguration | undefined;
}

export interface AwsConfiguration {
  /** Undefined: by the SDK's own chain. */
  readonly region: string | undefined;
  readonly routeTables: readonly string[];
  /** What is routed to the active member, in every table. Never empty. */
  readonly cidrs: readonly Prefix[];
  /** Undefined: AWS's own, or AWS_ENDPOINT_URL. */
  readonly endpoint: string | undefined;
}

export interface NodeConfiguration {
  readonly index: number;
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** Empty: the node dials out and cannot be dialled. */
  readonly endpoints: readonly HostPort[];
  /** Where its cluster partners dial it. */
  readonly lanEndpoint: HostPort | undefined;
  readonly cluster: number;
  readonly memberIndex: number;
}

/** Addresses inside a tunnel between which an external peer speaks BFD: 4 or 16 bytes, of one family. */
export interface WatchConfiguration {
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
}

/** A plain WireGuard router, which a cluster serves under the key that its members share. */
export interface ExternalConfiguration {
  readonly index: number;
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** Empty: it dials the cluster. */
  readonly endpoints: readonly HostPort[];
  /** 0 = off. */
  readonly persistentKeepaliveMs: number;
  /** Undefined: it speaks none. */
  readonly bfd: WatchConfiguration | undefined;
  /** The cluster that serves it. */
  readonly cluster: number;
}

/** Where a route leads: a cluster's index, the WAN device, or nowhere. */
export type RouteTarget = number | 'wan' | 'blackhole';

export interface RouteConfiguration {
  readonly index: number;
  readonly prefix: Prefix;
  readonly metric: number;
  readonly target: RouteTarget;
  /** The external peer behind that cluster to which it leads; undefined: the cluster's own site. */
  readonly external: number | undefined;
  readonly description: string | undefined;
  /** Line in network.yaml, as evidence. */
  readonly line: number;
}

export interface NatConfiguration {
  readonly index: number;
  readonly local: Prefix;
  readonly network: Prefix;
  readonly cluster: number;
  readonly description: string | undefined;
  /** Line in network.yaml, as evidence. */
  readonly line: number;
}

/** What answers on the internet while an uplink works. */
export interface ProbeConfiguration {
  /** For people and reasons: `ping 192.0.2.7`. */
  readonly name: string;
  readonly kind: 'ping' | 'tcp' | 'dns';
  readonly address: Uint8Array;
  /** 0 for ping. */
  readonly port: number;
  /** Of dns; '' is the root. */
  readonly query: string;
}

export interface UplinkConfiguration {
  readonly name: string;
  readonly device: string | undefined;
  readonly address: Uint8Array | undefined;
  readonly gateway: Uint8Array | undefined;
  readonly cost: number;
  readonly weight: number;
  readonly isp: string | undefined;
  readonly probes: readonly ProbeConfiguration[];
  readonly probeMs: number;
}

export type OffloadSwitch = 'auto' | 'on' | 'off';
export type OffloadName = 'tunCsum' | 'tunTso' | 'tunUso' | 'tunGro' | 'udpGso' | 'udpGro';
/** Whether the node's threads compete with the machine's programs, or come before them. */
export type Scheduling = 'normal' | 'realtime';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Programs of the operator; absolute paths. */
export interface HooksConfiguration {
  readonly onActive: string | undefined;
  readonly onStandby: string | undefined;
  readonly timeoutMs: number;
}

export interface LocalConfiguration {
  /** Absolute path of network.yaml. */
  readonly networkFile: string;
  readonly privateKeyFile: string;
  /** Private key that the members of the cluster share. */
  readonly clusterKeyFile: string | undefined;
  /** By node index of the peer. */
  readonly presharedKeyFiles: ReadonlyMap<number, string>;
  /** By index of the external peer. */
  readonly externalPresharedKeyFiles: ReadonlyMap<number, string>;
  readonly lan: { readonly device: string; readonly tun: string; readonly address: Uint8Array | undefined };
  readonly wan: { readonly tun: string };
  readonly uplinks: readonly UplinkConfiguration[];
  readonly listenPort: number;
  readonly redisUrl: string | undefined;
  /** Absolute path of the authority's certificate; undefined: the public authorities. */
  readonly redisCaFile: string | undefined;
  readonly hooks: HooksConfiguration;
  readonly stateDir: string;
  readonly runDir: string;
  /** Name under /var/run/wireguard; undefined: no UAPI socket. */
  readonly uapiName: string | undefined;
  readonly workers: number;
  readonly scheduling: Scheduling;
  readonly offload: Readonly<Record<OffloadName, OffloadSwitch>>;
  /** Those of them that the command line has chosen. */
  readonly offloadChosen: Readonly<Partial<Record<OffloadName, OffloadSwitch>>>;
  readonly logLevel: LogLevel;
}

/** Path of the control socket of the node `name`. */
export function controlSocketPath(runDir: string, name: string): string {
  return `${runDir}/${name}.sock`;
}

/** The other nodes with which this node keeps sessions: every node but itself, in index order. */
export function peersOf(configuration: Configuration): NodeConfiguration[] {
  return configuration.nodes.filter((node) => node.index !== configuration.self);
}

/** The external peers that this node's cluster serves, in index order. */
export function externalsOf(configuration: Configuration): ExternalConfiguration[] {
  return configuration.externals.filter(({ cluster }) => cluster === configuration.cluster);
}

/** Where this node dials `peer`: its LAN endpoint for a partner that has one, else its endpoints; empty: it dials us. */
export function endpointsOf(configuration: Configuration, peer: NodeConfiguration): readonly HostPort[] {
  const overLan = peer.cluster === configuration.cluster && peer.lanEndpoint !== undefined;
  return overLan ? [peer.lanEndpoint as HostPort] : peer.endpoints;
}

/** `to CLUSTER`, `to EXTERNAL at CLUSTER`, `via wan`, `blackhole` */
export function targetText(configuration: Configuration, { target, external }: RouteConfiguration): string {
  if (target === 'wan') return 'via wan';
  if (target === 'blackhole') return 'blackhole';
  const { name } = configuration.clusters[target];
  return external === undefined ? `to ${name}` : `to ${configuration.externals[external].name} at ${name}`;
}
