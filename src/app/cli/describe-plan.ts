/** What a valid configuration would make its node do, as `validate` prints it. */
import { formatAddress, formatEndpoint, formatPrefix, type HostPort } from '../../core/config/address.js';
import {
  type Configuration,
  controlSocketPath,
  endpointsOf,
  externalsOf,
  type NodeConfiguration,
  peersOf,
  targetText,
} from '../../core/config/configuration.js';
import { table } from './table.js';

/** The plan as text, in sections. */
export function describePlan(configuration: Configuration): string {
  const sections = [
    describeNode(configuration),
    section('Peers', describePeers(configuration)),
    section('Routes', describeRoutes(configuration)),
    section('Inside NAT', describeNats(configuration)),
    section('Devices', describeDevices(configuration)),
  ];
  return sections.join('\n\n');
}

function section(title: string, lines: string): string {
  return `${title}\n${lines === '' ? '  none' : lines}`;
}

function describeNode(configuration: Configuration): string {
  const { clusters, nodes, self, cluster, memberIndex, network, local } = configuration;
  const own = clusters[cluster];
  const place = `member ${memberIndex + 1} of ${own.members.length} of ${own.name}`;
  const role = memberIndex === 0 ? 'active: the first member is preferred' : 'standby';
  return table(
    ['', ''],
    [
      ['Node', `${nodes[self].name}, ${place} (${role})`],
      ['Network', `${network.name}, ${network.cidrs.map(formatPrefix).join(', ')}, MTU ${network.mtu}`],
      ['Listens', `UDP ${local.listenPort}`],
      ['Control', controlSocketPath(local.runDir, nodes[self].name)],
    ],
  );
}

function describePeers(configuration: Configuration): string {
  const rows = peersOf(configuration).map((peer) => [
    peer.name,
    configuration.clusters[peer.cluster].name,
    describeDial(configuration, peer),
  ]);
  const externals = externalsOf(configuration).map(({ name, endpoints }) => [
    name,
    'external',
    `while active, ${endpoints.length > 0 ? `dial ${endpointTexts(endpoints)}` : 'wait to be dialled'}`,
  ]);
  const all = [...rows, ...externals];
  return all.length === 0 ? '' : table(['', '', ''], all, '  ');
}

function endpointTexts(endpoints: readonly HostPort[]): string {
  return endpoints.map(({ host, port }) => formatEndpoint(host, port)).join(', ');
}

function describeDial(configuration: Configuration, peer: NodeConfiguration): string {
  const endpoints = endpointsOf(configuration, peer);
  if (endpoints.length > 0) {
    return `dial ${endpointTexts(endpoints)}${endpoints[0] === peer.lanEndpoint ? ' over the LAN' : ''}`;
  }
  const self = configuration.nodes[configuration.self];
  const dialsUs =
    self.endpoints.length > 0 || (peer.cluster === self.cluster && self.lanEndpoint !== undefined);
  if (dialsUs) return 'wait to be dialled';
  const hub = configuration.clusters.find((cluster) => cluster.gateway);
  return hub === undefined ? 'no way to each other' : `through ${hub.name}`;
}

function describeRoutes(configuration: Configuration): string {
  const rows = configuration.routes.map((route) => [
    formatPrefix(route.prefix),
    targetText(configuration, route),
    `metric ${route.metric}`,
    route.description ?? '',
  ]);
  return rows.length === 0 ? '' : table(['', '', '', ''], rows, '  ');
}

function describeNats(configuration: Configuration): string {
  const { clusters, nats, cluster } = configuration;
  const rows = nats.map((nat) => [
    formatPrefix(nat.local),
    formatPrefix(nat.network),
    `at ${clusters[nat.cluster].name}${nat.cluster === cluster ? ' (here)' : ''}`,
    nat.description ?? '',
  ]);
  if (clusters[cluster].natUnmatched === 'identity') rows.push(['other', 'unchanged', '', '']);
  else rows.push(['other', 'dropped', `at ${clusters[cluster].name} (here)`, '']);
  return table(['', '', '', ''], rows, '  ');
}

function describeDevices(configuration: Configuration): string {
  const { lan, wan, uplinks, uapiName } = configuration.local;
  const vip = configuration.clusters[configuration.cluster].vip;
  const rows = [
    ['LAN', lan.device, vip === undefined ? '' : `cluster address ${formatAddress(vip.bytes)}/${vip.length}`],
    ['LAN TUN', lan.tun, uapiName === undefined ? '' : `'wg show ${uapiName}'`],
    ['WAN TUN', wan.tun, 'local breakout'],
    ...uplinks.map((uplink) => [
      `uplink ${uplink.name}`,
      uplink.device ?? 'any device',
      `cost ${uplink.cost}${uplink.isp === undefined ? '' : `, ${uplink.isp}`}`,
    ]),
  ];
  return table(['', '', ''], rows, '  ');
}
