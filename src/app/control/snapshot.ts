/** Compiles the configuration into the snapshot that the workers route by. */
import { wordAt } from '../../core/base/prefix.js';
import type { Configuration, WatchConfiguration } from '../../core/config/configuration.js';
import { compileNat } from '../../core/nat/map.js';
import { LiveRoutes } from '../../core/route/live.js';
import type { Route } from '../../core/route/table.js';
import { controlAddresses } from '../../core/router/control-address.js';
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

/**
 * Compiles a snapshot. `routes` is the table of the running node: it is edited in place where nothing but routes differs
 * from the snapshot `before`, so that no worker joins new routes with old NATs or peers. Its places are the routes' index
 * in the configuration, so evidence names a line of the file.
 */
export function compileSnapshot(
  configuration: Configuration,
  directory: Directory,
  lan: LanAddresses,
  hash: (data: Uint8Array) => Uint8Array,
  generation: number,
  routes = new LiveRoutes(),
  before?: Snapshot,
): Snapshot {
  const rest = compileRest(configuration, directory, lan, hash);
  routes.update(routesOf(configuration), before !== undefined && isSame(rest, before));
  return { ...rest, generation, routes: routes.buffer };
}

type Rest = Omit<Snapshot, 'generation' | 'routes'>;

function routesOf(configuration: Configuration): Route[] {
  return configuration.routes.map((route) => ({
    prefix: route.prefix,
    metric: route.metric,
    target: targetNumber(configuration, route),
    blackhole: route.target === 'blackhole',
  }));
}

/** Whether two snapshots are equal but for their routes. */
function isSame(rest: Rest, before: Snapshot): boolean {
  const bytes = ({ nat, peerControl, peerTrust, peerWatch }: Rest): Buffer[] =>
    [new Uint8Array(nat), peerControl, peerTrust, peerWatch].map((part) =>
      Buffer.from(part.buffer, part.byteOffset, part.byteLength),
    );
  const words = (one: Rest): number[] => [
    ...[one.clusterCount, one.ownCluster, one.unmatched, one.mtu, one.lanAddress4],
    ...[...one.lanAddress6, ...one.ownControl],
  ];
  const [mine, theirs] = [bytes(rest), bytes(before)];
  return (
    words(rest).join() === words(before).join() && mine.every((part, index) => part.equals(theirs[index]))
  );
}

function compileRest(
  configuration: Configuration,
  directory: Directory,
  lan: LanAddresses,
  hash: (data: Uint8Array) => Uint8Array,
): Rest {
  const { clusters, network, nodes, self } = configuration;
  const addressOf = controlAddresses(hash, network.name);
  const peerControl = new Int32Array(directory.capacity * 4);
  const peerTrust = new Uint8Array(directory.capacity).fill(TRUST_OWN_ROUTES);
  for (const peer of directory.all) {
    peerControl.set(addressOf(peer.node.publicKey), peer.number * 4);
    if (peer.partner) peerTrust[peer.number] = TRUST_PARTNER;
    else if (clusters[peer.node.cluster].gateway) peerTrust[peer.number] = TRUST_HUB;
  }
  const peerWatch = new Int32Array(directory.capacity * WATCH_WORDS);
  for (const { number, external } of directory.externals) {
    if (external.bfd !== undefined) peerWatch.set(watchWords(external.bfd), number * WATCH_WORDS);
    peerControl.set(addressOf(external.publicKey), number * 4);
  }
  const v6 = lan.v6;
  return {
    nat: compileNat(ownNats(configuration)),
    clusterCount: clusters.length,
    ownCluster: configuration.cluster,
    unmatched:
      clusters[configuration.cluster].natUnmatched === 'identity' ? UNMATCHED_IDENTITY : UNMATCHED_DROP,
    mtu: network.mtu,
    lanAddress4: lan.v4 === undefined ? 0 : wordAt(lan.v4, 0),
    lanAddress6:
      v6 === undefined ? [0, 0, 0, 0] : [wordAt(v6, 0), wordAt(v6, 4), wordAt(v6, 8), wordAt(v6, 12)],
    ownControl: addressOf(nodes[self].publicKey),
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
