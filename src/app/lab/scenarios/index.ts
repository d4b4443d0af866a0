/** Every scenario the lab knows. */
import type { Scenario } from '../scenario.js';
import { haEdgeToAws } from './ha-edge-to-aws.js';
import { idleTenPeers } from './idle-ten-peers.js';
import {
  wanClusterBehindFirewall,
  wanClusterSplitFirewall,
  wanSingleBehindFirewall,
  wanSingleInterface,
} from './wan/behind-firewall.js';
import { wanClusterDirect, wanClusterDmz, wanClusterMixed, wanDualUplink } from './wan/cluster.js';

export const SCENARIOS: readonly Scenario[] = [
  haEdgeToAws,
  wanSingleBehindFirewall,
  wanSingleInterface,
  wanClusterBehindFirewall,
  wanClusterSplitFirewall,
  wanClusterDirect,
  wanClusterDmz,
  wanClusterMixed,
  wanDualUplink,
  idleTenPeers,
];

/** The scenario called `name`, or undefined. */
export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
