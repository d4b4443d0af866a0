/** The peers in the order of the table's columns; ourselves last. */
import { kernel } from './kernel.js';
import type { Peer } from './peer.js';
import { twinspan } from './twinspan.js';
import { findWireguardGo, wireguardGo } from './wireguard-go.js';

/** Those of `wanted` (all, where empty) that can run here, and sentences about those that cannot. */
export function findPeers(root: string, wanted: readonly string[]): { peers: Peer[]; missing: string[] } {
  const candidates: Record<string, () => Peer | string> = {
    kernel: () => kernel,
    'wireguard-go': () => {
      const build = findWireguardGo(process.env);
      return build === undefined
        ? 'There is no wireguard-go: set WIREGUARD_GO or install it.'
        : wireguardGo(build);
    },
    twinspan: () => twinspan(root) ?? 'Twinspan is not built: run npm run build.',
  };
  const unknown = wanted.filter((name) => candidates[name] === undefined);
  if (unknown.length > 0) throw new Error(`no such peer: ${unknown.join(', ')}`);
  const found = Object.entries(candidates)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .map(([, find]) => find());
  return {
    peers: found.filter((entry) => typeof entry !== 'string'),
    missing: found.filter((entry) => typeof entry === 'string'),
  };
}
