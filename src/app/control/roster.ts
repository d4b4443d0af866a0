/** The clusters of the configuration in the terms of the cluster core. */
import type { Roster } from '../../core/cluster/roster.js';
import type { Configuration } from '../../core/config/configuration.js';
import type { Directory } from './directory.js';

/** The clusters as the members know each other: by name, with our peer numbers. */
export function rosterOf(configuration: Configuration, directory: Directory): Roster {
  const numbers = new Map([...directory.all].map((peer) => [peer.node.index, peer.number]));
  return {
    clusters: configuration.clusters.map((cluster) => ({
      name: cluster.name,
      gateway: cluster.gateway,
      members: cluster.members.map((node) => ({
        name: configuration.nodes[node].name,
        peer: numbers.get(node) ?? -1,
      })),
    })),
    ownCluster: configuration.cluster,
    ownMember: configuration.memberIndex,
  };
}
