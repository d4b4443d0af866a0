/** Makes the node's ClusterKeeper: what it looks at is the node's, what it says goes through the data plane. */
import { ClusterKeeper, type ClusterKeeperOptions } from './cluster-keeper.js';
import type { Node } from './node.js';
import { sendControl } from './send-control.js';
import { WorkerWatch } from './worker-watch.js';

/** The node's part in its cluster, which listens at first. */
export function createCluster(
  node: Node,
  given: Pick<ClusterKeeperOptions, 'lan' | 'hash' | 'times'>,
): ClusterKeeper {
  const { native, configuration, directory, tables, log } = node;
  return new ClusterKeeper({
    ...given,
    native,
    configuration,
    directory,
    tables,
    log,
    worker: new WorkerWatch(node.dataplane.workers, log),
    uplinks: () => node.uplinks.tracker.count,
    isUp: (peer, now) => node.liveness.isUp(peer, now),
    // Plain WireGuard has no use for hellos.
    speaks: (peer) => node.liveness.isOurs(peer),
    sendHello: (peer, bytes) => {
      if (node.liveness.isOurs(peer)) sendControl(node, peer, bytes);
    },
    peerName: (peer) => node.peerName(peer),
    onActing: (acting) => node.externals.setActing(acting),
  });
}
