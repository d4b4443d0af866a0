/** Compiles the configuration into the snapshot that the workers route by. */
import { wordAt } from '../../core/base/prefix.js';
import type { Configuration, WatchConfiguration } from '../../core/config/configuration.js';
import { compileNat } from '../../core/nat/map.js';
import { compileRoutes } from '../../core/route/table.js';
import { controlAddress } from '../../core/router/control-address.js';
import {
  type Snapshot,
  TRUST_HUB,
  TRUST_OWN_ROUTES,
  TRUST_PARTNER,
  UNMATCHED_DROP,
  UNMATCHED_IDENTITY,
  WATCH_WORDS,
} from '../../core/router/snapshot.js';
import { type Directory, targetNumber } from './directory.js';

/** Our addresses on the site LAN: 4 or 16 bytes each, undefined where there is none. */
export interface LanAddresses {
  readonly v4: Uint8Array | undefined;
  readonly v6: Uint8Array | undefined;
}

/** The inside NATs of our own cluster, in the order in which the snapshot numbers them. */
export function ownNats(configuration: Configuration): Configuration['nats'] {
  return configuration.nats.filter((nat) => nat.cluster === configuration.cluster);
}

/** Routes keep their index in the configuration, so that evidence names a line of the file. */
export function compileSnapshot(
  configuration: Configuration,
  directory: Directory,
  lan: LanAddresses,
  hash: (data: Uint8Array) => Uint8Array,
  generation: number,
): Snapshot {
  const { clusters, network, nodes, self } = configuration;
  const peerControl = new Int32Array(directory.capacity * 4);
  const peerTrust = new Uint8Array(directory.capacity).fill(TRUST_OWN_ROUTES);
  for (const peer of directory.all) {
    peerControl.set(controlAddress(hash, network.name, peer.node.publicKey), peer.number * 4);
    if (peer.partner) peerTrust[peer.number] = TRUST_PARTNER;
    else if (clusters[peer.node.cluster].gateway) peerTrust[peer.number] = TRUST_HUB;
  }
  const peerWatch = new Int32Array(directory.capacity * WATCH_WORDS);
  for (const { number, external } of directory.externals) {
    if (external.bfd !== undefined) peerWatch.set(watchWords(external.bfd), number * WATCH_WORDS);
    peerControl.set(controlAddress(hash, network.name, external.publicKey), number * 4);
  }
  const routes = configuration.routes.map((route) => ({
    prefix: route.prefix,
    metric: route.metric,
    target: targetNumber(configuration, route),
    blackhole: route.target === 'blackhole',
  }));
  const v6 = lan.v6;
  return {
    generation,
    routes: compileRoutes(routes),
    nat: compileNat(ownNats(configuration)),
    clusterCount: clusters.length,
    ownCluster: configuration.cluster,
    unmatched:
      clusters[configuration.cluster].natUnmatched === 'identity' ? UNMATCHED_IDENTITY : UNMATCHED_DROP,
    mtu: network.mtu,
    lanAddress4: lan.v4 === undefined ? 0 : wordAt(lan.v4, 0),
    lanAddress6:
      v6 === undefined ? [0, 0, 0, 0] : [wordAt(v6, 0), wordAt(v6, 4), wordAt(v6, 8), wordAt(v6, 12)],
    ownControl: controlAddress(hash, network.name, nodes[self].publicKey),
    peerControl,
    peerTrust,
    peerWatch,
  };
}

function watchWords({ local, remote }: WatchConfiguration): number[] {
  const words = (address: Uint8Array): number[] =>
    [0, 4, 8, 12].map((at) => (at < address.length ? wordAt(address, at) : 0));
  return [local.length === 4 ? 4 : 6, ...words(local), ...words(remote)];
}
