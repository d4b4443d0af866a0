/** What the node tells about itself: the reports of observe/report.ts, read from the running parts. */
import { endpointAddress, endpointPort } from '../../core/base/endpoint.js';
import { TwinspanError } from '../../core/base/errors.js';
import { formatKey } from '../../core/base/key.js';
import { covers } from '../../core/base/prefix.js';
import type { Epoch } from '../../core/cluster/register.js';
import { formatEndpoint, formatPrefix, parseAddress } from '../../core/config/address.js';
import { type RouteConfiguration, targetText } from '../../core/config/configuration.js';
import {
  AVAILABLE_HERE,
  COUNT_RX_BYTES,
  COUNT_RX_PACKETS,
  COUNT_TX_BYTES,
  COUNT_TX_PACKETS,
} from '../../core/router/memory.js';
import type { DeviceReport, NatReport, PeerReport, RoutesReport, StatusReport } from '../observe/report.js';
import { targetNumber } from './directory.js';
import type { Node } from './node.js';
import { offloadReports } from './offload-report.js';
import { type ReportedPeer, reportedPeers } from './reported-peers.js';
import type { Schedule } from './scheduling.js';

/** `status`. */
export function statusReport(node: Node, version: string, configFile: string): StatusReport {
  const { configuration, native } = node;
  const { clusters, cluster, nodes, self, local, network } = configuration;
  const memory = process.memoryUsage();
  return {
    version,
    network: network.name,
    node: nodes[self].name,
    cluster: clusters[cluster].name,
    role: node.cluster.node.member.role,
    ...(node.cluster.node.member.epoch !== undefined && epochReport(node.cluster.node.member.epoch)),
    drained: node.cluster.node.member.drained,
    uptimeMs: Math.round(native.now() - node.startedAtMs),
    publicKey: formatKey(node.wireguard.publicKey),
    listenPort: local.listenPort,
    configFile,
    workers: node.dataplane.reports(),
    scheduling: schedulingReport(node.machine.schedule),
    devices: deviceReports(node),
    offloads: offloadReports({
      offload: local.offload,
      offloadChosen: local.offloadChosen,
      machine: node.machine,
      demotions: node.dataplane.demotions,
    }),
    pauses: node.pauses.reports(),
    peers: reportedPeers(node).map((peer) => peerReport(node, peer)),
    drops: node.dataplane.drops(),
    handshakeDrops: Object.fromEntries(Object.entries(node.wireguard.drops).filter(([, count]) => count > 0)),
    memory: { rssBytes: memory.rss, heapUsedBytes: memory.heapUsed, externalBytes: memory.external },
  };
}

function schedulingReport({ workerPriority, refusal }: Schedule): StatusReport['scheduling'] {
  return { realtime: workerPriority > 0, ...(refusal !== '' && { reason: refusal }) };
}

function epochReport({ n, member }: Epoch): Pick<StatusReport, 'epoch'> {
  return { epoch: { n, memberIndex: member } };
}

function deviceReports(node: Node): DeviceReport[] {
  const { machine, configuration } = node;
  const mtu = configuration.network.mtu;
  return [
    { role: 'lan', name: machine.lanTun, state: 'up', mtu },
    { role: 'wan', name: machine.wanTun, state: 'up', mtu },
    ...machine.sockets.map(({ name }, place): DeviceReport => {
      const up = node.pathing.uplinkReason(place) === '';
      return { role: 'uplink', name, state: up ? 'up' : 'down' };
    }),
  ];
}

function peerReport(node: Node, peer: ReportedPeer): PeerReport {
  const { native, configuration, machine, dataplane } = node;
  const now = native.now();
  const record = node.paths.current(peer.number);
  const count = (counter: number): number => dataplane.count(peer.number, counter);
  const { up, establishedAtMs } = peer;
  const rttMs = node.pathing.rttMs(peer.number);
  const uplinkName = node.pathing.get(peer.number)?.manager.current?.uplink.name;
  return {
    name: peer.name,
    cluster: configuration.clusters[peer.cluster].name,
    state: up ? 'up' : peer.dialled || record !== undefined ? 'connecting' : 'down',
    publicKey: formatKey(peer.publicKey),
    ...(record !== undefined && { endpoint: formatEndpoint(endpointAddress(record), endpointPort(record)) }),
    ...(Number.isFinite(establishedAtMs) && { lastHandshakeAgeMs: Math.round(now - establishedAtMs) }),
    ...(up && rttMs > 0 && { rttMs: Math.round(rttMs * 100) / 100 }),
    rxBytes: count(COUNT_RX_BYTES),
    txBytes: count(COUNT_TX_BYTES),
    rxPackets: count(COUNT_RX_PACKETS),
    txPackets: count(COUNT_TX_PACKETS),
    ...(record !== undefined && { path: uplinkName ?? machine.sockets[record[1]]?.name ?? 'unknown' }),
  };
}

/** `routes`: all of them, or those that cover `address`, best first, the one that packets take marked. */
export function routesReport(node: Node, address: string | undefined): RoutesReport {
  const bytes = address === undefined ? undefined : parseAddress(address);
  if (address !== undefined && bytes === undefined) {
    throw new TwinspanError('TS_REQUEST_INVALID', `'${address}' is not an IPv4 or IPv6 address.`);
  }
  const routes = [...node.configuration.routes].filter(
    (route) => bytes === undefined || covers(route.prefix, bytes),
  );
  if (bytes !== undefined) {
    routes.sort((a, b) => b.prefix.length - a.prefix.length || a.metric - b.metric || a.index - b.index);
  }
  const first = routes.find((route) => isAvailable(node, route));
  return {
    ...(address !== undefined && { address }),
    routes: routes.map((route) => {
      const available = isAvailable(node, route);
      const serving =
        route.target === 'wan' ? -1 : (node.tables.available[targetNumber(node.configuration, route)] ?? -1);
      return {
        cidr: formatPrefix(route.prefix),
        target: targetText(node.configuration, route),
        metric: route.metric,
        available,
        selected: bytes === undefined ? available : route === first,
        ...(serving >= 0 && serving !== AVAILABLE_HERE && { peer: node.peerName(serving) }),
        ...(route.description !== undefined && { description: route.description }),
        line: route.line,
      };
    }),
  };
}

function isAvailable(node: Node, route: RouteConfiguration): boolean {
  return (
    typeof route.target !== 'number' || node.tables.available[targetNumber(node.configuration, route)] >= 0
  );
}

/** `nat`. */
export function natReport(node: Node): NatReport {
  const { configuration } = node;
  return {
    unmatched: configuration.clusters[configuration.cluster].natUnmatched,
    nats: configuration.nats.map((nat) => ({
      local: formatPrefix(nat.local),
      network: formatPrefix(nat.network),
      cluster: configuration.clusters[nat.cluster].name,
      here: nat.cluster === configuration.cluster,
      ...(nat.description !== undefined && { description: nat.description }),
      line: nat.line,
    })),
  };
}
