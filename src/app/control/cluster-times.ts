/**
 * How fast this node looks for silence. Where some cluster has a second member, silence must be noticed within the
 * detection time, since somebody can take over. In a network of single nodes there is nothing to switch to: everything is
 * slower by LONE_FACTOR, and an idle node idles. Chosen at start.
 */
import { CLUSTER_DEFAULTS, type ClusterTimes } from '../../core/cluster/settings.js';
import type { Configuration } from '../../core/config/configuration.js';

const LONE_FACTOR = 8;

/** The times of the cluster core and of the probes. */
export function clusterTimes(configuration: Configuration): ClusterTimes {
  if (configuration.clusters.some((cluster) => cluster.members.length > 1)) return CLUSTER_DEFAULTS;
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
