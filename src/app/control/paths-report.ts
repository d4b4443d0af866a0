/** `paths`: every path to our own nodes, as measured. */

import { ENDPOINT_SOCKET, endpointAddress, endpointPort } from '../../core/base/endpoint.js';
import { TwinspanError } from '../../core/base/errors.js';
import { formatEndpoint } from '../../core/config/address.js';
import type { Path } from '../../core/path/path.js';
import { LOSS_WINDOWS_MS } from '../../core/path/quality.js';
import type { PathReport, PathsReport, PeerPathsReport } from '../observe/path-reports.js';
import type { Node } from './node.js';
import type { PeerPaths } from './peer-paths.js';

/** All paths, or those of one peer. Throws TS_REQUEST_INVALID where there is no such peer. */
export function pathsReport(node: Node, peer: string | undefined): PathsReport {
  const all = [...node.pathing.peers.map((one) => peerPathsReport(node, one)), ...watchedReports(node)];
  const peers = peer === undefined ? all : all.filter(({ name }) => name === peer);
  if (peer !== undefined && peers.length === 0) {
    const names = all.map(({ name }) => name).join(', ');
    throw new TwinspanError('TS_REQUEST_INVALID', `There is no peer '${peer}'.`, `Peers: ${names}`);
  }
  const { nodes, self } = node.configuration;
  return {
    node: nodes[self].name,
    peers,
  };
}

function peerPathsReport(node: Node, peer: PeerPaths): PeerPathsReport {
  return {
    name: peer.name,
    bfd: peer.isOurs,
    ...(peer.why !== '' && { why: peer.why }),
    ...unresolvedOf(node, peer.number),
    paths: peer.manager.paths.map((path) => pathReport(node, peer, path)),
  };
}

/** External peers that are watched by BFD have one path: where they are. */
function watchedReports(node: Node): PeerPathsReport[] {
  const { uplinks } = node.configuration.local;
  return node.directory.externals.flatMap(({ number, external: { name } }) => {
    const watch = node.externals.watch.get(number);
    const record = node.paths.current(number);
    if (watch === undefined || record === undefined) return [];
    const { name: uplink = 'unknown', cost = 0 } = uplinks[record[ENDPOINT_SOCKET]] ?? {};
    const path: PathReport = {
      uplink,
      remote: formatEndpoint(endpointAddress(record), endpointPort(record)),
      learned: false,
      inUse: true,
      state: watch.verdict === 'up' ? 'up' : 'down',
      sinceMs: Math.round(node.native.now() - watch.sinceMs),
      why: watch.why,
      cost,
      lossPercent: { s1: null, s10: null, s60: null },
    };
    return [{ name, bfd: watch.verdict !== 'unknown', paths: [path] }];
  });
}

function unresolvedOf(node: Node, peer: number): Pick<PeerPathsReport, 'unresolved'> {
  const unresolved = node.pathing.unresolved(peer);
  return unresolved.length === 0 ? {} : { unresolved };
}

/** One path of a peer. */
export function pathReport(node: Node, { manager }: PeerPaths, path: Path): PathReport {
  const { quality, health, uplink, endpoint, session, mtu } = path;
  const now = node.native.now();
  const measured = quality.answered > 0;
  const round = (ms: number): number => Math.round(ms * 100) / 100;
  const lossOver = (windowMs: number): number | null =>
    quality.samples(windowMs, now) === 0 ? null : Math.round(quality.loss(windowMs, now) * 1_000) / 10;
  const [s1, s10, s60] = LOSS_WINDOWS_MS.map(lossOver);
  const { intervalMs } = session.offload;
  return {
    uplink: uplink.name,
    remote: formatEndpoint(endpointAddress(endpoint), endpointPort(endpoint)),
    learned: path.isLearned,
    ...(path.peerUplink !== '' && { peerUplink: path.peerUplink }),
    ...(path.seen && { seenAs: formatEndpoint(path.seen.address, path.seen.port) }),
    inUse: manager.current === path,
    state: health.state,
    sinceMs: Math.round(now - health.sinceMs),
    why: health.reason,
    cost: path.cost,
    ...(Number.isFinite(intervalMs) && { probeMs: Math.round(intervalMs) }),
    ...(measured && { rttMs: round(quality.rttMs), jitterMs: round(quality.jitterMs) }),
    ...(mtu.isMeasured && { mtu: mtu.bytes, mtuSearching: mtu.isSearching }),
    lossPercent: { s1, s10, s60 },
  };
}
