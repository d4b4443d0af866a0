/** The configuration that the lab writes is accepted by the nodes' own validation, without a warning. */
import test from 'ava';
import { layoutFor } from '../../../src/app/lab/layout.js';
import { machineScenario, PROFILES } from '../../../src/app/lab/machines/scenario.js';
import { networkYaml, nodesOf, nodeYaml } from '../../../src/app/lab/plan/overlay.js';
import { SCENARIOS } from '../../../src/app/lab/scenarios/index.js';
import { loadConfiguration } from '../../../src/core/config/load.js';
import { parseYaml } from '../../../src/edge/file/yaml.js';
import { testKey } from '../../support/seed_config.js';

const layout = layoutFor(
  '',
  ['twinspan'],
  (name) => [name],
  () => ['ec2'],
);

function source(file: string, text: string) {
  const read = parseYaml(file, text);
  if (!read.ok) throw new Error(read.problems.map((problem) => problem.message).join('; '));
  return read.source;
}

for (const scenario of [...SCENARIOS, ...PROFILES.map(machineScenario)]) {
  test(`${scenario.name}: every node accepts its network.yaml and node.yaml`, (t) => {
    let keys = 0;
    const network = networkYaml(scenario, layout).replace(/\{\{.+?\}\}/g, () => testKey(++keys));
    t.is(keys, nodesOf(scenario).length);
    for (const host of nodesOf(scenario)) {
      const loaded = loadConfiguration({
        node: source(
          'node.yaml',
          nodeYaml(scenario, host, { network: 'network.yaml', privateKey: 'private.key' }),
        ),
        network: source('network.yaml', network),
      });
      t.true(loaded.ok, loaded.ok ? '' : loaded.problems.map((problem) => problem.message).join('; '));
      t.deepEqual(loaded.warnings, []);
    }
  });
}
