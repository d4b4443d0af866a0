/** Every scenario the lab knows. */
import type { Scenario } from '../scenario.js';
import { haEdgeToAws } from './ha-edge-to-aws.js';

export const SCENARIOS: readonly Scenario[] = [haEdgeToAws];

/** The scenario called `name`, or undefined. */
export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
