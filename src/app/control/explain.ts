/**
 * `explain`: runs a sample packet through the data path's own router, on scratch memory and a copy of the peer table (so
 * that no clock or counter of the running node moves), and tells what it decided from the evidence in the row.
 */

import { endpointAddress, endpointPort } from '../../core/base/endpoint.js';
import { TwinspanError } from '../../core/base/errors.js';
import { wordAt } from '../../core/base/prefix.js';
import { formatAddress, formatEndpoint, formatPrefix, parseAddress } from '../../core/config/address.js';
import type { Configuration, RouteConfiguration } from '../../core/config/configuration.js';
import { clearRow } from '../../core/packet/clear-row.js';
import { DROP_REASONS, type DropReason } from '../../core/packet/drop.js';
import {
  ROW_NAT,
  ROW_OFFSET,
  ROW_PEER,
  ROW_REASON,
  ROW_ROUTE,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_DROP,
  VERDICT_LAN,
  VERDICT_SEAL,
} from '../../core/packet/rows.js';
import { createRouterMemory, RouterMemory } from '../../core/router/memory.js';
import { Router } from '../../core/router/router.js';
import { encodeSample } from '../../core/router/sample.js';
import { PeerTable } from '../../core/wireguard/tables.js';
import type { ExplainReport, ExplainRequest } from '../observe/report.js';
import { icmpText, reasonText } from './explain-text.js';
import type { Node } from './node.js';
import { ownNats } from './snapshot.js';

/** Reasons to drop a packet before anybody looks for its route. */
const BEFORE_ROUTING: readonly string[] = ['source-invalid', 'destination-invalid', 'reverse-path'];

type Step = ExplainReport['steps'][number];

/** What `node` would do with the packet of `request`. Throws TS_REQUEST_INVALID where it makes no packet. */
export function explain(node: Node, request: ExplainRequest): ExplainReport {
  const source = parseAddress(request.src);
  const destination = parseAddress(request.dst);
  if (source === undefined || destination === undefined || source.length !== destination.length) {
    throw new TwinspanError('TS_REQUEST_INVALID', 'Two addresses of one family are wanted.');
  }
  const packet = encodeSample(source, destination, request.protocol, request.port ?? 0);
  const { router, memory } = scratch(node, packet);
  const from = senderOf(node, source);
  if (from < 0) router.handleLan(0, 1);
  else router.handleInner(0, from);
  const steps: Step[] = [arrival(node, from)];
  const row = memory.rows.subarray(0, ROW_STRIDE);
  const reason = DROP_REASONS[row[ROW_REASON]];
  if (from >= 0 && !reason.endsWith('-invalid')) steps.push(reversePath(node, request.src, from, reason));
  if (!BEFORE_ROUTING.includes(reason)) {
    steps.push(...decisions(node, request, row, memory.arena, from >= 0));
  }
  const verdict =
    row[ROW_VERDICT] === VERDICT_DROP
      ? 'dropped'
      : row[ROW_VERDICT] === VERDICT_LAN
        ? 'delivered'
        : 'forwarded';
  if (verdict !== 'dropped') return { request, steps, verdict };
  const icmp = router.replyCount > 0 ? icmpText(memory.arena, memory.scratchAt) : undefined;
  steps.push({ stage: 'drop', text: reasonText(reason) });
  return { request, steps, verdict, reason: reason as DropReason, ...(icmp !== undefined && { icmp }) };
}

/** A router of our own with the packet in its first row. */
function scratch(node: Node, packet: Uint8Array): { router: Router; memory: RouterMemory } {
  const memory = new RouterMemory(
    createRouterMemory({
      batchRows: 1,
      slotBytes: 2048,
      sourceCount: 1,
      peerCapacity: node.tables.peers.capacity,
      ringBytes: 4096,
    }),
  );
  const peers = PeerTable.create(node.tables.peers.capacity);
  new Uint8Array(peers.buffer).set(new Uint8Array(node.tables.peers.buffer));
  memory.arena.set(packet, 256);
  clearRow(memory.rows, 0, 256, packet.length);
  const router = new Router(memory, { ...node.tables, peers }, node.snapshot);
  router.now = node.native.now();
  return { router, memory };
}

