/** What the control socket tells of ways: uplinks, paths, and what a ping or a check of the network has found. */

export interface UplinksReport {
  node: string;
  uplinks: UplinkReport[];
}

export interface UplinkReport {
  name: string;
  /** Name of the provider. */
  isp?: string;
  device?: string;
  /** With their lengths. */
  addresses: string[];
  /** Next hops; `on-link` where there is none to name. */
  gateways: string[];
  state: 'up' | 'degraded' | 'down';
  /** Since when, and why it is not well; codes are stable. */
  sinceMs: number;
  reasons: { code: string; text: string }[];
  cost: number;
  /** Paths to nodes that go by it, and how many of them are up or degraded. */
  paths: { total: number; usable: number };
  /** Whether local breakout leaves by it now. */
  breakout: boolean;
  lastChange?: { agoMs: number; from: string; to: string; why: string };
}

export interface PathsReport {
  node: string;
  peers: PeerPathsReport[];
}

export interface PeerPathsReport {
  name: string;
  /** Some path has worked: it is one of our own nodes, and not plain WireGuard. */
  bfd: boolean;
  /** Why its traffic goes where it goes. */
  why?: string;
  /** Endpoints that are names without an address, `name:port`. */
  unresolved?: string[];
  paths: PathReport[];
}

/** A way to a node: an uplink of ours and a place where it is reached. */
export interface PathReport {
  uplink: string;
  /** `address:port` */
  remote: string;
  /** The peer has shown it by speaking from there; it is not configured. */
  learned: boolean;
  /** The peer's uplink at the other end, and from where it sees our packets come (`address:port`), where it has told. */
  peerUplink?: string;
  seenAs?: string;
  inUse: boolean;
  state: 'up' | 'degraded' | 'down';
  /** Since when, and why it is not well; empty where it is. */
  sinceMs: number;
  why: string;
  cost: number;
  /** How often it is probed. */
  probeMs?: number;
  /** Smoothed round-trip time through the tunnel, and its variation; left out before the first answer. */
  rttMs?: number;
  jitterMs?: number;
  /** The largest inner packet that it carries, and whether larger ones are being tried; left out where nobody has asked. */
  mtu?: number;
  mtuSearching?: boolean;
  /** Of the last 1, 10 and 60 s; null where nothing was measured. */
  lossPercent: { s1: number | null; s10: number | null; s60: number | null };
}

/** One question to a node by each of its paths, or by those that are named. */
export interface PingRequest {
  node: string;
  /** `REMOTE` or `UPLINK/REMOTE` as in PathReport. */
  path?: string;
  /** Name of one of our uplinks. */
  uplink?: string;
}

export interface PingReport {
  node: string;
  peer: string;
  answers: PingAnswer[];
}

export interface PingAnswer {
  uplink: string;
  /** `address:port` */
  remote: string;
  /** The peer's uplink at the other end of the path, where it has told. */
  peerUplink?: string;
  inUse: boolean;
  /** What is known of the path, as in PathReport. */
  state: 'up' | 'degraded' | 'down';
  sinceMs: number;
  why: string;
  /** Left out where no answer came. */
  rttMs?: number;
  /** The answer came back by another path; its uplink, where that is known. */
  cameBy?: { uplink?: string; remote: string };
}

/** What can be said of each way out from the paths that go by it. */
export interface NetcheckReport {
  node: string;
  uplinks: NetcheckUplink[];
}

export interface NetcheckUplink extends Omit<UplinkReport, 'cost' | 'breakout' | 'lastChange'> {
  /** `well`, or which fault it has, and whose it seems to be. */
  verdict: { grade: 'well' | 'poor' | 'bad'; text: string };
  /** Over its usable paths; left out where nothing was measured. */
  lossPercent?: Range;
  rttMs?: Range;
  jitterMs?: Range;
  /** Inner packets that its paths carry, where that has been found. */
  mtu?: Range;
  /** As which `address:port` nodes see it. */
  seen: SeenReport[];
  /** Whether it is seen as another address or port than its own. */
  nat: 'no' | 'yes' | 'unknown';
  /** Whether all who are sent to from one port see the same (endpoint-independent mapping, RFC 4787). */
  mapping: 'same' | 'differs' | 'unknown';
}

export interface Range {
  best: number;
  worst: number;
}

export interface SeenReport {
  as: string;
  peer: string;
  /** Where the peer is spoken to. */
  remote: string;
  /** How long ago the peer last said so. */
  agoMs: number;
}
