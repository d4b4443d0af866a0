/** `ping`: asks a node by its paths, inside the tunnel, and says by which of them an answer came, and how soon. */
import { endpointAddress, endpointPort, sameEndpoint } from '../../core/base/endpoint.js';
import { TwinspanError } from '../../core/base/errors.js';
import { formatEndpoint } from '../../core/config/address.js';
import type { Path } from '../../core/path/path.js';
import type { PingAnswer, PingReport, PingRequest } from '../observe/path-reports.js';
import type { Node } from './node.js';
import type { PeerPaths } from './peer-paths.js';

const WAIT_MS = 2_000;

/** Asks once by each path that is meant. Throws TS_REQUEST_INVALID, TS_NO_SESSION. */
export async function ping(node: Node, request: PingRequest): Promise<PingReport> {
  const peer = findPeer(node, request.node);
  const paths = findPaths(peer, request);
  if (!peer.hasSession) {
    const hint = `See why: twinspan paths ${peer.name}`;
    throw new TwinspanError('TS_NO_SESSION', `There is no session with ${peer.name} now.`, hint);
  }
  if (node.pathing.pings.room < paths.length) {
    throw new TwinspanError('TS_REQUEST_INVALID', 'Too many pings are under way.', 'Wait for them.');
  }
  const answers = await Promise.all(paths.map((path) => askBy(node, peer, path)));
  const { nodes, self } = node.configuration;
  return { node: nodes[self].name, peer: peer.name, answers };
}

/** The paths of the node with this name. Throws TS_REQUEST_INVALID for anything that cannot be asked. */
function findPeer(node: Node, name: string): PeerPaths {
  const { configuration, pathing, directory } = node;
  const { nodes, self, externals } = configuration;
  const peers = pathing.peers;
  const found = peers.find((peer) => peer.name === name);
  if (found !== undefined) return found;
  const refuse = (message: string, hint?: string): TwinspanError =>
    new TwinspanError('TS_REQUEST_INVALID', message, hint);
  if (nodes[self].name === name) throw refuse(`${name} is this node.`, 'Name another one.');
  if (externals.some((external) => external.name === name)) {
    const served = directory.externals.some(({ external }) => external.name === name);
    const hint = served ? 'When it was last heard: twinspan status' : undefined;
    throw refuse(`${name} is a plain WireGuard peer: it answers no pings inside the tunnel.`, hint);
  }
  if (nodes.some((other) => other.name === name)) {
    const hint = 'One of the two needs an endpoint, or they meet through a hub.';
    throw refuse(`${name} has no path to this node: neither knows where the other is.`, hint);
  }
  const names = peers.map((peer) => peer.name).join(', ');
  throw refuse(`There is no node '${name}'.`, names === '' ? 'There are no other nodes.' : `Nodes: ${names}`);
}

/** The paths that the request means; all if it names none. Throws TS_REQUEST_INVALID where there are none. */
function findPaths({ name, manager }: PeerPaths, { path, uplink }: PingRequest): Path[] {
  const { paths } = manager;
  const all = paths.map(labelOf).join(', ');
  const hint = all === '' ? `No uplink leads to an endpoint of ${name}.` : `Paths: ${all}`;
  const found = paths.filter(
    (one) =>
      (uplink === undefined || one.uplink.name === uplink) &&
      (path === undefined || path === labelOf(one) || path === remoteOf(one.endpoint)),
  );
  if (found.length > 0) return found;
  const words = [uplink && `by the uplink '${uplink}'`, path && `'${path}'`].filter(Boolean).join(' ');
  throw new TwinspanError('TS_REQUEST_INVALID', `There is no path ${words}${words && ' '}to ${name}.`, hint);
}

async function askBy(node: Node, peer: PeerPaths, path: Path): Promise<PingAnswer> {
  const { pathing, native } = node;
  const { endpoint, uplink, health } = path;
  const silent = pathing.uplinkReason(uplink.id) !== '';
  const pong = silent ? undefined : await pathing.pings.send(peer, path, WAIT_MS);
  return {
    uplink: uplink.name,
    remote: remoteOf(endpoint),
    ...(path.peerUplink !== '' && { peerUplink: path.peerUplink }),
    inUse: peer.manager.current === path,
    state: health.state,
    sinceMs: Math.round(native.now() - health.sinceMs),
    why: health.reason,
    ...(pong !== undefined && { rttMs: Math.round(pong.rttMs * 100) / 100 }),
    ...(pong?.elsewhere && { cameBy: placeOf(peer, pong.from) }),
  };
}

/** Words for a place that an answer came from. */
function placeOf({ manager }: PeerPaths, from: Uint8Array): PingAnswer['cameBy'] {
  const path = manager.paths.find(({ endpoint }) => sameEndpoint(endpoint, from));
  return { ...(path !== undefined && { uplink: path.uplink.name }), remote: remoteOf(from) };
}

function labelOf({ uplink, endpoint }: Path): string {
  return `${uplink.name}/${remoteOf(endpoint)}`;
}

function remoteOf(endpoint: Uint8Array): string {
  return formatEndpoint(endpointAddress(endpoint), endpointPort(endpoint));
}