/** The peer from whose site the source speaks, or −1 for our own site. */
function senderOf(node: Node, source: Uint8Array): number {
  const { routes } = node.scratchView();
  const { available } = node.tables;
  const route =
    source.length === 4
      ? routes.resolve4(wordAt(source, 0) | 0, available)
      : routes.resolve6(
          wordAt(source, 0) | 0,
          wordAt(source, 4) | 0,
          wordAt(source, 8) | 0,
          wordAt(source, 12) | 0,
          available,
        );
  if (route < 0) return -1;
  const target = routes.targetOf(route);
  const { cluster, clusters } = node.configuration;
  if (target < 0 || target === cluster || target === clusters.length) return -1;
  return available[target];
}

function arrival(node: Node, from: number): Step {
  const { local } = node.configuration;
  return from < 0
    ? {
        stage: 'arrives',
        text: `from the site by ${local.lan.device}, and the kernel routes it to ${local.lan.tun}`,
      }
    : { stage: 'arrives', text: `through the tunnel from ${node.peerName(from)}` };
}

function reversePath(node: Node, source: string, from: number, reason: string): Step {
  const ok = reason !== 'reverse-path';
  const text = ok
    ? `${source} belongs behind ${node.peerName(from)}`
    : `${source} does not belong behind ${node.peerName(from)}`;
  return { stage: 'source', text };
}

function decisions(
  node: Node,
  request: ExplainRequest,
  row: Int32Array,
  arena: Uint8Array,
  opened: boolean,
): Step[] {
  const steps: Step[] = [routeStep(node, request, row)];
  const nat = natStep(node, request, row, arena, opened);
  if (nat !== undefined) steps.push(nat);
  const { machine, configuration } = node;
  if (row[ROW_VERDICT] === VERDICT_LAN) {
    steps.push({
      stage: 'deliver',
      text: `out by ${machine.lanTun} to the site ${configuration.local.lan.device}`,
    });
  } else if (row[ROW_VERDICT] === VERDICT_SEAL) {
    steps.push(sealStep(node, row[ROW_PEER]));
  } else if (row[ROW_VERDICT] !== VERDICT_DROP) {
    steps.push({ stage: 'breakout', text: `out by ${machine.wanTun}` });
  }
  return steps;
}

function routeStep(node: Node, request: ExplainRequest, row: Int32Array): Step {
  const route = node.configuration.routes[node.routes.placeOf(row[ROW_ROUTE])];
  if (route === undefined) return { stage: 'route', text: `no route covers ${request.dst}` };
  return {
    stage: 'route',
    text: `${request.dst} matches ${formatPrefix(route.prefix)} to ${targetName(node.configuration, route)}`,
    evidence: `network.yaml line ${route.line}`,
  };
}

function targetName(
  { clusters, cluster, externals }: Configuration,
  { target, external }: RouteConfiguration,
): string {
  if (typeof target === 'string') return target;
  const { name } = clusters[target];
  if (external !== undefined) return `external peer ${externals[external].name} of ${name}`;
  return target === cluster ? `${name}, which is here` : name;
}

function natStep(
  node: Node,
  request: ExplainRequest,
  row: Int32Array,
  arena: Uint8Array,
  opened: boolean,
): Step | undefined {
  const entry = ownNats(node.configuration)[row[ROW_NAT]];
  if (entry === undefined) {
    const drop = DROP_REASONS[row[ROW_REASON]];
    if (drop === 'no-nat-source') return { stage: 'nat', text: `no inside NAT covers ${request.src}` };
    if (drop === 'no-nat-destination') return { stage: 'nat', text: `no inside NAT covers ${request.dst}` };
    return undefined;
  }
  const inward = opened || row[ROW_VERDICT] === VERDICT_LAN;
  const offset = row[ROW_OFFSET];
  const v4 = entry.local.family === 4;
  const at = offset + (v4 ? (inward ? 16 : 12) : inward ? 24 : 8);
  const now = formatAddress(arena.slice(at, at + (v4 ? 4 : 16)));
  return {
    stage: 'nat',
    text: inward ? `destination ${request.dst} becomes ${now}` : `source ${request.src} becomes ${now}`,
    evidence: `inside NAT, network.yaml line ${entry.line}${entry.description === undefined ? '' : `: ${entry.description}`}`,
  };
}

function sealStep(node: Node, peer: number): Step {
  const record = node.paths.current(peer);
  const to =
    record === undefined ? '' : ` at ${formatEndpoint(endpointAddress(record), endpointPort(record))}`;
  return { stage: 'tunnel', text: `sealed and sent to ${node.peerName(peer)}${to}` };
}
