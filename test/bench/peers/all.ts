/** The peers in the order of the table's columns; ourselves last. */
import { kernel } from './kernel.js';
import { findNebula } from './nebula.js';
import type { Peer } from './peer.js';
import { twinspan } from './twinspan.js';
import { findWireguardGo, wireguardGo } from './wireguard-go.js';

/** What can run here of what was asked for, and sentences about what cannot. */
export interface Found {
  readonly peers: Peer[];
  /** Of those without which the benchmark says too little. */
  readonly missing: string[];
  /** Of those that are merely good to have. */
  readonly leftOut: string[];
}

/** Those of `wanted` (all, where empty) that can run here; our own nodes with `workers` data-plane workers. */
export function findPeers(root: string, wanted: readonly string[], workers: number): Found {
  const candidates: Record<string, () => Peer | string> = {
    kernel: () => kernel,
    nebula: () => findNebula(process.env) ?? 'nebula is left out: it is not installed.',
    'wireguard-go': () => {
      const build = findWireguardGo(process.env);
      return build === undefined
        ? 'There is no wireguard-go: set WIREGUARD_GO or install it.'
        : wireguardGo(build);
    },
    twinspan: () => twinspan(root, { workers }) ?? 'Twinspan is not built: run npm run build.',
  };
  const unknown = wanted.filter((name) => candidates[name] === undefined);
  if (unknown.length > 0) throw new Error(`no such peer: ${unknown.join(', ')}`);
  const found: Found = { peers: [], missing: [], leftOut: [] };
  for (const [name, find] of Object.entries(candidates)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const peer = find();
    if (typeof peer !== 'string') found.peers.push(peer);
    else if (name === 'nebula' && wanted.length === 0) found.leftOut.push(peer);
    else found.missing.push(peer);
  }
  return found;
}
