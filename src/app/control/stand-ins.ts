/**
 * Tunnels leave an uplink whose link is lost: a peer without a measured path (plain WireGuard) that is sent to by its socket
 * is sent to by the one that stands in, and dialled by it. It stays there when the link comes back, until that one fails.
 */
import type { SharedTables } from '../../core/router/memory.js';
import { type Dialler, redirected } from './dialler.js';
import type { PathSlots } from './tables.js';

/** Uses `standIns[socket]` in place of each uplink's `socket`. */
export function useStandIns(
  standIns: readonly number[],
  tables: SharedTables,
  paths: PathSlots,
  dialler: Dialler,
): void {
  dialler.redirect(standIns);
  for (let peer = 0; peer < tables.peers.capacity; peer++) {
    if (tables.beats.pinned[peer] === 1) continue;
    const record = paths.current(peer);
    if (record !== undefined) paths.publish(peer, redirected(record, standIns));
  }
}
