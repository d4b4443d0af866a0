/** The peers that status pages and `wg show` list: our own nodes, and while this member acts, external peers. */
import type { Prefix } from '../../core/base/prefix.js';
import type { Node } from './node.js';

export interface ReportedPeer {
  readonly number: number;
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly presharedKey: Uint8Array | undefined;
  readonly persistentKeepaliveMs: number;
  /** The cluster of which it is a member, or which serves it. */
  readonly cluster: number;
  /** We know where to dial it. */
  readonly dialled: boolean;
  readonly up: boolean;
  /** When its session was established, monotonic ms; −Infinity = never. */
  readonly establishedAtMs: number;
  /** What is routed to it. */
  readonly prefixes: readonly Prefix[];
}

/** All of them, nodes first. */
export function reportedPeers(node: Node): ReportedPeer[] {
  const { directory, configuration, wireguard, liveness, externals, secrets } = node;
  const now = node.native.now();
  const prefixesTo = (cluster: number, external: number | undefined): Prefix[] =>
    configuration.routes
      .filter((route) => route.target === cluster && (external === undefined || route.external === external))
      .map(({ prefix }) => prefix);
  const nodes = [...directory.all].map(
    ({ number, node, endpoints }): ReportedPeer => ({
      number,
      name: node.name,
      publicKey: node.publicKey,
      presharedKey: secrets.presharedKeys.get(node.index),
      persistentKeepaliveMs: 0,
      cluster: node.cluster,
      dialled: endpoints.length > 0,
      up: liveness.isUp(number, now),
      establishedAtMs: wireguard.peerStatus(number)?.establishedAtMs ?? Number.NEGATIVE_INFINITY,
      prefixes: prefixesTo(node.cluster, undefined),
    }),
  );
  const served = externals.acting ? directory.externals : [];
  return [
    ...nodes,
    ...served.map(
      ({ number, external }): ReportedPeer => ({
        number,
        name: external.name,
        publicKey: external.publicKey,
        presharedKey: secrets.externalPresharedKeys.get(external.index),
        persistentKeepaliveMs: external.persistentKeepaliveMs,
        cluster: external.cluster,
        dialled: external.endpoints.length > 0,
        up: externals.isUp(number, now),
        establishedAtMs: externals.peerStatus(number)?.establishedAtMs ?? Number.NEGATIVE_INFINITY,
        prefixes: prefixesTo(external.cluster, external.index),
      }),
    ),
  ];
}
