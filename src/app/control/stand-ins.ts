/**
 * Tunnels leave an uplink whose link is lost: every peer that is sent to by its socket is sent to by the one that stands in,
 * and dialled by it. Peers of ours follow by roaming. A peer stays there when the link comes back, until that one fails:
 * which of several good ways is best is a matter of measured paths.
 */
import type { SharedTables } from '../../core/router/memory.js';
import { type Dialler, redirected } from './dialler.js';
import type { PathSlots } from './tables.js';

/** Uses `standIns[socket]` in place of each uplink's `socket`. */
export function useStandIns(
  standIns: readonly number[],
  { tables, paths, dialler }: { tables: SharedTables; paths: PathSlots; dialler: Dialler },
): void {
  dialler.redirect(standIns);
  for (let peer = 0; peer < tables.peers.capacity; peer++) {
    const record = paths.current(peer);
    if (record !== undefined) paths.publish(peer, redirected(record, standIns));
  }
}
