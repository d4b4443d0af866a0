/** Offloads by name: what the command line says of them goes before node.yaml, for as long as the daemon runs. */
import { TwinspanError } from '../base/errors.js';
import type { Configuration, OffloadName, OffloadSwitch } from './configuration.js';

export type OffloadChoices = Readonly<Partial<Record<OffloadName, OffloadSwitch>>>;

export const OFFLOAD_NAMES: readonly OffloadName[] = [
  'tunCsum',
  'tunTso',
  'tunUso',
  'tunGro',
  'udpGso',
  'udpGro',
];
const SWITCHES: readonly OffloadSwitch[] = ['auto', 'on', 'off'];

/** Reads `NAME=SWITCH` texts; the last word on a name counts. Throws TS_CONFIG_INVALID. */
export function parseOffloads(texts: readonly string[]): OffloadChoices {
  const choices: Partial<Record<OffloadName, OffloadSwitch>> = {};
  for (const text of texts) {
    const [name, choice, ...more] = text.split('=');
    const known = OFFLOAD_NAMES.find((one) => one === name);
    const wanted = SWITCHES.find((one) => one === choice);
    if (known === undefined || wanted === undefined || more.length > 0) {
      throw new TwinspanError(
        'TS_CONFIG_INVALID',
        `--offload ${text} is not NAME=SWITCH.`,
        `Names: ${OFFLOAD_NAMES.join(', ')}. Switches: ${SWITCHES.join(', ')}.`,
      );
    }
    choices[known] = wanted;
  }
  return choices;
}

/** `configuration` with these choices in place of its own. */
export function withOffloads(configuration: Configuration, chosen: OffloadChoices): Configuration {
  const { local } = configuration;
  return {
    ...configuration,
    local: { ...local, offload: { ...local.offload, ...chosen }, offloadChosen: chosen },
  };
}
