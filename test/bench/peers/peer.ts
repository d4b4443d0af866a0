/**
 * Who takes part. A peer connects `na` and `nb` of a lane so that `ha` reaches `hb` at `target`. To add one, write a
 * file beside this one and name it in peers/all.ts.
 */
import type { Lane } from '../lane.js';

export interface Peer {
  readonly name: string;
  /** How the table's column is called. */
  readonly title: string;
  readonly version: string;
  /** Why the comparison with this peer may be unfair. */
  readonly warning?: string;
  /** The address at which `ha` reaches `hb`. */
  readonly target: string;
  /** Writes keys and configuration: whatever is not part of a start. */
  prepare(lane: Lane): Promise<void> | void;
  /** Starts the programs in `na` and `nb`. May return before packets flow. */
  start(lane: Lane): Promise<void> | void;
  /** Removes files that the programs may have left. Synchronous. */
  stopped?(lane: Lane): void;
}
