/** The checks of each scenario. */
import type { CheckGroup } from './check.js';
import { HA_EDGE_TO_AWS } from './ha-edge-to-aws.js';
import { IDLE_CHECKS } from './idle.js';
import { WAN_CHECKS } from './wan/programmes.js';

export const CHECKS: ReadonlyMap<string, readonly CheckGroup[]> = new Map([
  ['ha-edge-to-aws', HA_EDGE_TO_AWS],
  ...WAN_CHECKS,
  ['idle-ten-peers', IDLE_CHECKS],
]);
