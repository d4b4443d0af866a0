/** `netcheck`: what the paths to all nodes say of each uplink, and how it looks from outside. */
import { networkInterfaces } from 'node:os';
import { ENDPOINT_SOCKET } from '../../core/base/endpoint.js';
import { formatAddress } from '../../core/config/address.js';
import { LOSS_NONE } from '../../core/path/health.js';
import type { Path } from '../../core/path/path.js';
import type {
  NetcheckReport,
  NetcheckUplink,
  PathReport,
  Range,
  UplinkReport,
} from '../observe/path-reports.js';
import type { Node } from './node.js';
import { type OutsideView, type Seen, viewFromOutside } from './outside.js';
import { pathReport } from './paths-report.js';
import { uplinksReport } from './uplink-report.js';
import { type JudgedPath, type JudgedUplink, verdictOn } from './verdict.js';

interface Way {
  readonly peer: string;
  readonly path: Path;
  readonly report: PathReport;
}

/** Every uplink, in the order of the configuration. */
export function netcheckReport(node: Node): NetcheckReport {
  const { node: name, uplinks } = uplinksReport(node);
  const ways = node.pathing.peers.flatMap((peer) =>
    peer.manager.paths.map((path): Way => ({ peer: peer.name, path, report: pathReport(node, peer, path) })),
  );
  const ownWays = uplinks.map((_, place) => ways.filter(({ path }) => path.uplink.id === place));
  const judged = uplinks.map(({ name, state, reasons }, place): JudgedUplink => {
    const paths = ownWays[place].map((way) => judgedPath(way, node.configuration.network.mtu));
    return { name, state, reasons, paths };
  });
  return {
    node: name,
    uplinks: uplinks.map((uplink, place) => {
      const others = judged.filter((_, other) => other !== place);
      return { ...describe(node, uplink, ownWays[place]), verdict: verdictOn(judged[place], others) };
    }),
  };
}

function judgedPath({ peer, path: { health }, report }: Way, tunnelMtu: number): JudgedPath {
  const { state, why, mtu = tunnelMtu, mtuSearching = false } = report;
  const lossPercent = health.lossClass === LOSS_NONE ? 0 : Math.round(health.loss * 100);
  const narrowMtu = !mtuSearching && mtu < tunnelMtu ? mtu : undefined;
  return { peer, state, why, lossPercent, narrowMtu };
}

function describe(
  node: Node,
  { cost: _cost, breakout: _breakout, lastChange: _lastChange, ...uplink }: UplinkReport,
  ways: readonly Way[],
): Omit<NetcheckUplink, 'verdict'> {
  const usable = ways.filter(({ report }) => report.state !== 'down');
  const all = <T>(pick: (report: PathReport) => T | undefined | null): T[] =>
    usable.flatMap(({ report }) => pick(report) ?? []);
  const mtus = all(({ mtu }) => mtu);
  return {
    ...uplink,
    ...range(
      'lossPercent',
      all(({ lossPercent: { s10, s60 } }) => s10 ?? s60),
    ),
    ...range(
      'rttMs',
      all(({ rttMs }) => rttMs),
    ),
    ...range(
      'jitterMs',
      all(({ jitterMs }) => jitterMs),
    ),
    ...(mtus.length > 0 && { mtu: { best: Math.max(...mtus), worst: Math.min(...mtus) } }),
    ...outside(node, uplink, usable),
  };
}

function range<K extends string>(key: K, values: readonly number[]): Partial<Record<K, Range>> {
  if (values.length === 0) return {};
  return { [key]: { best: Math.min(...values), worst: Math.max(...values) } } as Record<K, Range>;
}

function outside(
  node: Node,
  { device, addresses }: Pick<UplinkReport, 'device' | 'addresses'>,
  ways: readonly Way[],
): OutsideView {
  const now = node.native.now();
  // An uplink without a device may send from any address.
  const own = device === undefined ? machineAddresses() : addresses.map((text) => text.split('/')[0]);
  const seen = ways.flatMap(({ peer, path, report: { remote } }): Seen[] => {
    if (path.seen === undefined) return [];
    const { address, port, atMs } = path.seen;
    const from = path.endpoint[ENDPOINT_SOCKET];
    const ownPort = from === path.uplink.socket ? node.configuration.local.listenPort : undefined;
    return [
      { peer, remote, from, ownPort, address: formatAddress(address), port, agoMs: Math.round(now - atMs) },
    ];
  });
  return viewFromOutside(own, seen);
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
