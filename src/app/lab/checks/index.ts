/** The checks of each scenario. */
import type { Check } from './check.js';
import { HA_EDGE_TO_AWS } from './ha-edge-to-aws.js';

export const CHECKS: ReadonlyMap<string, readonly Check[]> = new Map([['ha-edge-to-aws', HA_EDGE_TO_AWS]]);
