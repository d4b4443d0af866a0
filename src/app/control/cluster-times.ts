/**
 * How fast this node looks for silence. Where some cluster has a second member, or a hub could carry what two clusters
 * tell each other directly, silence must be noticed within the detection time, since there is something to switch to.
 * In every other network all is slower by LONE_FACTOR, and an idle node idles. Chosen at start.
 */
import { CLUSTER_DEFAULTS, type ClusterTimes } from '../../core/cluster/settings.js';
import type { Configuration } from '../../core/config/configuration.js';

const LONE_FACTOR = 8;

/** The times of the cluster core and of the probes. */
export function clusterTimes(configuration: Configuration): ClusterTimes {
  if (hasAlternatives(configuration)) return CLUSTER_DEFAULTS;
  const { probeMs, detectionMs, isolationMs, listenMs, holdDownMs } = CLUSTER_DEFAULTS;
  return {
    ...CLUSTER_DEFAULTS,
    probeMs: probeMs * LONE_FACTOR,
    detectionMs: detectionMs * LONE_FACTOR,
    isolationMs: isolationMs * LONE_FACTOR,
    listenMs: listenMs * LONE_FACTOR,
    holdDownMs: holdDownMs * LONE_FACTOR,
  };
}

function hasAlternatives({ clusters, nodes }: Configuration): boolean {
  if (clusters.some((cluster) => cluster.members.length > 1)) return true;
  const dialled = clusters.filter(({ members }) => members.some((node) => nodes[node].endpoints.length > 0));
  return clusters.length > 2 && clusters.some((hub) => hub.gateway && dialled.some((other) => other !== hub));
}
